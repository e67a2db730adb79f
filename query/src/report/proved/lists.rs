//! What the rows of the reports that list have to be: activity, changes.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use schemas::vocabulary::DenialReason;
use serde_json::{Map, Value};

use super::asked::Asked;
use super::changing::{CALLED, NOBODY, whose};
use super::truth::{Row, Truth, in_utc};
use super::{Expected, row};

/// A moment in a zone, as exact as it is.
pub(super) fn local(at: DateTime<Utc>, tz: Tz) -> Value {
    at.with_timezone(&tz).to_rfc3339_opts(SecondsFormat::AutoSi, false).into()
}

pub(super) fn meaning(reason: Option<&str>) -> Value {
    reason.and_then(DenialReason::parse).map(DenialReason::meaning).into()
}

/// A row of a report in which all is null but this.
pub(super) fn told<'a>(
    asked: &Asked,
    cells: impl IntoIterator<Item = (&'a str, Value)>,
) -> Map<String, Value> {
    let mut all = row(asked.report.columns.iter().map(|(name, ..)| (*name, Value::Null)));
    all.extend(row(cells));
    all
}

/// The name of the person who is called so.
pub(super) fn person<'a>(asked: &'a Asked, parameter: &'static str) -> Option<(&'a str, &'static str)> {
    let called = asked.value(parameter)?;
    let tenant = asked.value("tenant").expect("their tenant");
    let (.., person) = CALLED.iter().find(|it| (it.0, it.1) == (called, tenant)).expect("somebody");
    Some((tenant, person))
}

pub(super) fn activity(truth: &Truth, asked: &Asked) -> Expected {
    asked.has("limit");
    let rows = match asked.value("of") {
        Some("attempts") => attempts(truth, asked),
        _ => events(truth, asked),
    };
    Expected::in_any_order(rows, &["sentence", "support"])
}

fn is_asked(truth: &Truth, asked: &Asked, row: &Row, ids: &[&str]) -> bool {
    let is = |parameter: &'static str, column: &str| {
        asked.value(parameter).is_none_or(|wanted| row.text(column) == Some(wanted))
    };
    let address = asked.value("address").map(|address| address.trim().trim_start_matches("::ffff:"));
    let event = asked.value("event");
    let is_theirs = person(asked, "user")
        .is_none_or(|(tenant, person)| row.word("tenant_id") == tenant && truth.person(row) == person);
    asked.is_in(row.at)
        && is_theirs
        && is("application", "application")
        && address.is_none_or(|address| row.text("client_ip") == Some(address))
        && event.is_none_or(|event| ids.contains(&event) || row.text("attempt_id") == Some(event))
}

/// What is told alike of events and attempts.
fn both(asked: &Asked, row: &Row) -> Vec<(&'static str, Value)> {
    let same = [
        ("tenant", "tenant_id"),
        ("source", "source"),
        ("user_id", "user_id"),
        ("user_key", "user_key"),
        ("result", "result"),
        ("reason", "denial_reason"),
        ("assurance", "assurance"),
        ("server", "server_name"),
        ("application", "application"),
        ("client_ip", "client_ip"),
        ("attempt_id", "attempt_id"),
    ];
    let mut cells: Vec<_> = same.into_iter().map(|(name, column)| (name, row.cell(column))).collect();
    cells.push(("local_time", local(row.at, asked.tz)));
    cells.push(("occurred_at", in_utc(Some(row.at))));
    cells.push(("meaning", meaning(row.text("denial_reason"))));
    cells
}

fn events(truth: &Truth, asked: &Asked) -> Vec<Map<String, Value>> {
    let filters =
        ["tenant", "method", "result", "reason", "reason_group", "server", "source", "assurance", "stage"];
    let is_one =
        |row: &&Row| asked.passes_all(row, &filters) && is_asked(truth, asked, row, &[row.word("event_id")]);
    let events = truth.events.iter().filter(is_one);
    let own = [
        ("method", "method"),
        ("stage", "stage"),
        ("code", "result_code"),
        ("detail", "result_detail"),
        ("event_id", "event_id"),
    ];
    let cells = |event: &Row| {
        let own = own.into_iter().map(|(name, column)| (name, event.cell(column)));
        let own = own.chain([("events", 1.into()), ("place", event.place().into())]);
        told(asked, both(asked, event).into_iter().chain(own))
    };
    events.map(cells).collect()
}

fn attempts(truth: &Truth, asked: &Asked) -> Vec<Map<String, Value>> {
    let results = asked.values("result");
    let methods = asked.values("method");
    let attempts = truth.attempts().into_iter().filter(|attempt| {
        let result = match attempt.word("result") {
            "open" | "undecided" => "pending",
            result => result,
        };
        let is_tried = methods.is_empty() || attempt.list("methods").iter().any(|it| methods.contains(it));
        is_tried
            && (results.is_empty() || results.contains(&result))
            && asked
                .passes_all(attempt, &["tenant", "reason", "reason_group", "server", "source", "assurance"])
            && is_asked(truth, asked, attempt, &attempt.list("event_ids"))
    });
    let cells = |attempt: Row| {
        let methods = attempt.list("methods").join(", ");
        let own = [
            ("method", if methods.is_empty() { Value::Null } else { methods.into() }),
            ("last_at", in_utc(attempt.moment("last_at"))),
            ("events", attempt.cell("events")),
            ("event_id", attempt.list("event_ids").first().copied().into()),
        ];
        told(asked, both(asked, &attempt).into_iter().chain(own))
    };
    attempts.map(cells).collect()
}

