//! The one person whom a report is about, found by whatever they are called.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::disjunction;
use datafusion::prelude::{col, lit};
use schemas::arrays::{Texts, numbers};
use schemas::{Enabled, Kind};

use super::counts::moment_us;
use super::parameters::ReportParameters;
use super::people_parameters::tenants;
use crate::error::QueryError;
use crate::people::{Owners, PersonalId, canonical};
use crate::session::Session;

/// Tenants that an error names.
const TENANTS_TOLD_MAX: usize = 8;

/// A person, and to whom all ids of their tenant belong.
pub(super) struct Person {
    pub(super) tenant_id: String,
    pub(super) name: String,
    pub(super) ids: Vec<PersonalId>,
    pub(super) addresses: Vec<String>,
    /// Every word by which a row may name them.
    keys: BTreeSet<String>,
    pub(super) owners: Arc<Owners>,
}

impl Person {
    /// Finds who is called so. What is ambiguous is an error, which says nothing of anybody.
    pub(super) async fn find(
        session: &Session,
        parameters: &ReportParameters,
        called: &str,
    ) -> Result<Self, QueryError> {
        let tenants = tenants(parameters);
        let owners = session.owners(&tenants).await?;
        let range_us = (parameters.range.from.timestamp_micros(), parameters.range.to.timestamp_micros());
        let is_asked = |tenant_id: &String| tenants.is_empty() || tenants.contains(tenant_id);
        let mut found = owners.named(called, range_us);
        found.retain(|(tenant_id, _)| is_asked(tenant_id));
        if found.is_empty() {
            found = changed(session, &owners, &tenants, called).await?;
        }
        let (tenant_id, name) = only(found)?;
        let ids = owners.ids(&tenant_id, &name);
        let addresses: Vec<String> =
            owners.addresses(&tenant_id, &name).into_iter().map(str::to_owned).collect();
        let mut keys: BTreeSet<String> = ids.iter().map(|id| id.user_key.clone()).collect();
        keys.extend(addresses.iter().cloned());
        keys.extend(spellings(called).into_iter().map(|(_, key)| key));
        keys.insert(name.clone());
        Ok(Self { tenant_id, name, ids, addresses, keys, owners })
    }

    /// Whether an event or attempt is theirs, by its source, id and this moment of it.
    pub(super) fn is_theirs(&self, moment: &str) -> Expr {
        let keys: BTreeSet<&str> = self.ids.iter().map(|id| id.user_key.as_str()).collect();
        let ids = self.ids.iter().filter_map(|id| {
            let source = id.source.as_deref()?;
            let mut is_it = col("source").eq(lit(source)).and(col("user_key").eq(lit(id.user_key.as_str())));
            if let Some(from_us) = id.valid.from_us {
                is_it = is_it.and(col(moment).gt_eq(moment_us(from_us)));
            }
            if let Some(to_us) = id.valid.to_us {
                is_it = is_it.and(col(moment).lt(moment_us(to_us)));
            }
            Some(is_it)
        });
        let is_one = disjunction(ids.collect::<Vec<_>>()).unwrap_or_else(|| lit(false));
        // Said of each column alone too, so that files are skipped by it.
        col("tenant_id")
            .eq(lit(self.tenant_id.as_str()))
            .and(col("user_key").in_list(keys.into_iter().map(lit).collect(), false))
            .and(is_one)
    }

    /// Whether a change may be theirs, or made by them: [`Owners::of`] says so of each.
    pub(super) fn may_be_of(&self) -> Expr {
        let keys: Vec<Expr> = self.keys.iter().map(|key| lit(key.as_str())).collect();
        let mut actors: BTreeSet<String> = self.keys.iter().map(|key| key.to_lowercase()).collect();
        actors.extend(self.ids.iter().flat_map(|id| &id.user_ids).map(|id| id.to_lowercase()));
        let actors = actors.iter().map(|actor| lit(actor.as_str())).collect();
        let is_actor = datafusion::functions::string::expr_fn::lower(col("actor")).in_list(actors, false);
        col("tenant_id")
            .eq(lit(self.tenant_id.as_str()))
            .and(col("user_key").in_list(keys, false).or(is_actor.is_true()))
    }

