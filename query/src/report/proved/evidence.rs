//! What the rows of the reports about what sign-ins prove have to be: exceptions, mfa-evidence. The sign-ins themselves are
//! those of the table `sign_ins`; that these are right is shown where the world is made sign-in by sign-in
//! ([`crate::report::world`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemas::vocabulary::Assurance;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Expected;
use super::asked::Asked;
use super::changing::{at, listed};
use super::lists::told;
use super::truth::{Row, Truth, in_utc};
use crate::people::period;

fn has(row: &Row, list: &str, asked: &Asked, parameter: &'static str) -> bool {
    let wanted = asked.values(parameter);
    wanted.is_empty() || row.list(list).iter().any(|value| wanted.contains(value))
}

fn is_of_application(row: &Row, asked: &Asked) -> bool {
    asked.value("application").is_none_or(|wanted| row.text("application") == Some(wanted))
}

fn first(rows: &[&Row]) -> Value {
    in_utc(rows.iter().map(|row| row.at).min())
}

fn sum(rows: &[&Row], column: &str) -> Value {
    rows.iter().filter_map(|row| row.number(column)).sum::<i64>().into()
}

pub(super) fn exceptions(truth: &Truth, asked: &Asked) -> Expected {
    let mut rows = Vec::new();
    let is_one = |row: &&Row| {
        asked.is_in(row.at)
            && asked.passes(row, "tenant")
            && has(row, "sources", asked, "source")
            && has(row, "methods", asked, "method")
            && is_of_application(row, asked)
            && row.word("result") == "success"
            && row.word("assurance") != "challenged"
    };
    let mut sign_ins: BTreeMap<[Option<&str>; 4], Vec<&Row>> = BTreeMap::new();
    for row in truth.sign_ins.iter().filter(is_one) {
        let key = ["tenant_id", "assurance", "person", "application"].map(|name| row.text(name));
        sign_ins.entry(key).or_default().push(row);
    }
    for ([tenant, exception, person, application], of) in sign_ins {
        rows.push(told(
            asked,
            [
                ("tenant", tenant.into()),
                ("exception", exception.into()),
                ("person", person.into()),
                ("application", application.into()),
                ("sign_ins", of.len().into()),
                ("attempts", sum(&of, "attempts")),
                ("events", of.iter().map(|row| row.list("event_ids").len()).sum::<usize>().into()),
                ("first_at", first(&of)),
                ("last_at", in_utc(of.iter().filter_map(|row| row.moment("last_at")).max())),
            ],
        ));
    }
    legacy(truth, asked, &mut rows);
    grants(truth, asked, &mut rows);
    rows.retain(|row| asked.value("exception").is_none_or(|kind| row["exception"] == kind));
    Expected::in_any_order(rows, &[])
}

fn legacy(truth: &Truth, asked: &Asked, rows: &mut Vec<Map<String, Value>>) {
    let mut counts: BTreeMap<[Option<String>; 6], Vec<&Row>> = BTreeMap::new();
    for event in &truth.events {
        let is_asked = asked.is_in(event.at)
            && asked.passes_all(event, &["tenant", "source", "method"])
            && is_of_application(event, asked);
        if !is_asked || event.word("result") != "success" {
            continue;
        }
        let client = event.text("client_app").map(str::to_lowercase);
        let exception = match (event.text("result_detail"), client.as_deref()) {
            (Some(detail), _) if detail.to_lowercase().contains("app password") => "app-password",
            (_, Some("imap4" | "legacy")) => "legacy-client",
            _ => continue,
        };
        let text = |name: &str| event.text(name).map(str::to_owned);
        let key = [
            text("tenant_id"),
            Some(exception.to_owned()),
            Some(truth.person(event)),
            text("application"),
            text("client_app"),
            text("source"),
        ];
        counts.entry(key).or_default().push(event);
    }
    for ([tenant, exception, person, application, client_app, source], of) in counts {
        rows.push(told(
            asked,
            [
                ("tenant", tenant.into()),
                ("exception", exception.into()),
                ("person", person.into()),
                ("application", application.into()),
                ("client_app", client_app.into()),
                ("source", source.into()),
                ("events", of.len().into()),
                ("first_at", first(&of)),
                ("last_at", in_utc(of.iter().map(|row| row.at).max())),
            ],
        ));
    }
}

