//! A book that changes while it is asked: events, changes and a directory as they come, and what upkeep does meanwhile.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use projections::Projector;
use schemas::vocabulary::{Assurance, AuthResult, ChangeKind, DenialReason, Method, Stage};
use schemas::{Maps, Step, read_directory_file};

use crate::attempts::kept_tests::{Draw, projector};
use crate::expectations::{Expectations, Suspicious};
use crate::limits::Limits;
use crate::session::{Resources, Session};
use crate::sums::tests::maintain;
use crate::test_book::{TestBook, TestChange, TestEvent, change, event};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// Moments around which events lie: clocks change in New York, in Berlin and on Lord Howe Island, and a month ends.
pub(super) const AROUND: &[&str] = &[
    "2025-03-09T07:00:00Z",
    "2025-03-30T01:00:00Z",
    "2025-03-31T22:00:00Z",
    "2025-04-01T00:00:00Z",
    "2025-04-05T15:00:00Z",
];

/// An id, and whose it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Id {
    pub(super) tenant: &'static str,
    pub(super) source: &'static str,
    pub(super) user: &'static str,
    /// The address that each of its events gives.
    email: Option<&'static str>,
    person: &'static str,
    pub(super) linked_by: &'static str,
}

const fn id(
    [tenant, source, user]: [&'static str; 3],
    email: Option<&'static str>,
    person: &'static str,
    linked_by: &'static str,
) -> Id {
    Id { tenant, source, user, email, person, linked_by }
}

/// Whose id it is that belongs to one after the other.
const REUSED: &str = "A1, then B2";

/// Who is listed by a directory that is imported later.
const LATER: &str = "zoe@globex.example, then Z-1";

pub(super) const IDS: &[Id] = &[
    id(["acme", "entra", "ada@acme.example"], None, "ada@acme.example", "directory"),
    id(["acme", "duo", "ada"], Some("Ada@acme.example"), "ada@acme.example", "email"),
    id(["acme", "entra", "bob@acme.example"], None, "H'2 \"ü\"", "directory"),
    id(["acme", "mfa-server", "bob"], None, "H'2 \"ü\"", "directory"),
    id(["acme", "gatebook", "CORP\\eve"], None, "CORP\\eve (gatebook)", "unmatched"),
    id(["acme", "mfa-server", "shared"], None, REUSED, "directory"),
    id(["globex", "duo", "ada"], None, "ada (duo)", "unmatched"),
    id(["globex", "okta", "zoe@globex.example"], None, LATER, "address"),
    id(["globex", "entra", "yan@globex.example"], None, "yan@globex.example", "address"),
];

/// A message of which no record says whose it is.
pub(super) const NOBODY: &str = "unknown";

/// An id that changes alone name.
const NEWCOMER: Id = id(["acme", "okta", "newcomer"], None, "newcomer (okta)", "unmatched");

/// The directory of `acme`. When one is enabled is UTC.
const HR: &str = "person,ids,enabled_from,enabled_to\n\
                  ada@acme.example,ada@acme.example,,\n\
                  \"H'2 \"\"ü\"\"\",bob bob@acme.example,2025-03-20,2025-04-01\n\
                  A1,shared,,2025-03-31\n\
                  B2,shared,2025-03-31,\n\
                  Never,duo:never,,\n\
                  Later,later,2027-01-01,\n";

/// Whom directories list, and when each is enabled.
pub(super) fn listed(
    has_globex: bool,
) -> Vec<(&'static str, &'static str, Option<&'static str>, Option<&'static str>)> {
    let mut listed = vec![
        ("acme", "A1", None, Some("2025-03-31T00:00:00Z")),
        ("acme", "B2", Some("2025-03-31T00:00:00Z"), None),
        ("acme", "H'2 \"ü\"", Some("2025-03-20T00:00:00Z"), Some("2025-04-01T00:00:00Z")),
        ("acme", "Later", Some("2027-01-01T00:00:00Z"), None),
        ("acme", "Never", None, None),
        ("acme", "ada@acme.example", None, None),
    ];
    listed.extend(has_globex.then_some(("globex", "Z-1", None, None)));
    listed
}

/// The person whose an id is at a moment, and by which rule.
pub(super) fn whose(
    [tenant, source, user_key]: [&str; 3],
    at: DateTime<Utc>,
    has_globex: bool,
) -> (String, &'static str) {
    let is_it = |id: &&Id| [id.tenant, id.source, id.user] == [tenant, source, user_key];
    let Some(id) = IDS.iter().chain([&NEWCOMER]).find(is_it) else {
        return (format!("{user_key} ({source})"), "unmatched");
    };
    match id.person {
        REUSED if at < self::at("2025-03-31T00:00:00Z") => ("A1".to_owned(), "directory"),
        REUSED => ("B2".to_owned(), "directory"),
        LATER if has_globex => ("Z-1".to_owned(), "directory"),
        LATER => (id.user.to_owned(), "address"),
        person => (person.to_owned(), id.linked_by),
    }
}

/// What one of them is called, in which tenant, and the name of the person.
pub(super) const CALLED: &[(&str, &str, &str)] = &[
    ("ADA@acme.example", "acme", "ada@acme.example"),
    ("duo:ada", "acme", "ada@acme.example"),
    ("H'2 \"ü\"", "acme", "H'2 \"ü\""),
    ("bob", "acme", "H'2 \"ü\""),
    ("A1", "acme", "A1"),
    ("B2", "acme", "B2"),
    ("Never", "acme", "Never"),
    ("CORP\\eve (gatebook)", "acme", "CORP\\eve (gatebook)"),
    ("ada", "globex", "ada (duo)"),
    ("yan@globex.example", "globex", "yan@globex.example"),
];

/// A book, what is kept beside it, and what a process knows of it from one question to the next.
pub(super) struct Changing {
    pub(super) draw: Draw,
    pub(super) book: TestBook,
    resources: Resources,
    keeping: Projector,
    partitions: u64,
    made: Vec<TestEvent>,
    changes: Vec<TestChange>,
    pub(super) has_globex: bool,
}

impl Changing {
    pub(super) async fn new(seed: u64, partitions: u64) -> Self {
        let mut book = TestBook::new().await;
        import(&mut book, "acme", HR).await;
        let keeping = projector(&book).await;
        let resources = Resources::new(Limits::default(), Arc::default()).expect("resources");
        let resources = resources.expecting(Arc::new(expectations()));
        let (made, changes) = (Vec::new(), Vec::new());
        let mut changing =
            Self { draw: Draw(seed), book, resources, keeping, partitions, made, changes, has_globex: false };
        // So that each of the ids is known from the beginning on.
        let first = IDS.iter().enumerate().map(|(number, id)| {
            let moment = at("2025-03-29T12:00:00Z") + TimeDelta::minutes(number as i64);
            let of_id = of(event(moment), id);
            let name: &'static str = format!("first-{number}").leak();
            of_id.with(|event| (event.event_id, event.attempt_id) = (name, Some(name)))
        });
        let first: Vec<TestEvent> = first.collect();
        changing.book.land(&first).await;
        changing
    }

    /// What a process sees now that has answered other questions before.
    pub(super) fn session(&self) -> Session {
        Session::open(&self.book.book, &self.book.directory, &self.resources).expect("a session")
    }

    /// More arrives, and upkeep does one thing or another.
    pub(super) async fn goes_on(&mut self, events: u64) {
        for _ in 0..2 {
            let count = 1 + self.draw.below(events);
            let batch: Vec<TestEvent> = (0..count).map(|_| self.some_event()).collect();
            let partition = self.draw.below(self.partitions) as i32;
            self.book.land_from(partition, &batch).await;
        }
        let count = 1 + self.draw.below(8);
        let batch: Vec<TestChange> = (0..count).map(|_| self.some_change()).collect();
        self.book.land_changes(&batch).await;
        match self.draw.below(9) {
            0 => self.keeping = projector(&self.book).await,
            1 => drop(self.keeping.rebuild(&mut |_| {}).await.expect("makes anew")),
            2 | 3 => while self.keeping.table().merge_once().await.expect("merges") {},
            4 => maintain(&mut self.book, None).await,
            5 if !self.has_globex => {
                import(&mut self.book, "globex", "person,ids\nZ-1,zoe@globex.example\n").await;
                self.has_globex = true;
            }
            // What a later decoder reads; offsets are unique in one partition alone.
            6 | 7 if self.partitions == 1 => {
                // The first events stay: by them the ids are known.
                let offset = IDS.len() as u64 + self.draw.below(self.made.len() as u64);
                let offset = offset as i64;
                let anew = self.some_event();
                self.book.redecode(offset, &anew).await;
            }
            _ => {}
        }
        if self.draw.below(3) > 0 {
            self.keeping.refresh().await.expect("keeps up");
        }
    }

    fn some_event(&mut self) -> TestEvent {
        let number = self.made.len();
        let draw = &mut self.draw;
        let made = if self.made.is_empty() || draw.below(3) == 0 {
            some_event(draw, number)
        } else {
            let of = self.made[draw.below(number as u64) as usize].clone();
            if draw.below(3) == 0 { again(draw, &of) } else { beside(draw, &of, number) }
        };
        self.made.push(made.clone());
        made
    }

    fn some_change(&mut self) -> TestChange {
        let draw = &mut self.draw;
        if !self.changes.is_empty() && draw.below(4) == 0 {
            return self.changes[draw.below(self.changes.len() as u64) as usize].clone();
        }
        let made = some_change(draw);
        self.changes.push(made.clone());
        made
    }
}

async fn import(book: &mut TestBook, tenant: &str, csv: &str) {
    let file = read_directory_file(csv.as_bytes(), Some("hr"), &Maps::default()).expect("a file");
    book.directory.import(tenant, &file, "op", 0).await.expect("imports");
}

/// Thresholds that few events reach.
pub(super) fn expectations() -> Expectations {
    let suspicious = Suspicious {
        fatigue_prompts_min: 2,
        many_persons_min: 2,
        wrong_codes_min: 2,
        number_range_messages_min: 3,
        number_range_verified_percent_max: 40,
        first_time_days: 4,
        first_time_successes_min: 2,
        first_time_known_days_min: 1,
        ..Suspicious::default()
    };
    Expectations { suspicious, servers: vec!["gate-9".into()], sources: vec!["keycloak".into()] }
}

fn of(made: TestEvent, id: &Id) -> TestEvent {
    made.of(id.source).with(|event| {
        (event.tenant_id, event.user_id, event.user_key) = (id.tenant, id.user, id.user);
        event.email = id.email;
    })
}

fn moment(draw: &mut Draw) -> DateTime<Utc> {
    let near = at(draw.one(AROUND)) + TimeDelta::seconds(draw.below(30_000) as i64 - 15_000);
    match draw.below(6) {
        0 => at("2025-03-29T00:00:00Z") + TimeDelta::seconds(draw.below(5 * 86_400) as i64),
        1 => near + TimeDelta::microseconds(draw.below(1_000_000) as i64),
        2 => at(draw.one(AROUND)) + TimeDelta::minutes(15) * (draw.below(9) as i32 - 4),
        _ => near,
    }
}

fn some_event(draw: &mut Draw, number: usize) -> TestEvent {
    let made = event(moment(draw));
    let id = draw.one(IDS);
    vary(draw, of(made, &id), number)
}

const METHODS: [Option<Method>; 9] = [
    None,
    Some(Method::VoiceCall),
    Some(Method::TextMessage),
    Some(Method::TextMessage),
    Some(Method::TextMessage),
    Some(Method::MobileAppNotification),
    Some(Method::MobileAppNotification),
    Some(Method::MobileAppCode),
    Some(Method::Password),
];

const REASONS: [DenialReason; 18] = [
    DenialReason::WrongCode,
    DenialReason::WrongCode,
    DenialReason::WrongCode,
    DenialReason::WrongPin,
    DenialReason::NoResponse,
    DenialReason::UserDeclined,
    DenialReason::UserDeclined,
    DenialReason::FraudReported,
    DenialReason::PhoneUnreachable,
    DenialReason::MessageNotSent,
    DenialReason::Throttled,
    DenialReason::LockedOut,
    DenialReason::PhoneBusy,
    DenialReason::OtherServer,
    DenialReason::WrongPassword,
    DenialReason::UserBlocked,
    DenialReason::ServerError,
    DenialReason::UnknownUser,
];

const ASSURANCES: [Assurance; 10] = [
    Assurance::Challenged,
    Assurance::Challenged,
    Assurance::Challenged,
    Assurance::Unknown,
    Assurance::Unknown,
    Assurance::SatisfiedEarlier,
    Assurance::Exempt,
    Assurance::Bypassed,
    Assurance::External,
    Assurance::FirstFactorOnly,
];

const DETAILS: [Option<&str>; 8] = [
    None,
    None,
    Some("credits=3"),
    Some("credits=x"),
    Some("MFA requirement skipped due to App Password"),
    Some("Due to a Conditional Access policy"),
    Some("Registration prompted"),
    Some("something else"),
];

const STEPS: &[Step<'static>] = &[
    Step {
        at_us: Some(1_743_210_000_000_000),
        method: Some(Method::MobileAppNotification),
        result: Some(AuthResult::Denied),
        reason: Some(DenialReason::UserDeclined),
        code: Some("500121"),
        detail: Some("declined"),
        device: Some("device-1"),
    },
    Step {
        at_us: None,
        method: Some(Method::TextMessage),
        result: Some(AuthResult::Success),
        reason: None,
        code: None,
        detail: None,
        device: None,
    },
];

fn vary(draw: &mut Draw, made: TestEvent, number: usize) -> TestEvent {
    let event_id: &'static str = format!("e{number}").leak();
    let attempt_id: &'static str =
        format!("k-{}-{}-{}", made.event.user_key, made.source, draw.below(12)).leak();
    let is_of_nobody = draw.below(20) == 0;
    made.with(|event| {
        event.event_id = event_id;
        event.attempt_id = draw.one(&[None, None, Some(attempt_id)]);
        event.method = draw.one(&METHODS);
        event.result =
            draw.one(&[AuthResult::Success, AuthResult::Success, AuthResult::Denied, AuthResult::Pending]);
        event.denial_reason = (event.result == AuthResult::Denied).then(|| draw.one(&REASONS));
        event.stage =
            draw.one(&[Stage::WholeSignIn, Stage::SecondFactor, Stage::SecondFactor, Stage::FirstFactor]);
        event.assurance = draw.one(&ASSURANCES);
        event.server_name = draw.one(&[None, Some("a"), Some("a"), Some("b")]);
        event.application = draw.one(&[None, Some("Payroll"), Some("VPN 'é'")]);
        event.client_app =
            draw.one(&[None, None, Some("Browser"), Some("IMAP4"), Some("imap4"), Some("legacy")]);
        event.client_ip = draw.one(&[None, Some("192.0.2.7"), Some("198.51.100.3")]);
        event.result_detail = draw.one(&DETAILS);
        event.result_code = draw.one(&[None, None, None, Some("50079"), Some("50203"), Some("500121")]);
        event.prompts = draw.one(&[None, None, None, Some(0), Some(2)]);
        event.steps = if draw.below(8) == 0 { STEPS } else { &[] };
        if matches!(event.method, Some(Method::VoiceCall | Method::TextMessage)) {
            event.phone_number = draw.one(&[
                None,
                Some("+12125550101"),
                Some("+12125550102"),
                Some("+1 876 555 0101"),
                Some("+447700900123"),
                Some("+X XXXXXXX01"),
            ]);
            event.sender = draw.one(&[None, Some("97671"), Some("28777"), Some("673801")]);
            if is_of_nobody {
                (event.user_id, event.user_key, event.email) = (NOBODY, NOBODY, None);
            }
        }
    })
}

/// What the same person does shortly before or after, much of it alike.
fn beside(draw: &mut Draw, of: &TestEvent, number: usize) -> TestEvent {
    let moment = DateTime::from_timestamp_micros(of.event.occurred_at_us).expect("a moment");
    let seconds = draw.one(&[0, 20, 60, 179, 180, 181, 299, 300, 301, 600, 601, 3_600]);
    let moment = if draw.below(5) == 0 {
        moment - TimeDelta::seconds(seconds)
    } else {
        moment + TimeDelta::seconds(seconds) + TimeDelta::microseconds(draw.below(2) as i64)
    };
    let late = TimeDelta::seconds(draw.below(10_000) as i64);
    let made = of.clone().with(|event| event.occurred_at_us = moment.timestamp_micros());
    let made = TestEvent { duplicate: false, ..made };
    let other = vary(draw, made.clone(), number);
    let event_id = other.event.event_id;
    if draw.below(2) == 0 {
        return other.late(late);
    }
    // As before, but for how it ended.
    made.late(late).with(|event| {
        event.event_id = event_id;
        event.result = other.event.result;
        event.denial_reason = other.event.denial_reason;
        event.server_name = other.event.server_name;
    })
}

/// A copy, or a later state by which it may have been another person at another time of the day.
fn again(draw: &mut Draw, of: &TestEvent) -> TestEvent {
    let copy = of.clone().late(TimeDelta::seconds(draw.below(40) as i64));
    match draw.below(4) {
        0 => copy,
        1 => copy.duplicate(),
        2 => copy.with(|event| event.result_detail = Some("a later state")),
        _ => {
            let ids = IDS.iter().filter(|id| (id.tenant, id.source) == (of.event.tenant_id, of.source));
            let ids: Vec<Id> = ids.copied().collect();
            let id = draw.one(&ids);
            let start_us = copy.event.occurred_at_us.div_euclid(86_400_000_000) * 86_400_000_000;
            let at_us = start_us + draw.below(86_400) as i64 * 1_000_000;
            self::of(copy, &id).with(|event| {
                event.occurred_at_us = draw.one(&[event.occurred_at_us, at_us]);
                event.result = AuthResult::Success;
                event.denial_reason = None;
            })
        }
    }
}

fn some_change(draw: &mut Draw) -> TestChange {
    let id = if draw.below(10) == 0 { NEWCOMER } else { draw.one(IDS) };
    let moment = moment(draw);
    let kinds = [
        ChangeKind::BypassGranted,
        ChangeKind::BypassEnded,
        ChangeKind::AppPasswordAdded,
        ChangeKind::AppPasswordRemoved,
        ChangeKind::MethodAdded,
        ChangeKind::FraudReported,
        draw.one(ChangeKind::ALL),
    ];
    let until = (moment + TimeDelta::seconds(draw.below(400_000) as i64)).timestamp_micros();
    change(moment, draw.one(&kinds)).of(id.source, id.user).with(|change| {
        change.tenant_id = id.tenant;
        change.actor = draw.one(&[None, Some("Ada@acme.example"), Some("help 'desk'")]);
        change.method = draw.one(&[None, Some(Method::OathToken)]);
        change.reason = draw.one(&[None, Some("lost phone")]);
        change.until_us = draw.one(&[None, Some(until)]);
        change.client_ip = draw.one(&[None, Some("192.0.2.7")]);
        change.result_code = draw.one(&[None, Some("7")]);
        change.result_detail = draw.one(&[None, Some("said so")]);
    })
}