    /// When directories say that they are enabled.
    pub(super) fn enabled(&self) -> Vec<Enabled> {
        let listed = self.owners.listed();
        listed.get(&(self.tenant_id.as_str(), self.name.as_str())).map_or_else(Vec::new, |it| it.to_vec())
    }

    /// Whether a source's id is theirs at a moment.
    pub(super) fn is_id(&self, source: &str, user_key: &str, at_us: i64) -> bool {
        self.owners.of(&self.tenant_id, source, user_key, at_us).person == self.name
    }
}

/// The one of those that were found.
fn only(found: BTreeSet<(String, String)>) -> Result<(String, String), QueryError> {
    let tenants: BTreeSet<&String> = found.iter().map(|(tenant_id, _)| tenant_id).collect();
    if tenants.len() > 1 {
        let count = tenants.len();
        let told: Vec<&str> = tenants.into_iter().take(TENANTS_TOLD_MAX).map(String::as_str).collect();
        let more = if count > told.len() { ", …" } else { "" };
        return Err(QueryError::Refused(format!(
            "give the tenant, one of {}{more}: persons of {count} tenants are called so",
            told.join(", ")
        )));
    }
    let count = found.len();
    match found.into_iter().next() {
        Some(person) if count == 1 => Ok(person),
        Some(_) => Err(QueryError::Refused(format!(
            "give the name in the directory, an address, a shorter range, or SOURCE:ID such as duo:ID: {count} persons are \
             called so"
        ))),
        None => Err(QueryError::Refused(
            "check the spelling, the tenant and, for an id that was used again, the range: nobody is called so, by an id, \
             an address or a name in a directory"
                .to_owned(),
        )),
    }
}

/// What an id may be that is written so, with the source where that is said.
fn spellings(called: &str) -> Vec<(Option<String>, String)> {
    let mut found = vec![(None, called.to_owned()), (None, canonical(called).into_owned())];
    if let Some((source, id)) = called.split_once(':') {
        found.push((Some(source.to_owned()), canonical(id).into_owned()));
    }
    if let Some((id, source)) = called.strip_suffix(')').and_then(|called| called.rsplit_once(" (")) {
        found.push((Some(source.to_owned()), id.to_owned()));
    }
    found
}

/// Whom changes name so, where no event and no directory does.
async fn changed(
    session: &Session,
    owners: &Owners,
    tenants: &[String],
    called: &str,
) -> Result<BTreeSet<(String, String)>, QueryError> {
    let spellings = spellings(called);
    let changes = session.view(Kind::Change).await?;
    let look = async || -> Result<BTreeSet<(String, String)>, DataFusionError> {
        let keys: BTreeSet<&str> = spellings.iter().map(|(_, key)| key.as_str()).collect();
        let is_key = col("user_key").in_list(keys.into_iter().map(lit).collect(), false);
        let mut changes = changes.filter(is_key.or(col("user_id").eq(lit(called))))?;
        if !tenants.is_empty() {
            let tenants = tenants.iter().map(|tenant| lit(tenant.as_str())).collect();
            changes = changes.filter(col("tenant_id").in_list(tenants, false))?;
        }
        let names = ["tenant_id", "source", "user_key", "user_id"];
        let rows = changes
            .select_columns(&["tenant_id", "source", "user_key", "user_id", "occurred_at"])?
            .collect()
            .await?;
        let mut found = BTreeSet::new();
        for batch in &rows {
            let texts = Texts::of(batch, &names)?;
            let at = numbers::<arrow::datatypes::TimestampMicrosecondType>(batch, "occurred_at")?;
            for row in 0..batch.num_rows() {
                let [tenant_id, source, user_key, user_id] =
                    [0, 1, 2, 3].map(|index| texts.needed(index, row));
                let is_it = user_id == called
                    || spellings.iter().any(|(only, key)| {
                        key == user_key && only.as_ref().is_none_or(|only| only == source)
                    });
                if is_it {
                    let whose = owners.of(tenant_id, source, user_key, at.value(row));
                    found.insert((tenant_id.to_owned(), whose.person.into_owned()));
                }
            }
        }
        Ok(found)
    };
    look().await.map_err(|error| QueryError::while_running(error, &session.limits()))
}
