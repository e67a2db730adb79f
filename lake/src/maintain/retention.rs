//! Retention: whole days that are older than the configuration keeps are removed, and leave a trace.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use chrono::{Days, NaiveDate, Utc};
use deltalake_core::protocol::DeltaOperation;
use schemas::Kind;

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::maintain::{Done, Lease, MaintainError, Upkeep, commit};
use crate::partition::PartitionId;
use crate::removal::{self, Removal};
use crate::totals;

/// The kinds that are removed by day; segments and removals stay for ever.
const KINDS: [Kind; 4] = [Kind::Event, Kind::Change, Kind::Rejection, Kind::Superseded];

/// Removes the days that are due, each kind and day in one commit with the entries that say so.
pub(crate) async fn remove_expired(
    book: &mut Book,
    upkeep: &Upkeep,
    lease: &mut Lease,
    done: &mut Done,
) -> Result<(), MaintainError> {
    let Some(oldest_kept) = Utc::now().date_naive().checked_sub_days(Days::new(upkeep.retention_days.into()))
    else {
        return Ok(());
    };
    let mut days: BTreeMap<(NaiveDate, &str), (Kind, Vec<ActiveFile>)> = BTreeMap::new();
    for file in book.files()? {
        if let (Some(kind), Some(day)) = (file.kind, file.day)
            && KINDS.contains(&kind)
            && day < oldest_kept
        {
            days.entry((day, kind.as_str())).or_insert_with(|| (kind, Vec::new())).1.push(file);
        }
    }
    let mut first_error = None;
    for ((day, _), (kind, files)) in days {
        let removals = match removals(book, kind, day, &files).await {
            Ok(removals) => removals,
            // A damaged file keeps its own day, not all later ones.
            Err(error) => {
                first_error.get_or_insert(error);
                continue;
            }
        };
        let entries = book.store_removals(&removals, Utc::now()).await?;
        let predicate = Some(format!("kind = '{kind}' AND day = '{day}'", kind = kind.as_str()));
        commit::replace(book, lease, &files, vec![entries], DeltaOperation::Delete { predicate }).await?;
        done.days_removed += 1;
        done.rows_removed += files.iter().map(|file| file.rows).sum::<u64>();
    }
    first_error.map_or(Ok(()), Err)
}

/// One entry for each partition whose rows go.
async fn removals(
    book: &Book,
    kind: Kind,
    day: NaiveDate,
    files: &[ActiveFile],
) -> Result<Vec<Removal>, MaintainError> {
    let mut by_partition: BTreeMap<PartitionId, Removal> = BTreeMap::new();
    let columns = ["kafka_topic", "kafka_topic_id", "kafka_partition", "kafka_offset"];
    for file in files {
        book.read(file, Some(&columns), |rows| {
            let (topics, ids) = (totals::text(rows, "kafka_topic"), totals::text(rows, "kafka_topic_id"));
            let partitions = rows
                .column_by_name("kafka_partition")
                .and_then(|values| values.as_primitive_opt::<Int32Type>());
            let offsets =
                rows.column_by_name("kafka_offset").and_then(|values| values.as_primitive_opt::<Int64Type>());
            let (Some(partitions), Some(offsets)) = (partitions, offsets) else { return };
            for row in 0..rows.num_rows() {
                let offset = offsets.value(row);
                let id = PartitionId { topic_id: ids.get(row).to_owned(), partition: partitions.value(row) };
                let removal = by_partition.entry(id.clone()).or_insert_with(|| Removal {
                    why: removal::RETENTION,
                    actor: "gatebook maintain".to_owned(),
                    topic: topics.get(row).to_owned(),
                    id,
                    removed: Some((kind, day)),
                    rows: 0,
                    from_offset: offset,
                    next_offset: offset + 1,
                    redecoded: None,
                });
                removal.rows += 1;
                removal.from_offset = removal.from_offset.min(offset);
                removal.next_offset = removal.next_offset.max(offset + 1);
            }
        })
        .await?;
    }
    Ok(by_partition.into_values().collect())
}
