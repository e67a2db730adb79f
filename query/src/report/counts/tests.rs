//! Counts of attempts: those that are added up, against the same counted one by one.

use std::collections::BTreeMap;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::error::ArrowError;

use super::{Counting, count_attempts};
use crate::attempts::kept_tests::{Draw, projector};
use crate::error::QueryError;
use crate::limits::Limits;
use crate::report::group::Group;
use crate::report::keys::{Key, Keys};
use crate::report::{ReportParameters, USAGE};
use crate::sums::tests::{at, some_event, some_parameters};
use crate::test_book::{TestBook, TestEvent};

/// Attempts and prompts by the groups.
type Counts = BTreeMap<Key, (i64, i64)>;

async fn counts(book: &TestBook, parameters: &ReportParameters) -> Result<Counts, QueryError> {
    let counting = Counting {
        range: parameters.range,
        by: &parameters.by,
        filters: &parameters.filters,
        with_duplicates: false,
        with_first_factor: true,
        columns: &["result"],
        tz: parameters.tz,
        shift: None,
    };
    let mut keys = Keys::new(&parameters.by, parameters.tz);
    let mut counts = Counts::new();
    let take = |batch: &RecordBatch| {
        let [attempts, prompts] = ["attempts", "prompts"].map(|name| batch[name].as_primitive::<Int64Type>());
        for (row, key) in keys.of(batch)?.into_iter().enumerate() {
            let sum = counts.entry(key).or_default();
            *sum = (sum.0 + attempts.value(row), sum.1 + prompts.value(row));
        }
        Ok::<_, ArrowError>(counts.len())
    };
    count_attempts(&book.session(Limits::default()), &counting, parameters.now, take).await?;
    Ok(counts)
}

#[tokio::test]
async fn attempts_that_are_added_up_are_those_that_are_counted() {
    let mut draw = Draw(11);
    let (mut kept, mut plain) = (TestBook::new().await, TestBook::new().await);
    let mut keeping = projector(&kept).await;
    for some in 0..8 {
        let events: Vec<TestEvent> =
            (0..30).map(|number| some_event(&mut draw, 100 * some + number)).collect();
        kept.land(&events).await;
        plain.land(&events).await;
        if some < 7 {
            keeping.refresh().await.expect("keeps up");
        }
    }
    let (mut answered, mut refused) = (0, 0);
    while answered < 40 {
        let given = some_parameters(&mut draw);
        let named = given.iter().map(|(name, value)| (*name, value.as_str()));
        let now = draw.one(&["2027-01-01T00:00:00Z", "2026-04-01T00:03:30Z"]);
        let Ok(parameters) = USAGE.parse(named, at(now)) else { continue };
        match counts(&plain, &parameters).await {
            Ok(expected) => {
                let found = counts(&kept, &parameters).await.expect("counts");
                assert_eq!(found, expected, "{given:?}");
                answered += 1;
            }
            Err(error) => {
                assert_eq!(error.to_string(), "leave out `stage`: attempts have none");
                let by_stage = parameters.by.contains(&Group::Stage);
                assert!(by_stage || parameters.filters.has(Group::Stage), "{given:?}");
                refused += 1;
            }
        }
    }
    assert!(refused > 0);
}
