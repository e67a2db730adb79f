//! Successes of clients that know no second factor, and those by app passwords, as events tell of them.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions::string::expr_fn::{contains, lower};
use datafusion::functions_aggregate::expr_fn::{count, max, min};
use datafusion::logical_expr::when;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::LEGACY_CLIENTS;
use schemas::arrays::{Texts, column, numbers, text_column};

use super::super::counts::in_range;
use super::super::made::Made;
use super::super::parameters::ReportParameters;
use super::super::people_parameters::APPLICATION;
use crate::error::QueryError;
use crate::function::trying;
use crate::people::Owners;
use crate::report::asked::read_bounded;
use crate::session::Session;

/// What the contract of Gatebook's own events calls an old client, beside the names of Entra.
const LEGACY: &str = "legacy";

/// How sources say that an app password was used.
const APP_PASSWORDS: [&str; 2] = ["app password", "app-password"];

const KEYS: [&str; 5] = ["tenant_id", "source", "user_key", "application", "client_app"];

/// What is counted together: tenant, exception, person, application, client, source.
type Key = (String, &'static str, String, Option<String>, Option<String>, String);

#[derive(Default)]
struct Counts {
    events: i64,
    first_at_us: Option<i64>,
    last_at_us: Option<i64>,
}

/// Tells them, a row for each person, application, client and source.
pub(super) async fn tell(
    session: &Session,
    parameters: &ReportParameters,
    owners: &Owners,
    made: &mut Made,
) -> Result<(), QueryError> {
    let limits = session.limits();
    let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
    let rows = frame(session.counted_events().await?, parameters, owners).map_err(failed)?;
    let mut counts = BTreeMap::new();
    let too_much = "ask for a shorter range or one tenant: there are more than {} rows";
    read_bounded(session, rows, too_much, &mut |batch| {
        take_in(&mut counts, batch, owners)?;
        Ok(counts.len())
    })
    .await?;
    for ((tenant, exception, person, application, client_app, source), counted) in counts {
        made.row()
            .text("tenant", tenant)
            .text("exception", exception)
            .text("person", person)
            .maybe("application", application.as_deref())
            .maybe("client_app", client_app.as_deref())
            .number("events", counted.events)
            .number("first_at", counted.first_at_us)
            .number("last_at", counted.last_at_us)
            .text("source", source);
    }
    Ok(())
}

fn frame(
    events: DataFrame,
    parameters: &ReportParameters,
    owners: &Owners,
) -> Result<DataFrame, DataFusionError> {
    let said = |name: &str| lower(coalesce(vec![col(name), lit("")]));
    let clients = LEGACY_CLIENTS.iter().map(|it| it.to_lowercase()).chain([LEGACY.to_owned()]);
    let is_legacy = said("client_app").in_list(clients.map(lit).collect(), false);
    let by_app_password = ["client_app", "result_detail"]
        .into_iter()
        .flat_map(|name| APP_PASSWORDS.map(|word| contains(said(name), lit(word))))
        .fold(lit(false), |one, other| one.or(other));
    let steps = events.schema().field_with_unqualified_name("steps")?.data_type().clone();
    let in_steps = trying("app_password_in_steps", vec![steps], |columns| steps_say(&columns[0]));
    let by_app_password = by_app_password.or(in_steps.call(vec![col("steps")]));
    let mut rows = parameters.filters.choose(events.filter(in_range(parameters.range))?)?;
    rows = rows.filter(col("result").eq(lit("success")))?;
    rows = rows.filter(is_legacy.or(by_app_password.clone()))?;
    if let Some(application) = parameters.text(APPLICATION.name) {
        rows = rows.filter(col("application").eq(lit(application)))?;
    }
    let reused = owners.reused().into_iter().map(lit).collect();
    // Of an id that belongs to one after the other it matters when each event was.
    let moment = when(col("user_key").in_list(reused, false), col("occurred_at")).end()?.alias("moment");
    let keys = KEYS.map(col).into_iter().chain([by_app_password.alias("by_app_password"), moment]);
    let counted = vec![
        count(lit(1)).alias("events"),
        min(col("occurred_at")).alias("first_at"),
        max(col("occurred_at")).alias("last_at"),
    ];
    rows.aggregate(keys.collect(), counted)
}

/// Whether a step of each sign-in says so: Entra has such a text in its steps alone.
fn steps_say(column: &ArrayRef) -> Result<BooleanArray, ArrowError> {
    let says = |steps: ArrayRef| {
        let details = text_column(&RecordBatch::from(steps.as_struct()), "detail")?;
        let mut said = details.iter().flatten().map(str::to_lowercase);
        Ok(Some(said.any(|detail| APP_PASSWORDS.iter().any(|word| detail.contains(word)))))
    };
    column.as_list::<i32>().iter().map(|steps| steps.map_or(Ok(Some(false)), says)).collect()
}

fn take_in(
    counts: &mut BTreeMap<Key, Counts>,
    rows: &RecordBatch,
    owners: &Owners,
) -> Result<(), ArrowError> {
    let texts = Texts::of(rows, &KEYS)?;
    let by_app_password = column(rows, "by_app_password")?.as_boolean();
    let events = numbers::<Int64Type>(rows, "events")?;
    let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
    let last = numbers::<TimestampMicrosecondType>(rows, "last_at")?;
    for row in 0..rows.num_rows() {
        let [tenant, source, user_key] = [0, 1, 2].map(|index| texts.needed(index, row));
        let person = owners.of(tenant, source, user_key, first.value(row)).person.into_owned();
        let exception = if by_app_password.value(row) { "app-password" } else { "legacy-client" };
        let [application, client_app] = [3, 4].map(|index| texts.get(index, row).map(str::to_owned));
        let key = (tenant.to_owned(), exception, person, application, client_app, source.to_owned());
        let counted = counts.entry(key).or_default();
        counted.events += events.value(row);
        let (first_us, last_us) = (first.value(row), last.value(row));
        counted.first_at_us = Some(counted.first_at_us.map_or(first_us, |us| us.min(first_us)));
        counted.last_at_us = Some(counted.last_at_us.map_or(last_us, |us| us.max(last_us)));
    }
    Ok(())
}
