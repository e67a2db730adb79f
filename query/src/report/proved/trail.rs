//! What the rows of `user-trail` have to be.

use serde_json::{Map, Value};

use super::Expected;
use super::asked::Asked;
use super::changing::{IDS, at, listed, whose};
use super::lists::{local, meaning, person, told};
use super::truth::{Row, Truth, in_utc};

/// Columns of the trail, and those of the book that they are.
const OWN: [(&str, &str); 25] = [
    ("user_id", "user_id"),
    ("user_key", "user_key"),
    ("what", "stage"),
    ("method", "method"),
    ("mode", "mode"),
    ("result", "result"),
    ("reason", "denial_reason"),
    ("assurance", "assurance"),
    ("code", "result_code"),
    ("detail", "result_detail"),
    ("server", "server_name"),
    ("server_ip", "server_ip"),
    ("application", "application"),
    ("client_app", "client_app"),
    ("protocol", "protocol"),
    ("client_ip", "client_ip"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("email", "email"),
    ("phone_number", "phone_number"),
    ("device_token", "device_token"),
    ("authenticator_id", "authenticator_id"),
    ("sender", "sender"),
    ("attempt_id", "attempt_id"),
    ("event_id", "event_id"),
];

type Cells = Vec<(&'static str, Value)>;

pub(super) fn user_trail(truth: &Truth, asked: &Asked) -> Expected {
    let whose = person(asked, "person").expect("somebody");
    let event = asked.value("event");
    let mut rows = Vec::new();
    if event.is_none() {
        known(truth, asked, whose, &mut rows);
    }
    let is_asked =
        |row: &&Row| asked.is_in(row.at) && row.word("tenant_id") == whose.0 && asked.passes(row, "source");
    let events = if asked.has("duplicates") { &truth.deliveries } else { &truth.events };
    let is_theirs = |row: &&Row| truth.person(row) == whose.1;
    let is_it = |row: &&Row| {
        event.is_none_or(|event| [row.text("event_id"), row.text("attempt_id")].contains(&Some(event)))
    };
    for it in events.iter().filter(is_asked).filter(is_theirs).filter(is_it) {
        of_event(truth, asked, whose, it, &mut rows);
    }
    for it in truth.changes.iter().filter(is_asked).filter(|_| event.is_none()) {
        let is_act = it.text("actor").is_some_and(|actor| actor.starts_with("Ada@"))
            && whose == ("acme", "ada@acme.example");
        if truth.person(it) == whose.1 || is_act {
            rows.push(of_change(truth, asked, whose, it));
        }
    }
    Expected::in_any_order(rows, &["sentence", "support"])
}

/// What is known of the person whatever the range.
fn known(truth: &Truth, asked: &Asked, (tenant, person): (&str, &str), rows: &mut Vec<Map<String, Value>>) {
    let cells = |kind: &str, from: Option<&str>, to: Option<&str>| -> Cells {
        let (from, to) = (from.map(at), to.map(at));
        vec![
            ("kind", kind.into()),
            ("tenant", tenant.into()),
            ("person", person.into()),
            ("occurred_at", in_utc(from)),
            ("until_at", in_utc(to)),
            ("local_time", from.map_or(Value::Null, |from| local(from, asked.tz))),
        ]
    };
    let edge = "2025-03-31T00:00:00Z";
    let id = |source: &str, user: &str, linked_by: &str| {
        let (from, to) = match person {
            "A1" => (None, Some(edge)),
            "B2" => (Some(edge), None),
            _ => (None, None),
        };
        let mut cells = cells("id", from, to);
        cells.extend([
            ("source", source.into()),
            ("user_id", user.into()),
            ("user_key", user.into()),
            ("linked_by", linked_by.into()),
        ]);
        told(asked, cells)
    };
    for it in IDS.iter().filter(|it| it.tenant == tenant) {
        let is_at = |moment: &str| whose([it.tenant, it.source, it.user], at(moment), truth.has_globex);
        let theirs = ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"].map(is_at);
        if let Some((_, linked_by)) = theirs.iter().find(|it| it.0 == person) {
            rows.push(id(it.source, it.user, linked_by));
        }
    }
    if person == "Never" {
        rows.push(id("duo", "never", "directory"));
    }
    let address = match person {
        "H'2 \"ü\"" => Some("bob@acme.example"),
        address if address.contains('@') => Some(address),
        _ => None,
    };
    if let Some(address) = address {
        let mut cells = cells("address", None, None);
        cells.push(("email", address.into()));
        rows.push(told(asked, cells));
    }
    for (.., from, to) in listed(truth.has_globex).into_iter().filter(|it| (it.0, it.1) == (tenant, person)) {
        rows.push(told(asked, cells("enabled", from, to)));
    }
}

fn of_event(
    truth: &Truth,
    asked: &Asked,
    (tenant, person): (&str, &str),
    it: &Row,
    rows: &mut Vec<Map<String, Value>>,
) {
    let (_, linked_by) = whose(it.id(), it.at, truth.has_globex);
    let begin = |kind: &str, at| -> Cells {
        vec![
            ("kind", kind.into()),
            ("local_time", local(at, asked.tz)),
            ("occurred_at", in_utc(Some(at))),
            ("tenant", tenant.into()),
            ("person", person.into()),
            ("source", it.cell("source")),
            ("linked_by", linked_by.into()),
            ("attempt_id", it.cell("attempt_id")),
            ("event_id", it.cell("event_id")),
            ("place", it.place().into()),
        ]
    };
    let mut cells = begin("event", it.at);
    cells.extend(OWN.map(|(name, column)| (name, it.cell(column))));
    cells.push(("meaning", meaning(it.text("denial_reason"))));
    rows.push(told(asked, cells));
    let steps = it.cell("steps");
    let steps: Vec<&Value> = steps.as_array().into_iter().flatten().collect();
    for (index, step) in steps.iter().enumerate() {
        let moment = super::truth::told(&step["at"]).unwrap_or(it.at);
        let mut cells = begin("step", moment);
        cells.push(("what", format!("step {} of {}", index + 1, steps.len()).into()));
        cells.push(("meaning", meaning(step["reason"].as_str())));
        let own = ["method", "result", "reason", "code", "detail"].map(|name| (name, step[name].clone()));
        cells.extend(own);
        cells.push(("device_token", step["device"].clone()));
        rows.push(told(asked, cells));
    }
}

fn of_change(truth: &Truth, asked: &Asked, (tenant, person): (&str, &str), it: &Row) -> Map<String, Value> {
    let (owner, linked_by) = whose(it.id(), it.at, truth.has_globex);
    let mut cells: Cells = vec![
        ("kind", if owner == person { "change" } else { "act" }.into()),
        ("local_time", local(it.at, asked.tz)),
        ("occurred_at", in_utc(Some(it.at))),
        ("until_at", in_utc(it.moment("until"))),
        ("tenant", tenant.into()),
        ("person", person.into()),
        ("source", it.cell("source")),
        ("what", it.cell("change")),
        ("method", it.cell("method")),
        ("code", it.cell("result_code")),
        ("client_ip", it.cell("client_ip")),
        ("actor", it.cell("actor")),
        ("place", it.place().into()),
    ];
    if owner == person {
        let said: Vec<&str> =
            ["reason", "result_detail"].into_iter().filter_map(|name| it.text(name)).collect();
        cells.extend([
            ("user_id", it.cell("user_id")),
            ("user_key", it.cell("user_key")),
            ("linked_by", linked_by.into()),
            ("detail", if said.is_empty() { Value::Null } else { said.join("; ").into() }),
        ]);
    }
    told(asked, cells)
}
