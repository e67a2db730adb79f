//! What the rows of the reports that count persons have to be: license-usage, migration, throttling.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::asked::Asked;
use super::changing::{NOBODY, at, listed, whose};
use super::clock::period;
use super::truth::{Row, Truth, in_zone};
use super::{Expected, row};

#[derive(Default)]
struct Seen {
    persons: BTreeSet<(String, String)>,
    unmatched: BTreeSet<(String, String)>,
    attempts: usize,
    events: usize,
}

pub(super) fn license_usage(truth: &Truth, asked: &Asked) -> Expected {
    let (to, is_raw) = (asked.so_far(), asked.value("identity") == Some("raw"));
    let by = asked.by();
    let key = |row: &Row, method: Option<&str>| {
        let has = |group: &str| by.contains(&group);
        [
            has("tenant").then(|| row.word("tenant_id").to_owned()),
            method.filter(|_| has("method")).map(str::to_owned),
            has("source").then(|| row.word("source").to_owned()),
        ]
    };
    let is_of_application =
        |row: &Row| asked.value("application").is_none_or(|wanted| row.text("application") == Some(wanted));
    let mut rows = Vec::new();
    let mut start = asked.from;
    while start < to {
        let month = period("month", start, asked.tz).expect("a month");
        let (from, end) = (start, month.end.min(to));
        let is_in = |row: &&Row| from <= row.at && row.at < end && is_of_application(row);
        let mut counts: BTreeMap<[Option<String>; 3], Seen> = BTreeMap::new();
        if by.is_empty() {
            counts.insert(Default::default(), Seen::default());
        }
        let filters = ["tenant", "source", "method", "result"];
        for event in truth.events.iter().filter(is_in).filter(|row| asked.passes_all(row, &filters)) {
            let seen = counts.entry(key(event, event.text("method"))).or_default();
            seen.events += 1;
            let [tenant, source, user_key] = event.id();
            if user_key == NOBODY {
                continue;
            }
            let (person, linked_by) = whose(event.id(), event.at, truth.has_globex);
            let whose = if is_raw {
                (format!("{tenant} {source}"), user_key.to_owned())
            } else {
                (tenant.to_owned(), person)
            };
            if linked_by == "unmatched" {
                seen.unmatched.insert(whose.clone());
            }
            seen.persons.insert(whose);
        }
        for attempt in truth.attempts().iter().filter(is_in).filter(|row| asked.passes_all(row, &filters)) {
            counts.entry(key(attempt, attempt.text("method"))).or_default().attempts += 1;
        }
        let wanted = asked.values("tenant");
        let moment = |text: Option<&'static str>, other: DateTime<Utc>| text.map_or(other, at);
        let enabled: Vec<(&str, &str)> = listed(truth.has_globex)
            .into_iter()
            .filter(|(tenant, ..)| wanted.is_empty() || wanted.contains(tenant))
            .filter(|(.., first, last)| moment(*first, from) < end && moment(*last, end) > from)
            .map(|(tenant, person, ..)| (tenant, person))
            .collect();
        let is_whole = !by.contains(&"method") && !by.contains(&"source");
        if is_whole && by.contains(&"tenant") {
            for (tenant, _) in &enabled {
                counts.entry([Some((*tenant).to_owned()), None, None]).or_default();
            }
        }
        let is_listed = |(tenant, person): &&(String, String)| {
            listed(truth.has_globex).iter().any(|it| (it.0, it.1) == (tenant.as_str(), person.as_str()))
        };
        for ([tenant, method, source], seen) in counts {
            let of_row = enabled.iter().filter(|it| tenant.as_deref().is_none_or(|tenant| tenant == it.0));
            let not_seen =
                of_row.filter(|it| !seen.persons.contains(&(it.0.to_owned(), it.1.to_owned()))).count();
            let of_persons = |count: usize| if is_raw { Value::Null } else { count.into() };
            let local = |at: DateTime<Utc>| Value::from(at.with_timezone(&asked.tz).to_rfc3339());
            rows.push(row([
                ("month", start.with_timezone(&asked.tz).format("%Y-%m").to_string().into()),
                ("start", local(month.start)),
                ("end", local(month.end)),
                ("tenant", tenant.into()),
                ("method", method.into()),
                ("source", source.into()),
                ("persons", seen.persons.len().into()),
                ("unmatched", of_persons(seen.unmatched.len())),
                ("not_in_directory", of_persons(seen.persons.iter().filter(|it| !is_listed(it)).count())),
                ("not_seen", if is_whole { of_persons(not_seen) } else { Value::Null }),
                ("attempts", seen.attempts.into()),
                ("events", seen.events.into()),
            ]));
        }
        start = end;
    }
    Expected::in_any_order(rows, &[])
}

