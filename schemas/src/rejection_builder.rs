//! Rejections gathered into an Arrow record batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, RecordBatch};

use crate::kind::rejection_schema;
use crate::place::Place;
use crate::place_column::PlaceColumns;
use crate::rejection::Rejection;
use crate::text_column::{RunColumn, TextColumn};

/// Bytes of a rejection's numbers, offsets and validity, for [`RejectionBuilder::byte_size`].
const FIXED_BYTES: usize = 64;

/// Rejections gathered into an Arrow record batch.
///
/// A column holds at most 2 GiB, and a rejection may bring more than a mebibyte: ask
/// [`RejectionBuilder::byte_size`] after each.
#[derive(Debug)]
pub struct RejectionBuilder {
    row_count: usize,
    reason: TextColumn,
    field: TextColumn,
    detail: TextColumn,
    raw: BinaryBuilder,
    redacted: BooleanBuilder,
    source: RunColumn,
    decoder: RunColumn,
    place: PlaceColumns,
}

impl RejectionBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self {
            row_count: 0,
            reason: TextColumn::default(),
            field: TextColumn::default(),
            detail: TextColumn::default(),
            raw: BinaryBuilder::new(),
            redacted: BooleanBuilder::new(),
            source: RunColumn::default(),
            decoder: RunColumn::default(),
            place: PlaceColumns::new(),
        }
    }

    /// Appends a rejection with the bytes to keep (`None` for a tombstone): what [`crate::redact`] returned,
    /// and whether it changed anything.
    pub fn append(
        &mut self,
        rejection: &Rejection<'_>,
        place: &Place<'_>,
        source: &str,
        decoder: &str,
        raw: Option<&[u8]>,
        redacted: bool,
    ) {
        self.reason.append(rejection.reason.as_str());
        self.field.append_option(rejection.field);
        self.detail.append(&rejection.detail);
        self.raw.append_option(raw);
        self.redacted.append_value(redacted);
        self.source.append(source);
        self.decoder.append(decoder);
        self.place.append(place);
        self.row_count += 1;
    }

    /// Rejections so far.
    pub fn len(&self) -> usize {
        self.row_count
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// About how many bytes the batch will hold.
    pub fn byte_size(&self) -> usize {
        self.row_count * FIXED_BYTES
            + [&self.reason, &self.field, &self.detail].map(TextColumn::text_bytes).iter().sum::<usize>()
            + self.raw.values_slice().len()
            + self.source.text_bytes()
            + self.decoder.text_bytes()
            + self.place.text_bytes()
    }

    /// The batch, in the columns of [`rejection_schema`]. The builder is empty afterwards and can be used
    /// again.
    pub fn finish(&mut self) -> RecordBatch {
        self.row_count = 0;
        let schema = rejection_schema();
        let columns: Vec<ArrayRef> = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "reason" => self.reason.finish(),
                "field" => self.field.finish(),
                "detail" => self.detail.finish(),
                "raw" => Arc::new(self.raw.finish()),
                "redacted" => Arc::new(self.redacted.finish()),
                "source" => self.source.finish(),
                "decoder" => self.decoder.finish(),
                name => self.place.finish(name),
            })
            .collect();
        RecordBatch::try_new(schema, columns).expect("each column has a row for each rejection")
    }
}

impl Default for RejectionBuilder {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::rejection::Reason;

    #[test]
    fn rejections_stand_in_their_columns() {
        let mut builder = RejectionBuilder::new();
        let place = |offset| Place {
            topic: "auth-events",
            topic_id: "id",
            partition: 1,
            offset,
            element_index: 0,
            received_at_us: 0,
        };
        let bad_time = Rejection::field(Reason::BadTime, "occurred_at", "expected RFC 3339 with a zone");
        builder.append(&bad_time, &place(7), "gatebook", "gatebook/1", Some(b"{}"), true);
        let empty = Rejection::whole(Reason::Empty, "the record has no value");
        builder.append(&empty, &place(8), "gatebook", "gatebook/1", None, false);
        assert_eq!(builder.len(), 2);
        let batch = builder.finish();
        assert!(builder.is_empty());
        let row = |row| {
            let names = ["kafka_offset", "reason", "field", "raw", "redacted", "kafka_topic"];
            let columns = names.map(|name| batch.column_by_name(name).expect("a column"));
            let values =
                columns.map(|column| array_value_to_string(column, row).expect("every type can be shown"));
            values.join("|")
        };
        assert_eq!(row(0), "7|bad-time|occurred_at|7b7d|true|auth-events");
        assert_eq!(row(1), "8|empty|||false|auth-events");
    }
}
