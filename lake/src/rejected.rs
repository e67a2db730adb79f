//! Rejections read back, with their bytes, for a person to look at and to be produced again.

use std::fmt;
use std::ops::ControlFlow;
use std::str::FromStr;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use parquet::errors::ParquetError;
use schemas::{Kind, Reason};

use crate::active_file::ActiveFile;
use crate::book::Book;
use crate::partition::PartitionId;
use crate::read::ReadError;
use crate::totals::text;

/// Rows decoded at a time: each may bring more than a mebibyte.
const BATCH_ROWS: usize = 64;

/// A rejection as it stands in the book. Its bytes may hold personal data: never log them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The topic's name.
    pub topic: String,
    /// The partition that the record came from.
    pub id: PartitionId,
    /// The record's offset.
    pub offset: i64,
    /// The element's position in the record.
    pub element_index: i32,
    /// Kafka's timestamp of the record, in microseconds since 1970 UTC.
    pub received_at_us: Option<i64>,
    /// Why, as a stable code.
    pub reason: String,
    /// The key that was at fault, where one was.
    pub field: Option<String>,
    /// What was expected or found.
    pub detail: String,
    /// The record's bytes; none for a tombstone.
    pub raw: Option<Vec<u8>>,
    /// Whether `raw` differs from what Kafka delivered.
    pub redacted: bool,
}

/// Why the record of a rejection cannot be produced again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotWhole {
    /// Switched-off fields were blanked, or only a digest was kept.
    #[error("its bytes were redacted when it was stored")]
    Redacted,
    /// Kafka delivered no value.
    #[error("it has no bytes: the record was a tombstone")]
    Tombstone,
}

/// Which rejections are wanted. Without a reason and an address all are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those of this reason.
    pub reason: Option<Reason>,
    /// Those at one of these places.
    pub addresses: Vec<Address>,
}

/// `TOPIC:PARTITION:OFFSET` or `TOPIC:PARTITION:OFFSET:ELEMENT`: the elements of a record, or one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The topic's name or its id; the id tells a topic from an earlier one of the same name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// One element; none is every rejected one of the record.
    pub element_index: Option<i32>,
}

/// A text that is no [`Address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write TOPIC:PARTITION:OFFSET, with :ELEMENT where a record has several, such as auth-events:0:1234")]
pub struct AddressError;

impl Rejected {
    /// The record as Kafka delivered it.
    ///
    /// # Errors
    ///
    /// The book does not have it whole.
    pub fn whole(&self) -> Result<&[u8], NotWhole> {
        match &self.raw {
            None => Err(NotWhole::Tombstone),
            Some(_) if self.redacted => Err(NotWhole::Redacted),
            Some(raw) => Ok(raw),
        }
    }

    /// `TOPIC_ID:PARTITION:OFFSET:ELEMENT`, which names it for ever.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.id, self.offset, self.element_index)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        // Neither a topic's name nor its id has a colon in it.
        let parse = || {
            let mut parts = text.split(':');
            let address = Self {
                topic: parts.next().filter(|topic| !topic.is_empty())?.to_owned(),
                partition: parts.next()?.parse().ok()?,
                offset: parts.next()?.parse().ok()?,
                element_index: parts.next().map(str::parse).transpose().ok()?,
            };
            let is_whole = parts.next().is_none() && address.partition >= 0 && address.offset >= 0;
            is_whole.then_some(address)
        };
        parse().ok_or(AddressError)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.topic, self.partition, self.offset)?;
        self.element_index.map_or(Ok(()), |element_index| write!(f, ":{element_index}"))
    }
}

impl Address {
    /// Whether it names this rejection.
    #[must_use]
    pub fn names(&self, rejected: &Rejected) -> bool {
        (self.topic == rejected.topic || self.topic == rejected.id.topic_id)
            && self.partition == rejected.id.partition
            && self.offset == rejected.offset
            && self.element_index.is_none_or(|element_index| element_index == rejected.element_index)
    }
}

impl Wanted {
    /// Whether this rejection is wanted.
    #[must_use]
    pub fn takes(&self, rejected: &Rejected) -> bool {
        self.reason.is_none_or(|reason| reason.as_str() == rejected.reason)
            && (self.addresses.is_empty() || self.addresses.iter().any(|address| address.names(rejected)))
    }

