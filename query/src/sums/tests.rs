//! Sums against a count row by row, and reports that are added up against the same that are counted.

use std::collections::BTreeMap;
use std::time::Duration;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use lake::maintain::{Lease, Upkeep};
use lake::projections::PartKind;
use projections::Projector;
use projections::sums::{ATTEMPT_WORDS, EVENT_WORDS};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use super::{Adding, IdEvents, IdsAsked, Periods, Slots, add_up, ids_in};
use crate::arrays::text_column;
use crate::attempts::kept_tests::{Draw, again, location, projector, rows};
use crate::limits::Limits;
use crate::output::Format;
use crate::parameter::TimeRange;
use crate::period::Grain;
use crate::report::{REPORTS, Report, ReportParameters};
use crate::session::Session;
use crate::test_book::{TestBook, TestEvent, event, text};

/// Moments around which events lie: where months end, and where clocks change in Europe and on Lord Howe Island.
const AROUND: &[&str] =
    &["2026-03-29T01:00:00Z", "2026-03-31T22:00:00Z", "2026-04-01T00:00:00Z", "2026-04-04T15:00:00Z"];

const ZONES: &[&str] = &["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"];

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

pub(crate) fn some_event(draw: &mut Draw, number: u64) -> TestEvent {
    let moment = match draw.below(6) {
        0 | 1 => at("2026-03-26T00:00:00Z") + TimeDelta::seconds(draw.below(12 * 86_400) as i64),
        // Some challenges have just outlived their life at [`NOW`].
        2 => at(NOW) + TimeDelta::seconds(draw.below(1_800) as i64 - 1_500),
        _ => at(draw.one(AROUND)) + TimeDelta::seconds(draw.below(60_000) as i64 - 30_000),
    };
    let result = draw.one(AuthResult::ALL);
    let reason =
        (result == AuthResult::Denied).then(|| draw.one(&[DenialReason::WrongCode, DenialReason::HungUp]));
    let method = draw.one(&[None, Some(Method::TextMessage), Some(Method::OathToken)]);
    let stage = draw.one(&[Stage::WholeSignIn, Stage::SecondFactor, Stage::FirstFactor]);
    let assurance = draw.one(&[Assurance::Unknown, Assurance::Challenged, Assurance::Exempt]);
    let (tenant, server) = (draw.one(&["acme", "globex"]), draw.one(&[None, Some("a"), Some("b")]));
    let user = draw.one(&["ada", "bob", "ada@acme.example", "unknown"]);
    let email = draw.one(&[None, None, Some("ada@acme.example"), Some("Bob@acme.example")]);
    let id: &'static str = format!("e{number}").leak();
    let made = event(moment).of(draw.one(&["okta", "gatebook", "entra"]));
    made.with(|event| {
        (event.event_id, event.result, event.denial_reason, event.method) = (id, result, reason, method);
        (event.stage, event.assurance, event.server_name) = (stage, assurance, server);
        (event.tenant_id, event.user_key, event.user_id) = (tenant, user, user);
        // Whom a source does not name it gives no address of.
        event.email = email.filter(|_| user != "unknown");
    })
}

const EVENT_KINDS: [PartKind; 2] = [PartKind::EventsByQuarter, PartKind::EventsByDay];

const ATTEMPT_KINDS: [PartKind; 2] = [PartKind::AttemptsByQuarter, PartKind::AttemptsByDay];

/// How many, by the beginning of a quarter hour or day and the words.
type Told = BTreeMap<String, i64>;

/// What the sums tell of events, by quarter hour or by day.
async fn told(session: &Session, grain: Grain) -> Told {
    let limits = Limits::default();
    let stored = session.stored_sums();
    let sums = stored.events(&limits).await.expect("sums").expect("they are kept");
    let grains = [grain];
    let periods = Periods { grains: &grains, tz: chrono_tz::UTC, shift: None };
    let slots = Slots::new((0, i64::MAX / 2), sums.months(), periods);
    let parts = stored.parts(&sums, EVENT_KINDS, &slots, 0, &limits).await.expect("parts");
    let adding = Adding {
        slots: &slots,
        quarter: Some("quarter"),
        by: EVENT_WORDS.iter().copied().enumerate().collect(),
        filters: Vec::new(),
        counts: &["events"],
    };
    let mut told = Told::new();
    let take = |batch: &RecordBatch| {
        let at = batch["quarter"].as_primitive::<TimestampMicrosecondType>();
        let words = EVENT_WORDS.map(|word| batch[word].as_string::<i32>());
        let counts = batch["events"].as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let words = words.map(|words| words.iter().nth(row).flatten().unwrap_or_default());
            let key = format!("{},{}", at.value(row), words.join(","));
            assert!(told.insert(key, counts.value(row)).is_none(), "each once");
        }
        Ok::<_, ArrowError>(())
    };
    assert!(add_up(&parts, &adding, take).expect("adds up"));
    told
}