pub(super) fn migration(truth: &Truth, asked: &Asked) -> Expected {
    let mut persons: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for attempt in truth.attempts() {
        let is_one = ["mfa-server", "entra"].contains(&attempt.word("source"));
        if is_one && asked.is_in(attempt.at) && asked.passes(&attempt, "tenant") {
            let whose = (attempt.word("tenant_id").to_owned(), truth.person(&attempt));
            persons.entry(whose).or_default().push(attempt);
        }
    }
    let (wanted, only) = (asked.value("state"), asked.value("person"));
    let mut rows = Vec::new();
    for ((tenant, person), attempts) in persons {
        let of =
            |source: &str| attempts.iter().filter(|row| row.word("source") == source).collect::<Vec<_>>();
        let challenged = |source: &str| {
            of(source).into_iter().filter(|row| row.word("assurance") == "challenged").collect::<Vec<_>>()
        };
        let (server, cloud) = (challenged("mfa-server"), challenged("entra"));
        let state = match (server.is_empty(), cloud.is_empty()) {
            (false, false) => "both",
            (false, true) => "server",
            (true, false) => "cloud",
            (true, true) => continue,
        };
        if wanted.is_some_and(|wanted| wanted != state) || only.is_some_and(|only| only != person) {
            continue;
        }
        let last =
            of("mfa-server").iter().filter(|row| row.word("result") == "success").map(|row| row.at).max();
        let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
        for row in of("entra").into_iter().filter(|row| last.is_none_or(|last| row.at > last)) {
            let reason = row.text("denial_reason").filter(|_| row.word("result") == "denied");
            let others = ["wrong-password", "wrong-credentials", "unknown-user"];
            if let Some(reason) = reason.filter(|reason| !others.contains(reason)) {
                *reasons.entry(reason).or_default() += 1;
            }
        }
        let most = reasons.values().max();
        let most = reasons.iter().find(|(_, count)| Some(*count) == most).map(|(reason, _)| *reason);
        let events =
            |rows: &[&Row]| Value::from(rows.iter().filter_map(|row| row.number("events")).sum::<i64>());
        let first = |rows: &[&Row]| in_zone(rows.iter().map(|row| row.at).min(), asked.tz);
        let last = |rows: &[&Row]| in_zone(rows.iter().map(|row| row.at).max(), asked.tz);
        rows.push(row([
            ("tenant", tenant.into()),
            ("person", person.into()),
            ("state", state.into()),
            ("server_attempts", server.len().into()),
            ("server_events", events(&server)),
            ("server_first_at", first(&server)),
            ("server_last_at", last(&server)),
            ("cloud_attempts", cloud.len().into()),
            ("cloud_events", events(&cloud)),
            ("cloud_first_at", first(&cloud)),
            ("cloud_last_at", last(&cloud)),
            ("cloud_denied", reasons.values().sum::<usize>().into()),
            ("cloud_denied_reason", most.into()),
        ]));
    }
    Expected::sorted(rows)
}

