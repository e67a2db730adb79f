//! What a book holds, read by plain SQL, and what of it counts, by window functions over `events` and `changes`.

use arrow::compute::concat_batches;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use super::changing::whose;
use crate::answer::Answer;
use crate::coverage::Question;
use crate::output::Format;
use crate::session::Session;
use crate::test_book::text;

/// Every delivery of an event, and whether it counts: of Entra's the state that Kafka got last, of all others one of those
/// that are alike in all that they say and that ingest did not flag.
const EVENTS: &str = "
    WITH told AS (
        SELECT *,
            row_number() OVER (
                PARTITION BY tenant_id, source, event_id, day
                ORDER BY received_at DESC, kafka_offset DESC, kafka_partition DESC
            ) AS from_last,
            row_number() OVER (
                PARTITION BY tenant_id, source, event_id, occurred_at, user_id, user_key, first_name, last_name, email,
                    phone_number, device_token, method, mode, result, denial_reason, result_code, result_detail, stage,
                    assurance, prompts, array_length(steps), server_name, server_ip, array_length(unknown_values),
                    client_ip, application, client_app, protocol, authenticator_id, sender, attempt_id, duplicate
                ORDER BY received_at, kafka_offset, kafka_partition
            ) AS copy
        FROM events
    )
    SELECT *, CASE WHEN source = 'entra' THEN from_last = 1 ELSE copy = 1 AND NOT duplicate END AS counts FROM told";

/// Each change once, in the order of time.
const CHANGES: &str = "
    WITH told AS (
        SELECT *, row_number() OVER (
            PARTITION BY tenant_id, source, occurred_at, user_id, user_key, change, actor, method, reason, until, client_ip,
                result_code, result_detail
            ORDER BY kafka_topic, kafka_partition, kafka_offset, element_index
        ) AS copy
        FROM changes
    )
    SELECT * FROM told WHERE copy = 1
    ORDER BY occurred_at, source, kafka_topic, kafka_partition, kafka_offset, element_index";

/// A row, and when it was.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) at: DateTime<Utc>,
    cells: Value,
}

impl Row {
    fn of(cells: &Value, moment: &str) -> Self {
        Self { at: told(&cells[moment]).expect("a moment"), cells: cells.clone() }
    }

    pub(super) fn cell(&self, name: &str) -> Value {
        self.cells[name].clone()
    }

    /// A text; none where it is null.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.cells[name].as_str()
    }

    /// A text that is there.
    pub(super) fn word(&self, name: &str) -> &str {
        self.text(name).unwrap_or_else(|| panic!("{name} is there: {}", self.cells))
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.cells[name].as_i64()
    }

    pub(super) fn moment(&self, name: &str) -> Option<DateTime<Utc>> {
        told(&self.cells[name])
    }

    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let list = self.cells[name].as_array().into_iter().flatten();
        list.map(|value| value.as_str().expect("a text")).collect()
    }

    pub(super) fn place(&self) -> String {
        let part = |name: &str| self.number(name).expect("a number");
        let (partition, offset) = (part("kafka_partition"), part("kafka_offset"));
        format!("{}:{partition}:{offset}:{}", self.word("kafka_topic"), part("element_index"))
    }

    /// Tenant, source and id.
    pub(super) fn id(&self) -> [&str; 3] {
        ["tenant_id", "source", "user_key"].map(|name| self.word(name))
    }
}

/// All that a version of a book holds.
pub(super) struct Truth {
    /// Every delivery.
    pub(super) deliveries: Vec<Row>,
    /// The events that count.
    pub(super) events: Vec<Row>,
    pub(super) changes: Vec<Row>,
    /// As they are stored, before the clock has a say.
    attempts: Vec<Row>,
    pub(super) sign_ins: Vec<Row>,
    /// Whether the directory of `globex` is there.
    pub(super) has_globex: bool,
}

impl Truth {
    pub(super) async fn of(session: &Session, has_globex: bool) -> Self {
        let sql =
            async |sql: &str, moment: &str| rows(session.sql(sql).await.expect("an answer"), moment).await;
        let deliveries = sql(EVENTS, "occurred_at").await;
        let events = deliveries.iter().filter(|row| row.cells["counts"] == true).cloned().collect();
        let changes = sql(CHANGES, "occurred_at").await;
        let sign_ins = sql("SELECT * FROM sign_ins", "first_at").await;
        let stored = session.stored_attempts().expect("attempts").collect().await.expect("rows");
        let schema = stored.first().expect("at least an empty batch").schema();
        let stored = concat_batches(&schema, &stored).expect("a batch");
        let question = Question::Sql { sql: String::new() };
        let coverage = session.coverage("UTC", None, question).await.expect("a coverage");
        let attempts = rows(Answer::of_rows(coverage, stored), "first_at").await;
        Self { deliveries, events, changes, attempts, sign_ins, has_globex }
    }

    /// The attempts as they stand at a moment: a challenge that outlived its life unanswered is a denial.
    pub(super) fn attempts_at(&self, now: DateTime<Utc>) -> Vec<Row> {
        let stands = |row: &Row| {
            let mut row = row.clone();
            if let Some(until) = row.moment("answerable_until") {
                let is_over = until < now;
                row.cells["result"] = if is_over { "denied" } else { "open" }.into();
                if is_over {
                    row.cells["denial_reason"] = "no-response".into();
                }
            }
            row
        };
        self.attempts.iter().map(stands).collect()
    }

    /// The attempts as SQL tells them.
    pub(super) fn attempts(&self) -> Vec<Row> {
        self.attempts_at(Utc::now())
    }

    /// The person whose a row is.
    pub(super) fn person(&self, row: &Row) -> String {
        self.person_at(row, row.at)
    }

    pub(super) fn person_at(&self, row: &Row, at: DateTime<Utc>) -> String {
        whose(row.id(), at, self.has_globex).0
    }
}

async fn rows(answer: Answer, moment: &str) -> Vec<Row> {
    let json = text(Ok(answer), Format::Json).await;
    let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
    json["rows"].as_array().expect("rows").iter().map(|cells| Row::of(cells, moment)).collect()
}

/// A moment as JSON tells it.
pub(super) fn told(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().map(|text| text.parse().expect("a moment"))
}

/// A moment as a report tells it: in UTC.
pub(super) fn in_utc(at: Option<DateTime<Utc>>) -> Value {
    at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)).into()
}

/// In a zone, to the millisecond.
pub(super) fn in_zone(at: Option<DateTime<Utc>>, tz: Tz) -> Value {
    let local = at.map(|at| at.with_timezone(&tz));
    local.map(|local| local.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)).into()
}
