//! Questions as somebody might ask them: every parameter that a report declares, at random.

use std::cell::RefCell;
use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::DenialReason;

use super::changing::{AROUND, CALLED, at};
use super::truth::Row;
use crate::attempts::kept_tests::Draw;
use crate::parameter::Takes;
use crate::period::resolve;
use crate::report::group::Group;
use crate::report::{Report, ReportParameters};

const ZONES: &[&str] = &["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe"];

/// When it is asked: long after, or while challenges are alive.
const NOWS: &[&str] =
    &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2025-04-01T00:03:00Z", "2025-03-30T01:07:30Z"];

/// A question.
pub(super) struct Asked {
    pub(super) report: &'static Report,
    pub(super) now: DateTime<Utc>,
    pub(super) tz: Tz,
    pub(super) from: DateTime<Utc>,
    pub(super) to: DateTime<Utc>,
    given: Vec<(&'static str, String)>,
    /// What whoever proves the answer has asked for.
    used: RefCell<BTreeSet<&'static str>>,
}

impl Asked {
    pub(super) fn draw(draw: &mut Draw, report: &'static Report) -> Self {
        let now = at(draw.one(NOWS));
        let tz: Tz = draw.one(ZONES).parse().expect("a zone");
        let mut given = vec![("tz", tz.name().to_owned())];
        let (from, to) = loop {
            let ([from_text, to_text], [from, to]) = {
                let (first, second) = (some_moment(draw, tz), some_moment(draw, tz));
                ([first.0, second.0], [first.1, second.1])
            };
            if from >= to {
                continue;
            }
            let (has_from, has_to) = (draw.below(9) > 0, draw.below(9) > 0);
            let to = if has_to { to } else { now };
            let from = if has_from { from } else { to - TimeDelta::hours(24) };
            if from < to {
                given.extend(has_from.then_some(("from", from_text)));
                given.extend(has_to.then_some(("to", to_text)));
                break (from, to);
            }
        };
        for parameter in report.parameters() {
            let is_given = draw.below(5) == 0 || parameter.is_required;
            match parameter.takes {
                Takes::Moment | Takes::Zone => {}
                Takes::Groups(groups) => {
                    let by: Vec<_> = groups.iter().filter(|_| draw.below(4) == 0).collect();
                    let by: Vec<_> = by.into_iter().map(|group| group.as_str()).collect();
                    given.push((parameter.name, by.join(",")));
                }
                Takes::Filter(group) if draw.below(8) == 0 => {
                    for _ in 0..1 + draw.below(2) {
                        given.push((parameter.name, draw.one(values(group)).to_owned()));
                    }
                }
                Takes::Word(words) if is_given => given.push((parameter.name, draw.one(words).to_owned())),
                Takes::Number { .. } if is_given => {
                    // A page has more rows than a list of the first: each costs a question.
                    let numbers = if report.name == "activity" { ["9", "30", "30"] } else { ["1", "3", "7"] };
                    given.push((parameter.name, draw.one(&numbers).to_owned()));
                }
                Takes::Text if is_given => given.push((parameter.name, some_text(draw, parameter.name))),
                Takes::Person if is_given => give_person(draw, report, parameter.name, &mut given),
                Takes::Filter(_) | Takes::Word(_) | Takes::Number { .. } | Takes::Text | Takes::Person => {}
            }
        }
        agree(&mut given);
        Self { report, now, tz, from, to, given, used: RefCell::default() }
    }

    pub(super) fn parameters(&self, more: Option<(&str, &str)>) -> ReportParameters {
        let given = self.given.iter().map(|(name, value)| (*name, value.as_str())).chain(more);
        self.report.parse(given, self.now).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The values of a parameter; empty where it was not given.
    pub(super) fn values(&self, name: &'static str) -> Vec<&str> {
        self.used.borrow_mut().insert(name);
        self.given.iter().filter(|(held, _)| *held == name).map(|(_, value)| value.as_str()).collect()
    }

    pub(super) fn value(&self, name: &'static str) -> Option<&str> {
        self.values(name).first().copied()
    }

    pub(super) fn has(&self, name: &'static str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn by(&self) -> Vec<&str> {
        self.value("by").unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect()
    }

    /// The names of what was given, but for the range and its zone.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static str> {
        let names = self.given.iter().map(|(name, _)| *name);
        names.filter(|name| !["from", "to", "tz"].contains(name))
    }

    /// What whoever proves the answer has looked at.
    pub(super) fn used(&self) -> BTreeSet<&'static str> {
        self.used.borrow().clone()
    }

    /// Whether a moment lies in the range.
    pub(super) fn is_in(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && at < self.to
    }

    /// The end of the range, or now where that is earlier and something of the range has been.
    pub(super) fn so_far(&self) -> DateTime<Utc> {
        if self.from < self.now { self.to.min(self.now) } else { self.to }
    }