/// The same, row by row.
async fn counted(book: &TestBook, length_us: i64) -> Told {
    let mut counted = Told::new();
    for row in
        rows(book, &format!("SELECT occurred_at, {} FROM counted_events", EVENT_WORDS.join(", "))).await
    {
        let (moment, words) = row.split_once(',').expect("columns");
        let at_us = at(moment).timestamp_micros().div_euclid(length_us) * length_us;
        *counted.entry(format!("{at_us},{words}")).or_default() += 1;
    }
    counted
}

/// Parameters as somebody might give them.
pub(crate) fn some_parameters(draw: &mut Draw) -> Vec<(&'static str, String)> {
    let mut given = vec![("tz", draw.one(ZONES).to_owned())];
    let moment = |draw: &mut Draw| {
        let day = at("2026-03-25T00:00:00Z") + TimeDelta::days(draw.below(15) as i64);
        match draw.below(4) {
            0 => day.date_naive().to_string(),
            1 => (day + TimeDelta::minutes(15 * draw.below(96) as i64)).to_rfc3339(),
            2 => (at(draw.one(AROUND)) + TimeDelta::seconds(draw.below(4_000) as i64)).to_rfc3339(),
            _ => (day + TimeDelta::microseconds(draw.below(86_400_000_000) as i64)).to_rfc3339(),
        }
    };
    given.extend([("from", moment(draw)), ("to", moment(draw))]);
    let groups = [
        "quarter_hour",
        "hour",
        "day",
        "week",
        "month",
        "method",
        "result",
        "reason",
        "reason_group",
        "server",
        "tenant",
        "source",
        "assurance",
        "stage",
    ];
    let by: Vec<&str> = groups.into_iter().filter(|_| draw.below(5) == 0).collect();
    given.push(("by", by.join(",")));
    let filters = [
        ("method", "text-message"),
        ("method", "oath-token"),
        ("result", "denied"),
        ("reason", "wrong-code"),
        ("reason_group", "user"),
        ("server", "a"),
        ("tenant", "acme"),
        ("source", "okta"),
        ("assurance", "challenged"),
        ("stage", "first-factor"),
        ("stage", "second-factor"),
    ];
    given.extend(
        filters.into_iter().filter(|_| draw.below(8) == 0).map(|(name, value)| (name, value.to_owned())),
    );
    if draw.below(12) == 0 {
        given.push(("duplicates", "include".to_owned()));
    }
    given
}

/// Parameters of `license-usage`.
fn some_persons(draw: &mut Draw) -> Vec<(&'static str, String)> {
    let mut given = some_parameters(draw);
    given.retain(|(name, _)| ["tz", "from", "to", "method", "result", "tenant", "source"].contains(name));
    let by = ["tenant", "method", "source"].into_iter().filter(|_| draw.below(2) == 0);
    given.push(("by", by.collect::<Vec<_>>().join(",")));
    given.push(("identity", draw.one(&["person", "raw"]).to_owned()));
    given
}

async fn report(book: &TestBook, report: &Report, parameters: &ReportParameters) -> String {
    text(report.answer(&book.session(Limits::default()), parameters).await, Format::Csv).await
}

