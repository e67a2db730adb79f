//! What tests say of a record: a line for each of its elements.

use crate::decoder::Decoder;
use crate::element::{Change, Element, Event};
use crate::maps::Maps;
use crate::record::Record;
use crate::source::Source;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;

const ANY_TIME: TimeLimits =
    TimeLimits { max_age_us: None, max_ahead_us: i64::MAX / 4, now_us: i64::MAX / 4 };

/// Decodes a record and calls back with each element.
pub(super) fn decode(source: Source, record: &str, mut look: impl FnMut(Element<'_>)) {
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut decoder = Decoder::new(source, &Maps::default());
    decoder.decode(&record, &ANY_TIME, &mut UnknownCounts::default(), &mut |_, element| look(element));
}

/// A line for each element; what is absent is `-`.
pub(super) fn of(source: Source, record: &str) -> String {
    let mut lines = Vec::new();
    decode(source, record, |element| {
        lines.push(match element {
            Element::Event(event) => of_event(&event),
            Element::Change(change) => of_change(&change),
            Element::Skipped(kind) => format!("skipped {kind}"),
            Element::Rejection(rejection) => {
                format!("rejected {}: {}", rejection.field.unwrap_or("-"), rejection.detail)
            }
        });
    });
    lines.join("\n")
}

/// `RESULT/REASON STAGE ASSURANCE METHOD USER CODE DETAIL UNKNOWN…`
fn of_event(event: &Event<'_>) -> String {
    let reason = event.denial_reason.map(|reason| format!("/{reason}")).unwrap_or_default();
    let method = event.method.map_or("-", crate::vocabulary::Method::as_str);
    let unknown: String = event.unknown_values.iter().map(|value| format!(" [{value}]")).collect();
    format!(
        "{}{reason} {} {} {method} {} {} {}{unknown}",
        event.result,
        event.stage,
        event.assurance,
        event.user_id,
        event.result_code.unwrap_or("-"),
        event.result_detail.unwrap_or("-"),
    )
}

/// `change CHANGE of USER by ACTOR METHOD DETAIL`
fn of_change(change: &Change<'_>) -> String {
    format!(
        "change {} of {} by {} {} {}",
        change.change,
        change.user_id,
        change.actor.unwrap_or("-"),
        change.method.map_or("-", crate::vocabulary::Method::as_str),
        change.result_detail.unwrap_or("-"),
    )
}