    /// Whether a row has one of the values of a filter.
    pub(super) fn passes(&self, row: &Row, filter: &'static str) -> bool {
        let wanted = self.values(filter);
        wanted.is_empty() || value(row, filter).is_some_and(|value| wanted.contains(&value.as_str()))
    }

    pub(super) fn passes_all(&self, row: &Row, filters: &[&'static str]) -> bool {
        filters.iter().all(|filter| self.passes(row, filter))
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} at {}", self.report.name, self.given, self.now)
    }
}

/// What a group or filter is of a row.
pub(super) fn value(row: &Row, group: &str) -> Option<String> {
    let column = match group {
        "reason" | "reason_group" => "denial_reason",
        "server" => "server_name",
        "tenant" => "tenant_id",
        name => name,
    };
    let text = row.text(column)?;
    let group_of = |text: &str| DenialReason::parse(text).map(|reason| reason.group().to_string());
    if group == "reason_group" { group_of(text) } else { Some(text.to_owned()) }
}

fn some_moment(draw: &mut Draw, tz: Tz) -> (String, DateTime<Utc>) {
    let day = at("2025-03-28T00:00:00Z") + TimeDelta::days(draw.below(12) as i64);
    let day = draw.one(&[day, day, at("2025-03-09T00:00:00Z"), at("2025-03-01T00:00:00Z")]);
    let moment = match draw.below(5) {
        0 | 1 => {
            let date = day.date_naive();
            return (date.to_string(), resolve(date.and_time(chrono::NaiveTime::MIN), tz));
        }
        2 => day + TimeDelta::minutes(15 * draw.below(96) as i64),
        3 => at(draw.one(AROUND)) + TimeDelta::seconds(draw.below(8_000) as i64 - 4_000),
        _ => day + TimeDelta::microseconds(draw.below(86_400_000_000) as i64),
    };
    (moment.to_rfc3339(), moment)
}

fn values(group: Group) -> &'static [&'static str] {
    match group {
        Group::Method => &["text-message", "voice-call", "mobile-app-notification", "oath-token"],
        Group::Result => &["success", "denied", "pending"],
        Group::Reason => &["wrong-code", "user-declined", "no-response", "phone-unreachable"],
        Group::ReasonGroup => &["user", "delivery", "policy", "service"],
        Group::Server => &["a", "b", "gate-9"],
        Group::Tenant => &["acme", "globex", "nobody's"],
        Group::Source => &["entra", "duo", "mfa-server", "gatebook", "okta"],
        Group::Assurance => &["challenged", "unknown", "exempt", "first-factor-only"],
        Group::Stage => &["whole-sign-in", "second-factor", "first-factor"],
        Group::QuarterHour | Group::Hour | Group::Day | Group::Week | Group::Month => &[],
    }
}

fn some_text(draw: &mut Draw, name: &str) -> String {
    match name {
        "application" => draw.one(&["Payroll", "VPN 'é'"]).to_owned(),
        "event" => match draw.below(3) {
            0 => format!("k-ada@acme.example-entra-{}", draw.below(12)),
            1 => format!("k-ada-duo-{}", draw.below(12)),
            _ => format!("e{}", draw.below(60)),
        },
        "seed" => draw.one(&["one", "two"]).to_owned(),
        "cursor" => String::new(),
        name => panic!("say here what {name} may be"),
    }
}

/// A person by whatever they are called, or by their name alone where reports take nothing else; in their tenant.
fn give_person(
    draw: &mut Draw,
    report: &Report,
    name: &'static str,
    given: &mut Vec<(&'static str, String)>,
) {
    if name == "address" {
        given.push((
            name,
            draw.one(&["192.0.2.7", " 192.0.2.7", "::ffff:192.0.2.7", "198.51.100.3"]).to_owned(),
        ));
        return;
    }
    let (called, tenant, person) = draw.one(CALLED);
    let is_found = ["user-trail", "activity", "changes"].contains(&report.name);
    given.push((name, if is_found { called } else { person }.to_owned()));
    if is_found {
        given.retain(|(held, _)| *held != "tenant");
        given.push(("tenant", tenant.to_owned()));
    }
}

/// Takes out what a report refuses.
fn agree(given: &mut Vec<(&'static str, String)>) {
    let has = |given: &[(&str, String)], name: &str| given.iter().any(|(held, _)| *held == name);
    given.retain(|(name, _)| *name != "cursor");
    if has(given, "sample") != has(given, "seed") {
        given.retain(|(name, _)| !["sample", "seed"].contains(name));
    }
    if given.iter().any(|(name, value)| *name == "of" && value == "attempts") {
        given.retain(|(name, _)| *name != "stage");
    }
}
