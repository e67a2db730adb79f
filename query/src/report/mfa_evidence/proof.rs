//! The events that prove what is said of each person, and their places.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::TimeDelta;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::arrays::{Texts, numbers};

use super::super::changed::place;
use super::super::counts::in_range;
use super::super::parameters::ReportParameters;
use super::super::people_parameters::tenants;
use super::fold::Found;
use crate::error::QueryError;
use crate::function::telling;
use crate::parameter::TimeRange;
use crate::people::Owners;
use crate::report::asked::read;
use crate::session::Session;

/// How long after the range a sign-in of it may go on.
const GOES_ON: TimeDelta = TimeDelta::days(1);

const NAMES: [&str; 7] =
    ["tenant_id", "source", "user_key", "event_id", "result", "assurance", "kafka_topic"];

/// The events that prove what is said of a person.
#[derive(Default)]
pub(super) struct Proof {
    pub(super) event_ids: Vec<String>,
    pub(super) places: Vec<String>,
}

/// An event of a proving sign-in: its place, its id, and whether it proves what is said by itself.
type Told = (String, String, bool);

/// Finds them, one for each of the persons.
pub(super) async fn find(
    session: &Session,
    parameters: &ReportParameters,
    owners: &Owners,
    found: &[Found],
) -> Result<Vec<Proof>, QueryError> {
    let limits = session.limits();
    let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
    let mut wanted: HashMap<(&str, &str), HashSet<usize>> = HashMap::new();
    for (index, it) in found.iter().enumerate() {
        for event_id in it.seen.strongest.iter().flat_map(|strongest| &strongest.event_ids) {
            wanted.entry((it.tenant.as_str(), event_id.as_str())).or_default().insert(index);
        }
    }
    let mut told: Vec<Vec<Told>> = (0..found.len()).map(|_| Vec::new()).collect();
    if !wanted.is_empty() {
        let rows = frame(session.counted_events().await?, parameters, found).map_err(failed)?;
        read(session, rows, &mut |batch| take_in(&mut told, batch, owners, found, &wanted).map(|()| 0))
            .await?;
    }
    Ok(told.into_iter().map(proof).collect())
}

/// The events with one of these ids.
fn frame(
    events: DataFrame,
    parameters: &ReportParameters,
    found: &[Found],
) -> Result<DataFrame, DataFusionError> {
    let TimeRange { from, to } = parameters.range;
    let mut rows = events.filter(in_range(TimeRange { from, to: to + GOES_ON }))?;
    let tenants = tenants(parameters);
    if !tenants.is_empty() {
        rows = rows.filter(col("tenant_id").in_list(tenants.into_iter().map(lit).collect(), false))?;
    }
    let ids = found.iter().filter_map(|it| it.seen.strongest.as_ref());
    let ids: HashSet<String> = ids.flat_map(|strongest| strongest.event_ids.iter().cloned()).collect();
    let is_wanted = telling("is_wanted", vec![DataType::Utf8], move |columns| {
        let texts = columns[0].as_string::<i32>();
        (0..texts.len()).map(|row| Some(texts.is_valid(row) && ids.contains(texts.value(row)))).collect()
    });
    let places = ["kafka_partition", "kafka_offset", "element_index", "occurred_at"];
    rows.filter(is_wanted.call(vec![col("event_id")]))?
        .select(NAMES.into_iter().chain(places).map(col).collect::<Vec<_>>())
}

fn take_in(
    told: &mut [Vec<Told>],
    rows: &RecordBatch,
    owners: &Owners,
    found: &[Found],
    wanted: &HashMap<(&str, &str), HashSet<usize>>,
) -> Result<(), ArrowError> {
    let texts = Texts::of(rows, &NAMES)?;
    let at = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
    for row in 0..rows.num_rows() {
        let [tenant, source, user_key, event_id] = [0, 1, 2, 3].map(|index| texts.needed(index, row));
        let Some(theirs) = wanted.get(&(tenant, event_id)) else { continue };
        for index in theirs {
            let it = &found[*index];
            // Ids are a source's own: another person's event may have the same.
            let Some(strongest) = &it.seen.strongest else { continue };
            if owners.of(tenant, source, user_key, strongest.at_us).person != it.person
                || at.value(row) < strongest.at_us
            {
                continue;
            }
            let proves = texts.get(4, row) == Some("success")
                && texts.get(5, row) == Some(strongest.assurance.as_str());
            told[*index].push((place(rows, texts.needed(6, row), row)?, event_id.to_owned(), proves));
        }
    }
    Ok(())
}

/// Those that prove it by themselves; where none does, all of the sign-in.
fn proof(told: Vec<Told>) -> Proof {
    let has_any = told.iter().any(|(.., proves)| *proves);
    let proving: BTreeMap<String, String> = told
        .into_iter()
        .filter(|(.., proves)| *proves || !has_any)
        .map(|(place, event_id, _)| (place, event_id))
        .collect();
    let mut proof = Proof::default();
    for (place, event_id) in proving {
        if !proof.event_ids.contains(&event_id) {
            proof.event_ids.push(event_id);
        }
        proof.places.push(place);
    }
    proof
}