/// Both books give the same reports, of which one is added up.
async fn same_reports(draw: &mut Draw, kept: &TestBook, plain: &TestBook, count: usize) {
    let mut answered = 0;
    while answered < count {
        let persons = Report::named("license-usage").expect("a report");
        let kind = draw.one(&[REPORTS[0], REPORTS[1], persons]);
        let given = if kind.name == persons.name { some_persons(draw) } else { some_parameters(draw) };
        let named = given.iter().map(|(name, value)| (*name, value.as_str()));
        let now = draw.one(&["2027-01-01T00:00:00Z", "2026-04-01T10:07:30Z"]);
        // Of two moments the later one may come first.
        let Ok(parameters) = kind.parse(named, at(now)) else { continue };
        let expected = report(plain, kind, &parameters).await;
        assert_eq!(report(kept, kind, &parameters).await, expected, "{kind:?} {given:?}");
        answered += 1;
    }
}

/// Ids are found as they would be row by row.
async fn same_ids(draw: &mut Draw, kept: &TestBook, count: usize) {
    let asked_of = "occurred_at, tenant_id, source, user_key, method";
    let events = rows(kept, &format!("SELECT {asked_of} FROM counted_events")).await;
    let session = kept.session(Limits::default());
    let is_kept = session.stored_sums().events(&Limits::default()).await.expect("sums").is_some();
    assert!(is_kept);
    for _ in 0..count {
        let mut at_us = at("2026-03-20T00:00:00Z") + TimeDelta::seconds(draw.below(15 * 86_400) as i64);
        let mut periods = Vec::new();
        for _ in 0..1 + draw.below(3) {
            let length = draw.one(&[3_600, 86_400, 10 * 86_400, 60 * 86_400]);
            let to = at_us + TimeDelta::seconds(length);
            periods.push(TimeRange { from: at_us, to });
            at_us = to + TimeDelta::seconds(draw.one(&[0, 7_200]));
        }
        let mut expected: Vec<BTreeMap<String, i64>> = vec![BTreeMap::new(); periods.len()];
        for row in &events {
            let (moment, id) = row.split_once(',').expect("cells");
            let moment = at(moment);
            let period = periods.iter().position(|period| (period.from..period.to).contains(&moment));
            if let Some(period) = period {
                *expected[period].entry(id.to_owned()).or_default() += 1;
            }
        }
        let asked = IdsAsked { periods: &periods, choose: &|events| Ok(events), is_summed: true };
        let found = ids_in(&session, &asked).await.expect("ids");
        let names = session.stored_sums().persons_kept().names.read();
        let told = |ids: &Vec<IdEvents>| {
            let tell = |it: &IdEvents| {
                let method = names.text_of(it.method).unwrap_or_default();
                (format!("{},{method}", names.id_of(it.id).join(",")), it.events)
            };
            ids.iter().map(tell).collect::<BTreeMap<String, i64>>()
        };
        assert_eq!(found.iter().map(told).collect::<Vec<_>>(), expected, "{periods:?}");
    }
}

/// Whose an id is, is the same as if it had been learned from attempts.
async fn same_owners(kept: &TestBook, plain: &TestBook) {
    let (kept, plain) = (kept.session(Limits::default()), plain.session(Limits::default()));
    let (ours, theirs) = (kept.owners(&[]).await.expect("owners"), plain.owners(&[]).await.expect("owners"));
    let time_us = (i64::MIN, i64::MAX);
    for tenant in ["acme", "globex"] {
        for source in ["okta", "gatebook", "entra"] {
            for user in ["ada", "bob", "ada@acme.example", "carl"] {
                let (our, their) = (ours.of(tenant, source, user, 0), theirs.of(tenant, source, user, 0));
                assert_eq!(our, their, "{tenant} {source} {user}");
                let (our, their) = (ours.named(user, time_us), theirs.named(user, time_us));
                assert_eq!(our, their);
                for (tenant, person) in our {
                    assert_eq!(ours.ids(&tenant, &person), theirs.ids(&tenant, &person));
                    assert_eq!(ours.addresses(&tenant, &person), theirs.addresses(&tenant, &person));
                }
            }
        }
    }
}

/// Merges the files of a book, and removes the days before one.
pub(crate) async fn maintain(book: &mut TestBook, first: Option<NaiveDate>) {
    let retention_days = first.map_or(100_000, |first| (Utc::now().date_naive() - first).num_days());
    let upkeep = Upkeep {
        retention_days: retention_days.try_into().expect("days"),
        compact_files_min: 2,
        compact_file_bytes_max: 1 << 20,
        compact_rows_max: 1 << 20,
        checkpoint_commits: 1_000,
        vacuum_after: Duration::from_secs(3_600),
        lease: Duration::from_secs(60),
    };
    let mut lease = Lease::take(&location(book), upkeep.lease, Duration::ZERO).await.expect("free");
    book.book.refresh().await.expect("refreshes");
    book.book.maintain(&upkeep, &mut lease, &mut |_| {}).await.expect("maintains");
    lease.release().await.expect("released");
}

