//! What a row of the book is, and the Arrow schema of each kind.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::column::{COLUMNS, Column};

/// What a row of the book is: the value of its partition column `kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// One authentication event.
    Event,
    /// Something that happened to an account or to a method.
    Change,
    /// An element that should have decoded and did not.
    Rejection,
    /// An event that a later decoder read anew.
    Superseded,
    /// Which offset range a commit added for one partition, with its counts.
    Segment,
    /// What was taken out of the book, and why.
    Removal,
}

impl Kind {
    /// Every kind.
    pub const ALL: &'static [Self] =
        &[Self::Event, Self::Change, Self::Rejection, Self::Superseded, Self::Segment, Self::Removal];

    /// The kind as it stands in the book.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Change => "change",
            Self::Rejection => "rejection",
            Self::Superseded => "superseded",
            Self::Segment => "segment",
            Self::Removal => "removal",
        }
    }

    /// Reads a kind; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text)
    }

    /// The columns of a Parquet file of this kind, in the order of [`COLUMNS`], all nullable. The partition
    /// columns `kind` and `day` are not among them: Delta keeps those in the log.
    pub fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<Vec<SchemaRef>> =
            LazyLock::new(|| Kind::ALL.iter().map(|kind| schema_of(|column| column.is_in(*kind))).collect());
        Arc::clone(&SCHEMAS[self as usize])
    }
}

/// The columns of an event file.
pub fn event_schema() -> SchemaRef {
    Kind::Event.schema()
}

/// The columns of a change file.
pub fn change_schema() -> SchemaRef {
    Kind::Change.schema()
}

/// The columns of a rejection file.
pub fn rejection_schema() -> SchemaRef {
    Kind::Rejection.schema()
}

/// The columns of a superseded file: those of an event, and `committed_at`.
pub fn superseded_schema() -> SchemaRef {
    Kind::Superseded.schema()
}

/// The columns of a segment file.
pub fn segment_schema() -> SchemaRef {
    Kind::Segment.schema()
}

/// The columns of a removal file.
pub fn removal_schema() -> SchemaRef {
    Kind::Removal.schema()
}

/// The columns of the book: the partition columns `kind` and `day`, then every column of every kind.
pub fn book_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let partitions =
            [Field::new("kind", DataType::Utf8, true), Field::new("day", DataType::Date32, true)];
        let columns = COLUMNS.iter().map(Column::arrow_field);
        Arc::new(Schema::new(partitions.into_iter().chain(columns).collect::<Vec<_>>()))
    });
    Arc::clone(&SCHEMA)
}

fn schema_of(is_wanted: impl Fn(&Column) -> bool) -> SchemaRef {
    let fields: Vec<Field> =
        COLUMNS.iter().filter(|column| is_wanted(column)).map(Column::arrow_field).collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_read_back() {
        for (index, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
            assert_eq!(*kind as usize, index, "`schema` indexes by the enum's order");
        }
    }

    #[track_caller]
    fn check(schema: &SchemaRef, expected: &str) {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names.join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
    }

    #[test]
    fn each_kind_has_the_columns_of_the_design() {
        let event = "event_id occurred_at tenant_id user_id first_name last_name email phone_number device_token \
            user_key method mode result denial_reason result_code result_detail stage assurance prompts steps \
            server_name server_ip unknown_values client_ip application client_app protocol authenticator_id sender \
            attempt_id source decoder kafka_topic kafka_topic_id kafka_partition kafka_offset element_index \
            received_at duplicate raw";
        check(&event_schema(), event);
        check(&superseded_schema(), &format!("{event} committed_at"));
        check(
            &change_schema(),
            "occurred_at tenant_id user_id user_key method result_code result_detail client_ip source decoder \
            kafka_topic kafka_topic_id kafka_partition kafka_offset element_index received_at actor change until \
            reason raw",
        );
        check(
            &rejection_schema(),
            "source decoder kafka_topic kafka_topic_id kafka_partition kafka_offset element_index received_at \
            reason field detail raw redacted",
        );
        check(
            &segment_schema(),
            "kafka_topic kafka_topic_id kafka_partition received_at from_offset next_offset committed_at records empty_records \
            elements events changes rejections skipped_by_kind unknown_value_counts unknown_key_counts duplicates \
            conflicting_ids gap",
        );
        check(
            &removal_schema(),
            "kafka_topic kafka_topic_id kafka_partition actor from_offset next_offset committed_at why removed_kind \
            removed_day rows old_decoder new_decoder changed_columns",
        );
    }

    #[test]
    fn the_book_has_each_column_once() {
        let book = book_schema();
        let mut names: Vec<&str> = book.fields().iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names[..3], ["kind", "day", "event_id"]);
        for kind in Kind::ALL {
            for field in kind.schema().fields() {
                assert_eq!(book.field_with_name(field.name()).ok(), Some(field.as_ref()));
            }
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
