//! How many of the ids in events are whose: for whoever keeps directories.

use arrow::datatypes::Int64Type;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;

use super::view::IDENTITIES;
use crate::arrays::{Texts, numbers};
use crate::error::QueryError;
use crate::session::Session;

/// How many ids of events are somebody's by one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityCount {
    /// Whose events.
    pub tenant_id: String,
    /// The rule, as in the table `identities`.
    pub rule: String,
    /// How many ids, each as its source uses it.
    pub ids: i64,
    /// How many events gave them.
    pub events: i64,
}

/// Counts the ids that events gave, by tenant and by the rule that says whose they are; of one tenant, or of all.
///
/// # Errors
///
/// The book or the directory cannot be read, or it takes more memory than there is.
pub async fn identity_counts(
    session: &Session,
    tenant_id: Option<&str>,
) -> Result<Vec<IdentityCount>, QueryError> {
    let identities = session.table(IDENTITIES.name).await?;
    counts(identities, tenant_id).await.map_err(|error| QueryError::while_running(error, &session.limits()))
}

async fn counts(mut identities: DataFrame, tenant_id: Option<&str>) -> Result<Vec<IdentityCount>> {
    if let Some(tenant_id) = tenant_id {
        identities = identities.filter(col("tenant_id").eq(lit(tenant_id)))?;
    }
    let keys = vec![col("tenant_id"), col("rule")];
    let counted = vec![count(lit(1)).alias("ids"), sum(col("events")).alias("events")];
    // An id that belongs to one after the other counts where it was seen.
    let identities = identities.filter(col("events").gt(lit(0)))?;
    let sorted = ["tenant_id", "rule"].map(|name| col(name).sort(true, true)).to_vec();
    let mut rows = identities.aggregate(keys, counted)?.sort(sorted)?.execute_stream().await?;
    let mut found = Vec::new();
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        let texts = Texts::of(&batch, &["tenant_id", "rule"])?;
        let (ids, events) = (numbers::<Int64Type>(&batch, "ids")?, numbers::<Int64Type>(&batch, "events")?);
        found.extend((0..batch.num_rows()).map(|row| IdentityCount {
            tenant_id: texts.needed(0, row).to_owned(),
            rule: texts.needed(1, row).to_owned(),
            ids: ids.value(row),
            events: events.value(row),
        }));
    }
    Ok(found)
}

/// Whether any event of a tenant and a source gave this id, in canonical form.
///
/// # Errors
///
/// The book cannot be read.
pub async fn is_seen(
    session: &Session,
    tenant_id: &str,
    source: &str,
    user_key: &str,
) -> Result<bool, QueryError> {
    let events = session.view(schemas::Kind::Event).await?;
    let look = async || -> Result<bool, DataFusionError> {
        let is_it = col("tenant_id")
            .eq(lit(tenant_id))
            .and(col("source").eq(lit(source)))
            .and(col("user_key").eq(lit(user_key)));
        let found = events.filter(is_it)?.select_columns(&["user_key"])?.limit(0, Some(1))?.collect().await?;
        Ok(found.iter().any(|batch| batch.num_rows() > 0))
    };
    look().await.map_err(|error| QueryError::while_running(error, &session.limits()))
}