fn grants(truth: &Truth, asked: &Asked, rows: &mut Vec<Map<String, Value>>) {
    let attempts = truth.attempts();
    let is_asked = |row: &&Row| row.at < asked.to && asked.passes_all(row, &["tenant", "source"]);
    let changes: Vec<&Row> = truth.changes.iter().filter(is_asked).collect();
    for (index, grant) in changes.iter().enumerate() {
        let ends = match grant.word("change") {
            "bypass-granted" => "bypass-ended",
            "app-password-added" => "app-password-removed",
            _ => continue,
        };
        let person = truth.person(grant);
        let is_end = |row: &&&Row| {
            let same = |name: &str| row.word(name) == grant.word(name);
            row.word("change") == ends && same("tenant_id") && same("source") && truth.person(row) == person
        };
        let taken_back = changes[index..].iter().find(is_end).map(|row| row.at);
        let until = grant.moment("until");
        let end = [taken_back, until].into_iter().flatten().min();
        if end.is_some_and(|end| end <= asked.from) {
            continue;
        }
        let ended = end.filter(|end| *end <= asked.now);
        let said: Vec<&str> =
            ["reason", "result_detail"].into_iter().filter_map(|name| grant.text(name)).collect();
        let mut cells = vec![
            ("tenant", grant.cell("tenant_id")),
            ("exception", grant.cell("change")),
            ("person", person.as_str().into()),
            ("source", grant.cell("source")),
            ("granted_at", in_utc(Some(grant.at))),
            ("granted_by", grant.cell("actor")),
            ("why", if said.is_empty() { Value::Null } else { said.join("; ").into() }),
            ("until_at", in_utc(until)),
            ("ended_at", in_utc(ended)),
            ("lasted_s", ended.map(|ended| (ended - grant.at).num_seconds()).into()),
        ];
        if ends == "bypass-ended" {
            let is_use = |row: &&Row| {
                let last = row.moment("last_at").expect("a moment");
                asked.is_in(row.at)
                    && (row.text("result"), row.text("assurance")) == (Some("success"), Some("bypassed"))
                    && row.word("tenant_id") == grant.word("tenant_id")
                    && truth.person(row) == person
                    && grant.at <= last
                    && end.is_none_or(|end| last < end)
            };
            let uses: Vec<&Row> = attempts.iter().filter(is_use).collect();
            cells.extend([
                ("used", (!uses.is_empty()).into()),
                ("attempts", uses.len().into()),
                ("events", sum(&uses, "events")),
                ("first_at", first(&uses)),
                ("last_at", in_utc(uses.iter().filter_map(|row| row.moment("last_at")).max())),
            ]);
        }
        rows.push(told(asked, cells));
    }
}

/// The strongest first.
const ORDER: [&str; 7] =
    ["challenged", "external", "satisfied-earlier", "exempt", "bypassed", "first-factor-only", "unknown"];

/// Of those whom no sign-in proves anything.
const OTHERS: [&str; 3] = ["no-sign-in", "not-enabled", "not-in-directory"];

/// A part of the range.
type Part = (DateTime<Utc>, DateTime<Utc>);

struct Found<'t> {
    tenant: String,
    person: String,
    class: &'t str,
    enabled: Vec<Part>,
    /// Those that succeeded and count.
    counted: Vec<&'t Row>,
    not_let_in: usize,
    outside: usize,
}

fn find<'t>(truth: &'t Truth, asked: &Asked) -> Vec<Found<'t>> {
    let mut enabled: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
    let wanted = asked.values("tenant");
    for (tenant, person, from, to) in listed(truth.has_globex) {
        let part = (from.map_or(asked.from, at).max(asked.from), to.map_or(asked.to, at).min(asked.to));
        if wanted.is_empty() || wanted.contains(&tenant) {
            let parts = enabled.entry((tenant.to_owned(), person.to_owned())).or_default();
            parts.extend((part.0 < part.1).then_some(part));
        }
    }
    let is_one = |row: &&Row| {
        asked.is_in(row.at)
            && asked.passes(row, "tenant")
            && has(row, "sources", asked, "source")
            && is_of_application(row, asked)
    };
    let mut sign_ins: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
    for row in truth.sign_ins.iter().filter(is_one) {
        let whose = (row.word("tenant_id").to_owned(), row.word("person").to_owned());
        sign_ins.entry(whose).or_default().push(row);
    }
    let all: std::collections::BTreeSet<_> = enabled.keys().chain(sign_ins.keys()).cloned().collect();
    let mut found = Vec::new();
    for (tenant, person) in all {
        let parts = enabled.get(&(tenant.clone(), person.clone()));
        let all = sign_ins.get(&(tenant.clone(), person.clone())).cloned().unwrap_or_default();
        let counts = |row: &Row| {
            parts.is_none_or(|parts| parts.iter().any(|(from, to)| *from <= row.at && row.at < *to))
        };
        let (let_in, others): (Vec<&Row>, Vec<&Row>) =
            all.into_iter().partition(|row| row.word("result") == "success");
        let (counted, outside): (Vec<&Row>, Vec<&Row>) = let_in.into_iter().partition(|row| counts(row));
        let strongest = counted.iter().map(|row| row.word("assurance")).min_by_key(|word| rank(word));
        let class = match (parts, strongest) {
            (None, None) => continue,
            (None, Some(_)) => "not-in-directory",
            (Some(parts), _) if parts.is_empty() && outside.is_empty() => continue,
            (Some(parts), _) if parts.is_empty() => "not-enabled",
            (Some(_), strongest) => strongest.unwrap_or("no-sign-in"),
        };
        found.push(Found {
            tenant,
            person,
            class,
            enabled: parts.cloned().unwrap_or_default(),
            not_let_in: others.iter().filter(|row| counts(row)).count(),
            outside: outside.len(),
            counted,
        });
    }
    found
}

