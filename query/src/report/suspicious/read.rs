//! The rows that detectors look at, out of the book.

use std::collections::BTreeSet;

use arrow::error::ArrowError;
use chrono::TimeDelta;
use datafusion::common::ScalarValue;
use datafusion::functions::string::expr_fn::starts_with;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{col, lit};
use schemas::Kind;

use super::row::{ChangeRow, NUMBERS, Row, TEXTS, number_range};
use crate::error::QueryError;
use crate::parameter::TimeRange;
use crate::people::Owners;
use crate::report::asked::{asked, moment, of_tenants, read};
use crate::report::changed::Copies;
use crate::report::filter::Filters;
use crate::report::in_range;
use crate::session::{Session, day_literal};

/// Values that successes are looked up by; with more, all are read.
const LOOKED_UP_MAX: usize = 1_000;

/// Ranges of numbers that are looked up.
const RANGES_MAX: usize = 50;

/// Which rows, and whose.
pub(super) struct Reading<'a> {
    pub(super) session: &'a Session,
    pub(super) filters: &'a Filters,
    pub(super) range: TimeRange,
}

impl Reading<'_> {
    /// Events that did not let anybody in at once, and successes that tell of several prompts.
    pub(super) async fn tries(&self) -> Result<Vec<Row>, QueryError> {
        let is_try = col("result").not_eq(lit("success")).or(col("prompts").gt(lit(1)));
        self.rows(is_try).await
    }

    /// Successes of those who are told in the tries: by the person's ids in all sources, the address or the range of numbers.
    pub(super) async fn successes(&self, tries: &[Row], owners: &Owners) -> Result<Vec<Row>, QueryError> {
        let mut keys: BTreeSet<&str> = tries.iter().map(|row| row.user_key.as_str()).collect();
        let persons = tries.iter().map(|row| (row.tenant_id.as_str(), row.person.as_str())).collect();
        keys.extend(owners.keys_of(&persons));
        let addresses: BTreeSet<&str> = tries.iter().filter_map(|row| row.client_ip.as_deref()).collect();
        let numbers = tries.iter().filter_map(|row| row.phone_number.as_deref());
        let ranges: BTreeSet<&str> = numbers.filter_map(number_range).collect();
        let among = |column: &str, values: BTreeSet<&str>| {
            if values.len() > LOOKED_UP_MAX {
                return col(column).is_not_null();
            }
            col(column).in_list(values.into_iter().map(lit).collect(), false)
        };
        let is_in_range = if ranges.len() > RANGES_MAX {
            col("phone_number").is_not_null()
        } else {
            let is_of = |range: &str| starts_with(col("phone_number"), lit(range));
            ranges.into_iter().map(is_of).fold(lit(false), Expr::or)
        };
        let is_known = among("user_key", keys).or(among("client_ip", addresses)).or(is_in_range);
        self.rows(col("result").eq(lit("success")).and(is_known)).await
    }

    async fn rows(&self, which: Expr) -> Result<Vec<Row>, QueryError> {
        let limits = self.session.limits();
        let failed = |error| QueryError::while_running(error, &limits);
        let columns: Vec<Expr> = TEXTS.iter().chain(&NUMBERS).map(|name| col(*name)).collect();
        let events = self.session.counted_events().await?.filter(in_range(self.range)).map_err(failed)?;
        let frame = self.filters.choose(events.filter(which).map_err(failed)?).map_err(failed)?;
        let frame = frame.select(columns).map_err(failed)?;
        let frame = frame.sort(order().map(|name| col(name).sort(true, false)).to_vec()).map_err(failed)?;
        let mut rows = Vec::new();
        read(self.session, frame, &mut |batch| {
            Row::read(batch, &mut |row| rows.push(row))?;
            Ok(rows.len())
        })
        .await?;
        Ok(rows)
    }

    /// Reports of fraud and methods that were added, until so long after the range.
    pub(super) async fn changes(&self, later: TimeDelta) -> Result<Vec<ChangeRow>, QueryError> {
        let limits = self.session.limits();
        let failed = |error| QueryError::while_running(error, &limits);
        let range = TimeRange { to: self.range.to + later, ..self.range };
        let is_fraud = col("change")
            .eq(lit("fraud-reported"))
            .or(col("change").eq(lit("blocked")).and(col("result_code").eq(lit("Fraud Alert"))));
        let is_method =
            col("change").in_list(["enrolled", "method-added", "method-changed"].map(lit).to_vec(), false);
        let frame = self.session.view(Kind::Change).await?.filter(in_range(range)).map_err(failed)?;
        let frame = frame.filter(is_fraud.or(is_method)).map_err(failed)?;
        let frame = self.filters.choose(frame).map_err(failed)?;
        let names = ["occurred_at", "kafka_topic", "kafka_partition", "kafka_offset", "element_index"];
        let frame = frame.sort(names.map(|name| col(name).sort(true, false)).to_vec()).map_err(failed)?;
        let (mut rows, mut copies) = (Vec::new(), Copies::default());
        read(self.session, frame, &mut |batch| {
            copies
                .each_new(batch, |_, row| ChangeRow::read(&batch.slice(row, 1), &mut |row| rows.push(row)))?;
            Ok(rows.len())
        })
        .await?;
        Ok(rows)
    }

    /// The events of a part of a UTC day that let somebody in by a method or from an address that the id had not used in the
    /// days before, with which of the two it was; ids that were hardly known before are left out.
    pub(super) async fn first_times(&self, part: TimeRange) -> Result<Vec<(Row, bool, bool)>, QueryError> {
        let limits = self.session.expectations().suspicious;
        let day = part.from.date_naive();
        let days_ago = |days: u64| day - TimeDelta::days(i64::try_from(days).unwrap_or(0));
        let columns: Vec<String> = TEXTS.iter().chain(&NUMBERS).map(|name| format!("e.{name}")).collect();
        let (tenant, tenants) = of_tenants(self.filters);
        let sql = format!(
            "WITH used AS (
                SELECT tenant_id, user_key, method, client_ip, count(*) AS successes, min(day) AS first_day
                FROM counted_events
                WHERE day >= $history AND day < $day AND result = 'success' {tenant}
                GROUP BY 1, 2, 3, 4),
             known AS (
                SELECT tenant_id, user_key FROM used GROUP BY 1, 2
                HAVING sum(successes) >= $least AND min(first_day) <= $known_since),
             methods AS (SELECT DISTINCT tenant_id, user_key, method FROM used WHERE method IS NOT NULL),
             addresses AS (SELECT DISTINCT tenant_id, user_key, client_ip FROM used WHERE client_ip IS NOT NULL),
             now AS (
                SELECT * FROM counted_events
                WHERE day = $day AND occurred_at >= $from AND occurred_at < $to AND result = 'success'
                  AND assurance IN ('challenged', 'unknown') {tenant})
             SELECT {}, m.method IS NULL AND e.method IS NOT NULL AS is_new_method,
                a.client_ip IS NULL AND e.client_ip IS NOT NULL AS is_new_address
             FROM known k
             JOIN now e ON e.tenant_id = k.tenant_id AND e.user_key = k.user_key
             LEFT JOIN methods m ON m.tenant_id = e.tenant_id AND m.user_key = e.user_key AND m.method = e.method
             LEFT JOIN addresses a ON a.tenant_id = e.tenant_id AND a.user_key = e.user_key AND a.client_ip = e.client_ip
             WHERE (m.method IS NULL AND e.method IS NOT NULL) OR (a.client_ip IS NULL AND e.client_ip IS NOT NULL)
             ORDER BY {}",
            columns.join(", "),
            order().map(|name| format!("e.{name}")).join(", "),
        );
        let values = [
            ("history", day_literal(days_ago(limits.first_time_days))),
            ("day", day_literal(day)),
            ("known_since", day_literal(days_ago(limits.first_time_known_days_min))),
            ("least", ScalarValue::Int64(i64::try_from(limits.first_time_successes_min).ok())),
            ("from", moment(part.from)),
            ("to", moment(part.to)),
        ];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into_iter().chain(tenants);
        let frame = asked(self.session, &sql, &values.collect::<Vec<_>>()).await?;
        let mut rows = Vec::new();
        read(self.session, frame, &mut |batch| {
            let mut at = 0;
            let flags = ["is_new_method", "is_new_address"].map(|name| {
                crate::arrays::column(batch, name).map(|flags| {
                    arrow::array::AsArray::as_boolean(flags)
                        .iter()
                        .map(|flag| flag.unwrap_or(false))
                        .collect()
                })
            });
            let [methods, addresses]: [Result<Vec<bool>, ArrowError>; 2] = flags;
            let (methods, addresses) = (methods?, addresses?);
            Row::read(batch, &mut |row| {
                // Whom a source does not name has done nothing for the first time.
                if row.is_of_somebody() {
                    rows.push((row, methods[at], addresses[at]));
                }
                at += 1;
            })?;
            Ok(rows.len())
        })
        .await?;
        Ok(rows)
    }
}

/// By what rows are put in order: time, and where it is the same, the place in Kafka.
fn order() -> [&'static str; 5] {
    ["occurred_at", "kafka_topic", "kafka_partition", "kafka_offset", "element_index"]
}