    /// Whether the log leaves it open that the file holds one.
    fn may_be_in(&self, file: &ActiveFile) -> bool {
        let within = |bounds: Option<(i64, i64)>, value| {
            bounds.is_none_or(|(low, high)| (low..=high).contains(&value))
        };
        let names = |address: &Address| {
            within(file.partitions, address.partition.into()) && within(file.offsets, address.offset)
        };
        file.kind == Some(Kind::Rejection) && (self.addresses.is_empty() || self.addresses.iter().any(names))
    }
}

impl Book {
    /// Reads the wanted rejections, in no order, until `take` breaks off. One file is held at a time.
    pub async fn rejections(
        &self,
        wanted: &Wanted,
        mut take: impl FnMut(Rejected) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for file in self.files()?.iter().filter(|file| wanted.may_be_in(file)) {
            let damaged = |source: ParquetError| ReadError::Damaged { path: file.path.to_string(), source };
            let reader = self.open_file(file).await?.with_batch_size(BATCH_ROWS).build().map_err(damaged)?;
            for batch in reader {
                let batch =
                    batch.map_err(|source| ReadError::Columns { path: file.path.to_string(), source })?;
                for rejected in (0..batch.num_rows()).filter_map(|row| read(&batch, row)) {
                    if wanted.takes(&rejected) && take(rejected).is_break() {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}

/// None where the row does not say where it came from, which a check would find.
fn read(rows: &RecordBatch, row: usize) -> Option<Rejected> {
    let int32 = |name: &str| {
        let values = rows.column_by_name(name)?.as_primitive_opt::<Int32Type>()?;
        values.is_valid(row).then(|| values.value(row))
    };
    let field = rows.column_by_name("field")?.as_string_opt::<i32>()?;
    let raw = rows.column_by_name("raw")?.as_binary_opt::<i32>()?;
    let redacted = rows.column_by_name("redacted")?.as_boolean_opt()?;
    let offsets = rows.column_by_name("kafka_offset")?.as_primitive_opt::<Int64Type>()?;
    let received = rows.column_by_name("received_at")?.as_primitive_opt::<TimestampMicrosecondType>()?;
    Some(Rejected {
        topic: text(rows, "kafka_topic").get(row).to_owned(),
        id: PartitionId {
            topic_id: text(rows, "kafka_topic_id").get(row).to_owned(),
            partition: int32("kafka_partition")?,
        },
        offset: offsets.is_valid(row).then(|| offsets.value(row))?,
        element_index: int32("element_index")?,
        received_at_us: received.is_valid(row).then(|| received.value(row)),
        reason: text(rows, "reason").get(row).to_owned(),
        field: field.is_valid(row).then(|| field.value(row).to_owned()),
        detail: text(rows, "detail").get(row).to_owned(),
        raw: raw.is_valid(row).then(|| raw.value(row).to_vec()),
        // What does not say that it is whole is not taken for whole.
        redacted: redacted.is_null(row) || redacted.value(row),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_strictly() {
        let address = Address { topic: "auth".into(), partition: 3, offset: 10, element_index: None };
        assert_eq!("auth:3:10".parse(), Ok(address.clone()));
        assert_eq!("auth:3:10:2".parse(), Ok(Address { element_index: Some(2), ..address.clone() }));
        assert_eq!(address.to_string(), "auth:3:10");
        for text in [
            "",
            "auth",
            "auth:3",
            ":3:10",
            "auth:3:x",
            "auth:-1:10",
            "auth:3:-1",
            "auth:3:10:",
            "auth:3:10:2:1",
        ] {
            assert_eq!(text.parse::<Address>(), Err(AddressError), "{text}");
        }
    }

    #[test]
    fn an_address_names_a_record_by_the_name_or_the_id_of_its_topic() {
        let rejected = Rejected {
            topic: "auth".into(),
            id: PartitionId { topic_id: "id".into(), partition: 3 },
            offset: 10,
            element_index: 1,
            received_at_us: None,
            reason: "not-json".into(),
            field: None,
            detail: String::new(),
            raw: None,
            redacted: false,
        };
        let names = |text: &str| text.parse::<Address>().expect("an address").names(&rejected);
        assert!(names("auth:3:10") && names("id:3:10:1"));
        assert!(!names("auth:3:10:0") && !names("auth:3:11") && !names("auth:2:10") && !names("other:3:10"));
    }
}
