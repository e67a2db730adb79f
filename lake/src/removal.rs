//! Removals: what was taken out of the book, or out of its future, and who wanted it.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::datatypes::{DataType, Date32Type};
use arrow::error::ArrowError;
use chrono::{NaiveDate, Utc};
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use schemas::Kind;

use crate::book::Book;
use crate::data_file;
use crate::landing::LandError;
use crate::partition::PartitionId;

/// Whole days that are older than the configuration keeps.
pub(crate) const RETENTION: &str = "retention";

/// An operator accepted that a topic was deleted and created again.
pub(crate) const TOPIC_RECREATED: &str = "topic-recreated";

/// One entry of kind removal. A removal of rows says which; a retired partition has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removal {
    pub(crate) why: &'static str,
    pub(crate) actor: String,
    pub(crate) topic: String,
    pub(crate) id: PartitionId,
    /// The kind and the day of the rows.
    pub(crate) removed: Option<(Kind, NaiveDate)>,
    pub(crate) rows: i64,
    pub(crate) from_offset: i64,
    pub(crate) next_offset: i64,
}

pub(crate) fn entries(removals: &[Removal], committed_at_us: i64) -> Result<RecordBatch, ArrowError> {
    let schema = schemas::removal_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type(), removals, committed_at_us));
    let columns = columns.collect();
    RecordBatch::try_new(schema, columns)
}

fn column(name: &str, data_type: &DataType, removals: &[Removal], committed_at_us: i64) -> ArrayRef {
    let count = |of: fn(&Removal) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(removals.iter().map(of)))
    };
    let text = |of: fn(&Removal) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(removals.iter().map(of)))
    };
    match name {
        "why" => text(|removal| Some(removal.why)),
        "actor" => text(|removal| Some(&removal.actor)),
        "kafka_topic" => text(|removal| Some(&removal.topic)),
        "kafka_topic_id" => text(|removal| Some(&removal.id.topic_id)),
        "kafka_partition" => {
            Arc::new(Int32Array::from_iter_values(removals.iter().map(|removal| removal.id.partition)))
        }
        "removed_kind" => text(|removal| removal.removed.map(|(kind, _)| kind.as_str())),
        "removed_day" => {
            let day = |removal: &Removal| removal.removed.map(|(_, day)| Date32Type::from_naive_date(day));
            Arc::new(Date32Array::from_iter(removals.iter().map(day)))
        }
        "rows" => count(|removal| removal.rows),
        "from_offset" => count(|removal| removal.from_offset),
        "next_offset" => count(|removal| removal.next_offset),
        "committed_at" => Arc::new(
            TimestampMicrosecondArray::from_value(committed_at_us, removals.len()).with_timezone("UTC"),
        ),
        _ => new_null_array(data_type, removals.len()),
    }
}

impl Book {
    /// Stores removal entries; the action is to be committed together with what it speaks of.
    pub(crate) async fn store_removals(&self, removals: &[Removal]) -> Result<Action, LandError> {
        let now = Utc::now();
        let entries =
            entries(removals, now.timestamp_micros()).map_err(parquet::errors::ParquetError::from)?;
        let file = data_file::encode(Kind::Removal, now.date_naive(), &entries)?;
        file.store(&self.store()).await?;
        Ok(Action::Add(file.add))
    }

    /// Writes down that these ids of a topic are over: an operator accepts that the topic was deleted and
    /// created again. Their entries stay.
    pub async fn retire_topic(&mut self, topic: &str, ids: &[String], actor: &str) -> Result<(), LandError> {
        let totals = self.totals().await.map_err(LandError::Read)?;
        let removals: Vec<Removal> = totals
            .into_iter()
            .filter(|(id, _)| ids.contains(&id.topic_id))
            .map(|(id, totals)| Removal {
                why: TOPIC_RECREATED,
                actor: actor.to_owned(),
                topic: topic.to_owned(),
                id,
                removed: None,
                rows: 0,
                from_offset: totals.next_offset,
                next_offset: totals.next_offset,
            })
            .collect();
        let action = self.store_removals(&removals).await?;
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec!["kind".to_owned(), "day".to_owned()]),
            predicate: None,
        };
        self.commit(vec![action], Vec::new(), operation).await?;
        Ok(())
    }
}
