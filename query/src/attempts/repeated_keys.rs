//! The keys of attempts that come again.

use std::collections::{BTreeSet, HashMap, HashSet};

use arrow::array::{Array as _, BooleanArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lake::projections::{Part, PartKind, ROW};
use projections::{ProjectError, Unstored};
use schemas::arrays::{file_texts, numbers};

/// When each attempt began whose key several have, by what stands for the key.
pub(super) type RepeatedKeys = HashMap<i64, Vec<i64>>;

/// Keys that are held at a time: 128 MiB. Of more, a part comes after the other.
const KEYS_MAX: u64 = if cfg!(test) { 40 } else { 1 << 24 };

/// The keys that several attempts have which began on these days, of everybody or of one user key.
pub(super) async fn find(
    unstored: &Unstored,
    days: &BTreeSet<NaiveDate>,
    user: Option<&str>,
) -> Result<RepeatedKeys, ProjectError> {
    let parts = match &unstored.table {
        Some(table) => table.parts()?,
        None => Vec::new(),
    };
    let is_asked = |part: &Part| part.kind == PartKind::Attempt && days.contains(&part.day);
    let parts: Vec<Part> = parts.into_iter().filter(is_asked).collect();
    let rows = parts.iter().map(|part| part.rows).sum::<u64>()
        + unstored.rows.iter().map(|rows| rows.num_rows() as u64).sum::<u64>();
    let slices = rows.div_ceil(KEYS_MAX).max(1);
    let mut repeated = HashSet::new();
    for slice in 0..slices {
        let mut keys: Vec<i64> = Vec::new();
        each(unstored, &parts, user, |key, _| {
            if key.cast_unsigned() % slices == slice {
                keys.push(key);
            }
        })
        .await?;
        keys.sort_unstable();
        repeated.extend(keys.chunk_by(|one, next| one == next).filter(|run| run.len() > 1).map(|run| run[0]));
    }
    let mut moments = RepeatedKeys::new();
    if !repeated.is_empty() {
        each(unstored, &parts, user, |key, at_us| {
            if repeated.contains(&key) {
                moments.entry(key).or_default().push(at_us);
            }
        })
        .await?;
    }
    Ok(moments)
}

/// Each attempt that holds and has a key: what stands for it, and when it began.
async fn each(
    unstored: &Unstored,
    parts: &[Part],
    user: Option<&str>,
    mut take: impl FnMut(i64, i64),
) -> Result<(), ProjectError> {
    let mut taken = Ok(());
    let mut take_rows = |rows: &RecordBatch| -> Result<(), ArrowError> {
        let keys = numbers::<Int64Type>(rows, "key_hash")?;
        let first = numbers::<TimestampMicrosecondType>(rows, "first_at")?;
        let row_numbers = numbers::<Int64Type>(rows, ROW)?;
        for row in (0..rows.num_rows()).filter(|row| keys.is_valid(*row)) {
            if !unstored.voided.contains(row_numbers.value(row).cast_unsigned()) {
                take(keys.value(row), first.value(row));
            }
        }
        Ok(())
    };
    let mut take = |rows: &RecordBatch| {
        if taken.is_ok() {
            taken = take_rows(rows);
        }
    };
    let columns = ["key_hash", "first_at", ROW];
    if let Some(table) = &unstored.table {
        for part in parts {
            match user {
                None => table.read(part, &columns, &mut take).await?,
                Some(user) => {
                    let may_hold = |least: &str, greatest: &str| (least..=greatest).contains(&user);
                    let wanted = user.to_owned();
                    let is_wanted = move |rows: &RecordBatch| {
                        let users = file_texts(rows, "user_key")?;
                        Ok(users
                            .iter()
                            .map(|user| Some(user == Some(wanted.as_str())))
                            .collect::<BooleanArray>())
                    };
                    table
                        .read_of_users(part, &["user_key"], may_hold, is_wanted, &columns, &mut take)
                        .await?;
                }
            }
        }
    }
    unstored.rows.iter().for_each(&mut take);
    Ok(taken?)
}
