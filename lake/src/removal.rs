//! Removals: what was taken out of the book, or out of its future, and who wanted it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type};
use arrow::error::ArrowError;
use chrono::{DateTime, NaiveDate, Utc};
use deltalake_core::kernel::Action;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use schemas::Kind;

use crate::book::Book;
use crate::data_file;
use crate::landing::LandError;
use crate::partition::PartitionId;
use crate::read::ReadError;
use crate::segment;
use crate::totals;

/// Whole days that are older than the configuration keeps.
pub(crate) const RETENTION: &str = "retention";

/// An operator accepted that a topic was deleted and created again.
pub(crate) const TOPIC_RECREATED: &str = "topic-recreated";

/// Events that a later decoder reads differently: the old rows are of kind superseded from then on.
pub(crate) const REDECODED: &str = "redecoded";

/// One entry of kind removal. A removal of rows says which; a retired partition has none, and a day into which a
/// re-decoding moved rows lost none.
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
    /// Of a re-decoding.
    pub(crate) redecoded: Option<Redecoded>,
}

/// Who read rows before and who reads them now, and in how many rows each column differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redecoded {
    pub(crate) old_decoder: String,
    pub(crate) new_decoder: String,
    pub(crate) changed_columns: BTreeMap<String, i64>,
}

pub(crate) fn entries(removals: &[Removal], committed_at_us: i64) -> Result<RecordBatch, ArrowError> {
    let schema = schemas::removal_schema();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type(), removals, committed_at_us));
    let columns = columns.collect::<Result<_, _>>()?;
    RecordBatch::try_new(schema, columns)
}

fn column(
    name: &str,
    data_type: &DataType,
    removals: &[Removal],
    committed_at_us: i64,
) -> Result<ArrayRef, ArrowError> {
    let count = |of: fn(&Removal) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(removals.iter().map(of)))
    };
    let text = |of: fn(&Removal) -> Option<&str>| -> ArrayRef {
        Arc::new(StringArray::from_iter(removals.iter().map(of)))
    };
    Ok(match name {
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
        "old_decoder" => text(|removal| Some(&removal.redecoded.as_ref()?.old_decoder)),
        "new_decoder" => text(|removal| Some(&removal.redecoded.as_ref()?.new_decoder)),
        "changed_columns" => segment::counts(
            removals
                .iter()
                .map(|removal| removal.redecoded.iter().flat_map(|redecoded| &redecoded.changed_columns)),
        )?,
        _ => new_null_array(data_type, removals.len()),
    })
}

impl Book {
    /// Stores removal entries; the action is to be committed together with what it speaks of.
    pub(crate) async fn store_removals(
        &self,
        removals: &[Removal],
        now: DateTime<Utc>,
    ) -> Result<Action, LandError> {
        let entries =
            entries(removals, now.timestamp_micros()).map_err(parquet::errors::ParquetError::from)?;
        let file = data_file::encode(Kind::Removal, now.date_naive(), &entries)?;
        file.store(&self.store()).await?;
        Ok(Action::Add(file.add))
    }

    /// The days of which retention removed rows: no row of an older offset may come back to them.
    pub async fn removed_days(&self) -> Result<BTreeSet<NaiveDate>, ReadError> {
        let mut days = BTreeSet::new();
        for file in self.files()?.iter().filter(|file| file.kind == Some(Kind::Removal)) {
            self.read(file, Some(&["why", "removed_day"]), |rows| days.extend(days_of(rows, RETENTION)))
                .await?;
        }
        Ok(days)
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
                redecoded: None,
            })
            .collect();
        let action = self.store_removals(&removals, Utc::now()).await?;
        let operation = DeltaOperation::Write {
            mode: SaveMode::Append,
            partition_by: Some(vec!["kind".to_owned(), "day".to_owned()]),
            predicate: None,
        };
        self.commit(vec![action], Vec::new(), operation).await?;
        Ok(())
    }
}

/// The days that removal entries of this reason name.
pub(crate) fn days_of(rows: &RecordBatch, why: &str) -> BTreeSet<NaiveDate> {
    let whys = totals::text(rows, "why");
    let days = rows.column_by_name("removed_day").and_then(|days| days.as_primitive_opt::<Date32Type>());
    let day = |row: usize| days.filter(|days| days.is_valid(row) && whys.get(row) == why)?.value_as_date(row);
    (0..rows.num_rows()).filter_map(day).collect()
}
