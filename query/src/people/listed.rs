//! The table of what directories say that SQL sees.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lake::Import;
use schemas::{ListedId, Listing};

use super::known::Known;
use crate::arrays::{lists, moments, texts};

/// The view's name.
pub(crate) const VIEW: &str = "directory";

/// What a row of it is.
pub(crate) const ABOUT: &str = "who is who and who is enabled when, as the files of directories say";

/// The names, and what they mean.
#[rustfmt::skip]
pub(crate) const COLUMNS: &[(&str, &str)] = &[
    ("tenant_id", "Whose directory it is."),
    ("directory", "The directory's name."),
    ("person", "What it calls the person."),
    ("ids", "Ids of the person: ID in every source of the tenant, or SOURCE:ID."),
    ("enabled_from", "From when on the person is enabled; null for ever before."),
    ("enabled_to", "Until before when the person is enabled; null for ever after. Several rows of a person are several periods."),
    ("imported_at", "When the directory was imported."),
    ("imported_by", "Who imported it."),
];

/// What directories say.
#[derive(Debug)]
pub(crate) struct Listed(Arc<Known>);

impl Listed {
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self(known)
    }
}

#[async_trait]
impl TableProvider for Listed {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let content = self.0.content().await?;
        let rows: Vec<(&Import, &Listing)> = content
            .imports
            .iter()
            .flat_map(|it| it.listings.iter().map(move |listing| (it, listing)))
            .collect();
        let batch = RecordBatch::try_new(schema(), arrays(&rows))?;
        MemTable::try_new(schema(), vec![vec![batch]])?.scan(state, projection, filters, limit).await
    }
}

fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let fields = COLUMNS.iter().zip(arrays(&[]));
        let fields = fields.map(|((name, _), array)| Field::new(*name, array.data_type().clone(), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

fn arrays(rows: &[(&Import, &Listing)]) -> Vec<ArrayRef> {
    let id = |id: &ListedId| match &id.source {
        Some(source) => format!("{source}:{}", id.user_key),
        None => id.user_key.clone(),
    };
    let ids: Vec<Vec<String>> = rows.iter().map(|(_, it)| it.ids.iter().map(id).collect()).collect();
    vec![
        texts(rows.iter().map(|(import, _)| import.tenant_id.as_str())),
        texts(rows.iter().map(|(import, _)| import.directory.as_str())),
        texts(rows.iter().map(|(_, it)| it.person.as_str())),
        lists(ids.iter().map(|ids| ids.iter().map(String::as_str).collect())),
        moments(rows.iter().map(|(_, it)| it.enabled.from_us)),
        moments(rows.iter().map(|(_, it)| it.enabled.to_us)),
        moments(rows.iter().map(|(import, _)| Some(import.imported_at_us))),
        texts(rows.iter().map(|(import, _)| import.actor.as_str())),
    ]
}