/// A moment at which some challenges have outlived their life, and others can be answered.
const NOW: &str = "2026-04-01T00:03:00Z";

/// What the sums tell of attempts, by quarter hour or by day: how many, and prompts.
async fn told_attempts(session: &Session, grain: Grain) -> BTreeMap<String, (i64, i64)> {
    let limits = Limits::default();
    let stored = session.stored_sums();
    let sums = stored.attempts(&limits).await.expect("sums").expect("they are kept");
    let grains = [grain];
    let periods = Periods { grains: &grains, tz: chrono_tz::UTC, shift: None };
    let slots = Slots::new((0, i64::MAX / 2), sums.months(), periods);
    let now_us = at(NOW).timestamp_micros();
    let parts = stored.parts(&sums, ATTEMPT_KINDS, &slots, now_us, &limits).await.expect("parts");
    let adding = Adding {
        slots: &slots,
        quarter: Some("quarter"),
        by: ATTEMPT_WORDS.iter().copied().enumerate().collect(),
        filters: Vec::new(),
        counts: &["attempts", "prompts"],
    };
    let mut told = BTreeMap::new();
    let take = |batch: &RecordBatch| {
        let at = batch["quarter"].as_primitive::<TimestampMicrosecondType>();
        let words = ATTEMPT_WORDS.map(|word| batch[word].as_string::<i32>());
        let [attempts, prompts] = ["attempts", "prompts"].map(|name| batch[name].as_primitive::<Int64Type>());
        for row in 0..batch.num_rows() {
            let words = words.map(|words| words.iter().nth(row).flatten().unwrap_or_default());
            let key = format!("{},{}", at.value(row), words.join(","));
            let counts = (attempts.value(row), prompts.value(row));
            assert!(told.insert(key, counts).is_none(), "each once");
        }
        Ok::<_, ArrowError>(())
    };
    assert!(add_up(&parts, &adding, take).expect("adds up"));
    told
}

/// The same, row by row. The clock is applied here, since a question in SQL has its own.
async fn counted_attempts(session: &Session, length_us: i64) -> BTreeMap<String, (i64, i64)> {
    let mut counted: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    let frame = session.stored_attempts().expect("attempts");
    for batch in frame.collect().await.expect("rows") {
        let moment = |name: &str| batch[name].as_primitive::<TimestampMicrosecondType>().clone();
        let (first, until) = (moment("first_at"), moment("answerable_until"));
        let prompts = batch["prompts"].as_primitive::<Int64Type>();
        let words = ATTEMPT_WORDS.map(|word| text_column(&batch, word).expect("words"));
        for row in 0..batch.num_rows() {
            let mut words =
                words.each_ref().map(|words| words.iter().nth(row).flatten().unwrap_or_default().to_owned());
            if until.is_valid(row) {
                let is_expired = until.value(row) < at(NOW).timestamp_micros();
                let [.., result, reason, _, _] = &mut words;
                *result = if is_expired { "denied" } else { "open" }.to_owned();
                *reason = if is_expired { "no-response" } else { "" }.to_owned();
            }
            let at_us = first.value(row).div_euclid(length_us) * length_us;
            let counts = counted.entry(format!("{at_us},{}", words.join(","))).or_default();
            counts.0 += 1;
            counts.1 += prompts.value(row);
        }
    }
    counted
}

async fn check(kept: &TestBook, when: &str) {
    let session = kept.session(Limits::default());
    let told_by_quarter = told_attempts(&session, Grain::QuarterHour).await;
    assert_eq!(told_by_quarter, counted_attempts(&session, 900_000_000).await, "attempts, {when}");
    let told_by_day = told_attempts(&session, Grain::Day).await;
    assert_eq!(told_by_day, counted_attempts(&session, 86_400_000_000).await, "attempts, {when}");
    assert_eq!(told(&session, Grain::QuarterHour).await, counted(kept, 900_000_000).await, "{when}");
    assert_eq!(told(&session, Grain::Day).await, counted(kept, 86_400_000_000).await, "{when}");
}