/// Why somebody was asked to register, and where that is no such event nothing.
fn cause(event: &Row) -> Option<&'static str> {
    let (code, detail) = (event.text("result_code"), event.text("result_detail").unwrap_or_default());
    let is_prompt = matches!(code, Some("50079" | "50203")) || detail == "Registration prompted";
    let cause = match code {
        _ if detail.contains("Conditional Access") => "conditional-access",
        Some("50203") => "registration-policy",
        _ => "not-told",
    };
    is_prompt.then_some(cause)
}

/// Who did it: as the source says, and the person, where that is known.
fn actor(change: &Row) -> (Option<&str>, Option<&'static str>) {
    let actor = change.text("actor");
    (actor, actor.filter(|actor| actor.starts_with("Ada@")).map(|_| "ada@acme.example"))
}

pub(super) fn changes(truth: &Truth, asked: &Asked) -> Expected {
    let (kind, only) = (asked.value("change"), person(asked, "person"));
    let is_one = |row: &&Row| {
        let is_theirs = only.is_none_or(|only| only == (row.word("tenant_id"), truth.person(row).as_str()));
        asked.is_in(row.at) && is_theirs && asked.passes_all(row, &["tenant", "source", "method"])
    };
    let changes = truth.changes.iter().filter(is_one);
    let changes: Vec<&Row> =
        changes.filter(|row| kind.is_none_or(|kind| row.word("change") == kind)).collect();
    let prompts = truth.events.iter().filter(is_one).filter_map(|event| Some((event, cause(event)?)));
    let is_wanted = kind.is_none_or(|kind| kind == "registration-prompted");
    let prompts: Vec<(&Row, &str)> = prompts.filter(|_| is_wanted).collect();
    let rows = if asked.has("list") {
        let changes = changes.iter().map(|change| listed(truth, asked, change, None));
        changes.chain(prompts.iter().map(|(event, cause)| listed(truth, asked, event, Some(cause)))).collect()
    } else {
        counted(truth, asked, &changes, &prompts)
    };
    Expected::in_any_order(rows, &["sentence"])
}

fn listed(truth: &Truth, asked: &Asked, it: &Row, cause: Option<&str>) -> Map<String, Value> {
    let (person, linked_by) = whose(it.id(), it.at, truth.has_globex);
    let (actor, actor_person) = if cause.is_none() { actor(it) } else { (None, None) };
    let of_change = |column: &str| if cause.is_none() { it.cell(column) } else { Value::Null };
    let kind = it.text("change").unwrap_or("registration-prompted");
    let cells = [
        ("tenant", it.cell("tenant_id")),
        ("source", it.cell("source")),
        ("change", kind.into()),
        ("method", it.cell("method")),
        ("cause", cause.into()),
        ("changes", 1.into()),
        ("first_at", in_utc(Some(it.at))),
        ("last_at", in_utc(Some(it.at))),
        ("local_time", local(it.at, asked.tz)),
        ("person", person.into()),
        ("user_id", it.cell("user_id")),
        ("linked_by", linked_by.into()),
        ("actor", actor.into()),
        ("actor_person", actor_person.into()),
        ("until_at", in_utc(it.moment("until").filter(|_| cause.is_none()))),
        ("reason", of_change("reason")),
        ("client_ip", it.cell("client_ip")),
        ("code", it.cell("result_code")),
        ("detail", it.cell("result_detail")),
        ("place", it.place().into()),
    ];
    told(asked, cells)
}

fn counted(
    truth: &Truth,
    asked: &Asked,
    changes: &[&Row],
    prompts: &[(&Row, &str)],
) -> Vec<Map<String, Value>> {
    type Key<'r> = (String, String, String, Option<String>, Option<&'r str>);
    let mut counts: BTreeMap<Key<'_>, Vec<&Row>> = BTreeMap::new();
    let key = |row: &Row, kind: &str, cause| {
        let method = row.text("method").map(str::to_owned);
        (row.word("tenant_id").to_owned(), row.word("source").to_owned(), kind.to_owned(), method, cause)
    };
    changes.iter().for_each(|row| counts.entry(key(row, row.word("change"), None)).or_default().push(row));
    for (row, cause) in prompts {
        counts.entry(key(row, "registration-prompted", Some(*cause))).or_default().push(row);
    }
    let row = |((tenant, source, change, method, cause), rows): (Key<'_>, Vec<&Row>)| {
        // An event that names nobody is nobody's.
        let of_somebody = rows.iter().filter(|row| row.word("user_key") != NOBODY);
        let persons: BTreeSet<String> = of_somebody.map(|row| truth.person(row)).collect();
        let actors = rows.iter().filter(|_| cause.is_none()).map(|row| actor(row));
        let actors: BTreeSet<&str> = actors.filter_map(|(actor, person)| person.or(actor)).collect();
        told(
            asked,
            [
                ("tenant", tenant.into()),
                ("source", source.into()),
                ("change", change.into()),
                ("method", method.into()),
                ("cause", cause.into()),
                ("changes", rows.len().into()),
                ("persons", persons.len().into()),
                ("actors", actors.len().into()),
                ("first_at", in_utc(rows.iter().map(|row| row.at).min())),
                ("last_at", in_utc(rows.iter().map(|row| row.at).max())),
            ],
        )
    };
    counts.into_iter().map(row).collect()
}