#[derive(Default)]
struct Slowed {
    attempts: i64,
    retries: i64,
    most: i64,
    repeated: i64,
    limited: i64,
    expired: i64,
    elsewhere: i64,
    seen: Vec<DateTime<Utc>>,
}

pub(super) fn throttling(truth: &Truth, asked: &Asked) -> Expected {
    let mut persons: BTreeMap<(String, String), Slowed> = BTreeMap::new();
    let of = |row: &Row| (row.word("tenant_id").to_owned(), truth.person(row));
    let is_asked =
        |row: &&Row| asked.is_in(row.at) && asked.passes(row, "tenant") && row.word("user_key") != NOBODY;
    let attempts = truth.attempts();
    for attempt in attempts.iter().filter(is_asked) {
        let counts = persons.entry(of(attempt)).or_default();
        counts.attempts += 1;
        let is_recent = |row: &&Row| {
            row.id() == attempt.id() && attempt.at - TimeDelta::minutes(5) <= row.at && row.at <= attempt.at
        };
        let is_denied = |row: &&Row| row.word("result") == "denied" && row.at < attempt.at;
        if attempts.iter().filter(is_recent).any(|row| is_denied(&row)) {
            counts.retries += 1;
            counts.most = counts.most.max(attempts.iter().filter(is_recent).count() as i64);
            counts.seen.push(attempt.at);
        }
    }
    for event in truth.events.iter().filter(is_asked) {
        let is_sent = |row: &&Row| {
            let is_text = row.text("method") == Some("text-message") && row.word("result") == "pending";
            is_text
                && row.id() == event.id()
                && row.at <= event.at
                && event.at - row.at <= TimeDelta::hours(1)
        };
        let sent = truth.events.iter().filter(is_sent).max_by_key(|row| row.at);
        let is_wrong =
            event.text("denial_reason") == Some("wrong-code") && event.text("method") == Some("text-message");
        let counts = persons.entry(of(event)).or_default();
        match (event.text("denial_reason"), sent) {
            (Some("phone-busy"), _) => counts.repeated += 1,
            (Some("throttled" | "locked-out"), _) => counts.limited += 1,
            (Some("other-server"), _) => counts.elsewhere += 1,
            (_, Some(sent)) if is_wrong => {
                let is_own = ["mfa-server", "gatebook"].contains(&sent.word("source"));
                let life = TimeDelta::minutes(if is_own { 5 } else { 3 });
                let servers = (sent.text("server_name"), event.text("server_name"));
                if event.at - sent.at > life {
                    counts.expired += 1;
                } else if matches!(servers, (Some(one), Some(other)) if one != other) {
                    counts.elsewhere += 1;
                } else {
                    continue;
                }
            }
            _ => continue,
        }
        counts.seen.push(event.at);
    }
    let only = asked.value("person");
    persons.retain(|(_, person), counts| !counts.seen.is_empty() && only.is_none_or(|only| only == person));
    let mut persons: Vec<_> = persons.into_iter().collect();
    persons.sort_by_key(|(_, counts)| (-counts.limited, -counts.retries));
    let rows = persons.into_iter().map(|((tenant, person), counts)| {
        row([
            ("tenant", tenant.into()),
            ("person", person.into()),
            ("attempts", counts.attempts.into()),
            ("retries", counts.retries.into()),
            ("most_in_5_minutes", (counts.retries > 0).then_some(counts.most).into()),
            ("events", (counts.repeated + counts.limited + counts.expired + counts.elsewhere).into()),
            ("repeated", counts.repeated.into()),
            ("limited", counts.limited.into()),
            ("expired_codes", counts.expired.into()),
            ("other_server_codes", counts.elsewhere.into()),
            ("first_at", in_zone(counts.seen.iter().min().copied(), asked.tz)),
            ("last_at", in_zone(counts.seen.iter().max().copied(), asked.tz)),
        ])
    });
    Expected::sorted(rows.collect())
}
