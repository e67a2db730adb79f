//! A small world of persons whose sign-ins are known before they are landed, for the tests of reports about persons.
//!
//! Each sign-in lies half an hour from any other of its person, so that what is an attempt and what is a sign-in follows from
//! how it was made. Copies, earlier states and late events are mixed in.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method};
use schemas::{Maps, read_directory_file};
use serde_json::Value;

use super::Report;
use crate::limits::Limits;
use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event, text};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Numbers that look random and are the same each time.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// A name that is awkward everywhere.
pub(super) const AWKWARD: &str = "n\0l'\"; DROP é";

/// An id: tenant, source, id, the e-mail address that events give with it, the name of its person.
type Id = (&'static str, &'static str, &'static str, Option<&'static str>, &'static str);

/// Ids, and whose they are by the directory of [`World::new`] and by the addresses.
pub(super) const IDS: &[Id] = &[
    ("acme", "entra", "ada@acme.example", None, "ada@acme.example"),
    ("acme", "duo", "ada", Some("Ada@acme.example"), "ada@acme.example"),
    ("acme", "entra", "bob@acme.example", None, "H'2 \"ü\""),
    ("acme", "duo", "bob", None, "H'2 \"ü\""),
    ("acme", "mfa-server", "CORP\\eve", None, "CORP\\eve (mfa-server)"),
    ("acme", "duo", AWKWARD, None, "n\0l'\"; DROP é (duo)"),
    ("globex", "duo", "ada", None, "ada (duo)"),
    ("globex", "okta", "zoe@globex.example", None, "Z-1"),
];

/// A sign-in as it was made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    pub(super) tenant: &'static str,
    pub(super) person: &'static str,
    pub(super) at: DateTime<Utc>,
    pub(super) application: Option<&'static str>,
    pub(super) result: AuthResult,
    /// The strongest that any of its events proves.
    pub(super) assurance: Assurance,
    /// By source, id, event id, moment, method: one attempt each.
    pub(super) events: Vec<Told>,
}

/// Three names, a moment and the method of an event.
type Told = (&'static str, &'static str, &'static str, DateTime<Utc>, Option<Method>);

pub(super) struct World {
    pub(super) book: TestBook,
    pub(super) made: Vec<Made>,
    /// Batches of rows that are still to be landed.
    pub(super) to_land: Vec<Vec<TestEvent>>,
}

const METHODS: [Option<Method>; 4] =
    [Some(Method::MobileAppNotification), Some(Method::VoiceCall), Some(Method::Password), None];

impl World {
    /// Sign-ins of these days from 2026-03-01 on. `H'2 "ü"` is enabled from March 4 to 20; `Never` never comes; `Later` is
    /// enabled from 2027 on.
    pub(super) async fn new(seed: u64, sign_ins: usize, days: i64) -> Self {
        let mut dice = Dice(seed);
        let mut book = TestBook::new().await;
        let hr = "person,ids,enabled_from,enabled_to\n\
                  ada@acme.example,ada@acme.example,,\n\
                  \"H'2 \"\"ü\"\"\",bob bob@acme.example,2026-03-04,2026-03-20\n\
                  Never,duo:never,,\n\
                  Later,later,2027-01-01,\n";
        for (tenant, csv) in [("acme", hr), ("globex", "person,ids\nZ-1,zoe@globex.example\n")] {
            let file = read_directory_file(csv.as_bytes(), Some("hr"), &Maps::default()).expect("a file");
            book.directory.import(tenant, &file, "op", 0).await.expect("imports");
        }
        let (mut made, mut rows) = (Vec::new(), Vec::new());
        // One of each half hour and person: none lies near another one of the same person.
        for slot in 0..sign_ins {
            let start = at("2026-03-01T00:05:00Z");
            let step = TimeDelta::days(days) / i32::try_from(sign_ins).expect("few");
            let moment = start + step * i32::try_from(slot).expect("few");
            let moment = moment + TimeDelta::milliseconds(dice.below(60_000) as i64);
            // The book keeps microseconds.
            let moment = DateTime::from_timestamp_micros(moment.timestamp_micros()).expect("a moment");
            let sign_in = sign_in(&mut dice, slot, moment, &mut rows);
            made.push(sign_in);
        }
        // Late, and in any order.
        for index in (1..rows.len()).rev() {
            rows.swap(index, dice.below(index + 1));
        }
        let mut to_land = Vec::new();
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(1 + dice.below(40)));
            to_land.push(std::mem::replace(&mut rows, rest));
        }
        Self { book, made, to_land }
    }

    pub(super) async fn land_all(&mut self) {
        for batch in std::mem::take(&mut self.to_land) {
            self.book.land(&batch).await;
        }
    }
}