fn rank(word: &str) -> usize {
    ORDER.iter().position(|it| *it == word).expect("an assurance")
}

fn is_enabled(class: &str) -> bool {
    class == "no-sign-in" || ORDER.contains(&class)
}

pub(super) fn mfa_evidence(truth: &Truth, asked: &Asked) -> Expected {
    let mut found = find(truth, asked);
    let sample = asked.value("sample").zip(asked.value("seed"));
    if asked.has("summary") {
        let all = found.iter().filter(|it| is_enabled(it.class)).count();
        let rows = ORDER.iter().chain(&OTHERS).map(|class| {
            let persons = found.iter().filter(|it| it.class == *class).count();
            let share = (is_enabled(class) && all > 0).then(|| persons as f64 / all as f64);
            told(asked, [("class", (*class).into()), ("persons", persons.into()), ("share", share.into())])
        });
        return Expected::sorted(rows.collect());
    }
    if let Some((count, seed)) = sample {
        found.retain(|it| is_enabled(it.class));
        if found.is_empty() {
            return Expected::refused("import a directory");
        }
        let hash = |it: &Found<'_>| Sha256::digest(format!("{seed}\0{}\0{}", it.tenant, it.person)).to_vec();
        found.sort_by_key(hash);
        found.truncate(count.parse().expect("a number"));
        found.sort_by(|one, other| (&one.tenant, &one.person).cmp(&(&other.tenant, &other.person)));
    }
    let rows = found.iter().map(|it| of_person(truth, asked, it)).collect();
    Expected::sorted(rows)
}

fn of_person(truth: &Truth, asked: &Asked, it: &Found<'_>) -> Map<String, Value> {
    let count = |word: &str| it.counted.iter().filter(|row| row.word("assurance") == word).count();
    let others =
        Assurance::ALL.iter().filter(|word| **word != Assurance::Challenged && count(word.as_str()) > 0);
    let by_what: Vec<String> = others.map(|word| format!("{word}: {}", count(word.as_str()))).collect();
    let us = |at: DateTime<Utc>| Some(at.timestamp_micros());
    let part = |(from, to): &Part| period(schemas::Enabled { from_us: us(*from), to_us: us(*to) });
    let mut cells = vec![
        ("tenant", it.tenant.as_str().into()),
        ("person", it.person.as_str().into()),
        ("class", it.class.into()),
        ("sign_ins", it.counted.len().into()),
        ("attempts", sum(&it.counted, "attempts")),
        ("events", it.counted.iter().map(|row| row.list("event_ids").len()).sum::<usize>().into()),
        ("challenged", count("challenged").into()),
        ("without_challenge", (it.counted.len() - count("challenged")).into()),
        ("not_let_in", it.not_let_in.into()),
        ("outside", it.outside.into()),
        ("by_what", by_what.into()),
        ("enabled", it.enabled.iter().map(part).collect::<Vec<_>>().into()),
    ];
    let newest = |row: &&&Row| {
        (std::cmp::Reverse(rank(row.word("assurance"))), row.at, row.list("event_ids").join(" "))
    };
    if let Some(strongest) = it.counted.iter().max_by_key(newest) {
        let is_of = |row: &&Row| {
            row.word("tenant_id") == it.tenant
                && truth.person_at(row, strongest.at) == it.person
                && strongest.list("event_ids").contains(&row.word("event_id"))
                && strongest.at <= row.at
                && row.at <= strongest.moment("last_at").expect("a moment")
        };
        let events: Vec<&Row> = truth.events.iter().filter(is_of).collect();
        let proves = |row: &&&Row| {
            row.word("result") == "success" && row.text("assurance") == strongest.text("assurance")
        };
        let has_any = events.iter().any(|row| proves(&row));
        let proving = events
            .iter()
            .filter(|row| proves(row) || !has_any)
            .map(|row| (row.place(), row.word("event_id")));
        let proving: BTreeMap<String, &str> = proving.collect();
        let mut ids: Vec<&str> = Vec::new();
        proving.values().for_each(|id| {
            if !ids.contains(id) {
                ids.push(id);
            }
        });
        cells.extend([
            ("proved_at", in_utc(Some(strongest.at))),
            ("application", strongest.cell("application")),
            ("event_ids", ids.into()),
            ("places", proving.into_keys().collect::<Vec<_>>().into()),
        ]);
    }
    told(asked, cells)
}