/// Whatever happens to the book and to the table, the sums are what would be counted, stored or not.
async fn adds_up(seed: u64, events: u64, partitions: u64) {
    let mut draw = Draw(seed);
    let (mut kept, mut plain) = (TestBook::new().await, TestBook::new().await);
    let mut keeping: Projector = projector(&kept).await;
    keeping.refresh().await.expect("keeps up");
    let (mut all, mut number): (Vec<TestEvent>, u64) = (Vec::new(), 0);
    let mut has_removed = false;
    while number < events {
        let batch: Vec<TestEvent> = (0..1 + draw.below(25))
            .map(|_| {
                number += 1;
                if !all.is_empty() && draw.below(5) == 0 {
                    let of = all[draw.below(all.len() as u64) as usize].clone();
                    again(&mut draw, &of)
                } else {
                    some_event(&mut draw, number)
                }
            })
            .collect();
        all.extend(batch.iter().cloned());
        let partition = draw.below(partitions) as i32;
        for book in [&mut kept, &mut plain] {
            book.land_from(partition, &batch).await;
        }
        if draw.below(3) > 0 {
            keeping.refresh().await.expect("keeps up");
        }
        match draw.below(12) {
            0 => keeping = projector(&kept).await,
            1 => drop(keeping.rebuild(&mut |_| {}).await.expect("makes anew")),
            2 | 3 => while keeping.table().merge_once().await.expect("merges") {},
            // What a later decoder reads; offsets are unique in one partition alone.
            4 | 5 if partitions == 1 => {
                let anew = some_event(&mut draw, number);
                let offset = draw.below(all.len() as u64) as i64;
                for book in [&mut kept, &mut plain] {
                    book.redecode(offset, &anew).await;
                }
            }
            7 => maintain(&mut kept, None).await,
            _ => {}
        }
        if !has_removed && number > events / 2 {
            has_removed = true;
            keeping.refresh().await.expect("keeps up");
            for book in [&mut kept, &mut plain] {
                maintain(book, NaiveDate::from_ymd_opt(2026, 3, 30)).await;
            }
            check(&kept, "days are removed, and not yet from what is stored").await;
            let done = keeping.refresh().await.expect("keeps up").expect("something is new");
            assert!(!done.rebuilt);
            check(&kept, "days are removed").await;
        }
        if draw.below(3) == 0 {
            check(&kept, &format!("seed {seed}, {number} events")).await;
        }
    }
    check(&kept, "at the end, before it is stored").await;
    same_reports(&mut draw, &kept, &plain, 6).await;
    same_ids(&mut draw, &kept, 6).await;
    same_owners(&kept, &plain).await;
    keeping.refresh().await.expect("keeps up");
    while keeping.table().merge_once().await.expect("merges") {}
    check(&kept, "at the end").await;
    same_reports(&mut draw, &kept, &plain, 9).await;
    same_ids(&mut draw, &kept, 9).await;
    same_owners(&kept, &plain).await;
}

#[tokio::test]
async fn sums_are_what_would_be_counted() {
    for (seed, partitions) in [(1, 1), (2, 4), (3, 1), (4, 4)] {
        adds_up(seed, 120, partitions).await;
    }
}

#[tokio::test]
async fn an_older_session_adds_up_what_it_knew() {
    let mut book = TestBook::new().await;
    let mut keeping = projector(&book).await;
    let mut draw = Draw(5);
    let mut older = Vec::new();
    for number in 0..6 {
        book.land(&[some_event(&mut draw, number), some_event(&mut draw, 100 + number)]).await;
        keeping.refresh().await.expect("keeps up");
        older.push((book.session(Limits::default()), counted(&book, 900_000_000).await));
    }
    let limits = Limits::default();
    let mut added_up = 0;
    for (session, expected) in older {
        // Of long ago the table is not known any more as it was: then the book is counted.
        if session.stored_sums().events(&limits).await.expect("sums").is_some() {
            assert_eq!(told(&session, Grain::QuarterHour).await, expected);
            added_up += 1;
        }
    }
    assert!(added_up >= 3, "{added_up}");
}