fn sign_in(dice: &mut Dice, slot: usize, at: DateTime<Utc>, rows: &mut Vec<TestEvent>) -> Made {
    let id = dice.one(IDS);
    let (tenant, source, user, email, person) = id;
    let application = dice.one(&[Some("Payroll"), Some("VPN 'é'"), None]);
    let assurance = dice.one(Assurance::ALL);
    let method = dice.one(&METHODS);
    let result = if dice.below(4) == 0 { AuthResult::Denied } else { AuthResult::Success };
    let name = |what: &str| -> &'static str { Box::leak(format!("{what}{slot}").into_boxed_str()) };
    let make = |source, user, email, event_id, at, assurance| {
        let made = event(at).of(source).with(|event| {
            (event.event_id, event.tenant_id) = (event_id, tenant);
            (event.user_id, event.user_key, event.email) = (user, user, email);
            (event.application, event.assurance, event.method) = (application, assurance, method);
            event.attempt_id = Some(event_id);
        });
        if result == AuthResult::Denied { made.denied(DenialReason::WrongCode) } else { made }
    };
    let event_id = name("e");
    let first = make(source, user, email, event_id, at, assurance);
    let mut sign_in = Made {
        tenant,
        person,
        at,
        application,
        result,
        assurance,
        events: vec![(source, user, event_id, at, method)],
    };
    match dice.below(4) {
        // A copy, wherever it comes.
        0 if source != "entra" => rows.push(first.clone()),
        // An earlier state, which does not count.
        0 => rows.push(first.clone().with(|event| {
            event.result = AuthResult::Pending;
            event.denial_reason = None;
        })),
        // Duo checked what Entra let in.
        1 if source == "entra" && result == AuthResult::Success => {
            let (_, _, user, email, _) =
                IDS.iter().find(|it| it.4 == person && it.1 == "duo").expect("an id");
            let (later, other_id) = (at + TimeDelta::seconds(20), name("d"));
            rows.push(make("duo", user, *email, other_id, later, Assurance::Challenged));
            sign_in.events.push(("duo", user, other_id, later, method));
            sign_in.assurance = Assurance::Challenged;
        }
        _ => {}
    }
    rows.push(first.late(TimeDelta::seconds(5)));
    sign_in
}

/// An answer as JSON, or why there is none.
pub(super) async fn ask(book: &TestBook, report: &Report, given: &[(&str, &str)]) -> Result<Value, String> {
    let parameters = report.parse(given.iter().copied(), at("2027-01-01T00:00:00Z")).expect("parameters");
    let answer = report.answer(&book.session(Limits::default()), &parameters).await;
    let told = text(answer, Format::Json).await;
    match told.strip_prefix("error: ") {
        Some(error) => Err(error.to_owned()),
        None => Ok(serde_json::from_str(&told).expect("JSON")),
    }
}

/// The rows of an answer.
pub(super) async fn rows(book: &TestBook, report: &Report, given: &[(&str, &str)]) -> Vec<Value> {
    let answer = ask(book, report, given).await.expect("an answer");
    answer["rows"].as_array().expect("rows").clone()
}

/// A moment as JSON tells it.
pub(super) fn told(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().map(at)
}
