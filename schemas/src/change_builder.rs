//! Changes gathered into an Arrow record batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, RecordBatch, TimestampMicrosecondBuilder};

use crate::element::Change;
use crate::fields::Fields;
use crate::kind::change_schema;
use crate::list_column::moment_builder;
use crate::place::Place;
use crate::place_column::PlaceColumns;
use crate::text_column::{RunColumn, TextColumn};

/// Texts of a change, in an order of their own.
const TEXTS: [&str; 10] = [
    "change",
    "tenant_id",
    "user_id",
    "user_key",
    "actor",
    "method",
    "reason",
    "client_ip",
    "result_code",
    "result_detail",
];

/// Changes gathered into an Arrow record batch. A column holds at most 2 GiB.
#[derive(Debug)]
pub struct ChangeBuilder {
    row_count: usize,
    stores_client_ip: bool,
    texts: [TextColumn; TEXTS.len()],
    occurred_at: TimestampMicrosecondBuilder,
    until: TimestampMicrosecondBuilder,
    raw: BinaryBuilder,
    source: RunColumn,
    decoder: RunColumn,
    place: PlaceColumns,
}

impl ChangeBuilder {
    /// An empty builder, which stores no switched-off field.
    pub fn new(fields: &Fields) -> Self {
        Self {
            row_count: 0,
            stores_client_ip: fields.client_ip,
            texts: Default::default(),
            occurred_at: moment_builder(),
            until: moment_builder(),
            raw: BinaryBuilder::new(),
            source: RunColumn::default(),
            decoder: RunColumn::default(),
            place: PlaceColumns::new(),
        }
    }

    /// Appends a change.
    pub fn append(&mut self, change: &Change<'_>, place: &Place<'_>, source: &str, decoder: &str) {
        let texts = [
            Some(change.change.as_str()),
            Some(change.tenant_id),
            Some(change.user_id),
            Some(change.user_key),
            change.actor,
            change.method.map(|method| method.as_str()),
            change.reason,
            change.client_ip.filter(|_| self.stores_client_ip),
            change.result_code,
            change.result_detail,
        ];
        for (column, text) in self.texts.iter_mut().zip(texts) {
            column.append_option(text);
        }
        self.occurred_at.append_value(change.occurred_at_us);
        self.until.append_option(change.until_us);
        self.raw.append_option(change.raw);
        self.source.append(source);
        self.decoder.append(decoder);
        self.place.append(place);
        self.row_count += 1;
    }

    /// Changes so far.
    pub fn len(&self) -> usize {
        self.row_count
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// The batch, in the columns of [`change_schema`]. The builder is empty afterwards and can be used again.
    pub fn finish(&mut self) -> RecordBatch {
        self.row_count = 0;
        let schema = change_schema();
        let columns: Vec<ArrayRef> = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "occurred_at" => Arc::new(self.occurred_at.finish()) as ArrayRef,
                "until" => Arc::new(self.until.finish()),
                "raw" => Arc::new(self.raw.finish()),
                "source" => self.source.finish(),
                "decoder" => self.decoder.finish(),
                name => match TEXTS.iter().position(|text| *text == name) {
                    Some(index) => self.texts[index].finish(),
                    None => self.place.finish(name),
                },
            })
            .collect();
        RecordBatch::try_new(schema, columns).expect("each column has a row for each change")
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};

    use super::*;
    use crate::kind::book_schema;
    use crate::vocabulary::{ChangeKind, Method};

    #[test]
    fn each_column_has_its_own_value_and_fits_into_the_book() {
        let change = Change {
            change: ChangeKind::BypassGranted,
            occurred_at_us: 1,
            tenant_id: "tenant",
            user_id: "User",
            user_key: "user",
            actor: Some("actor"),
            method: Some(Method::OathToken),
            reason: Some("reason"),
            until_us: Some(2),
            client_ip: Some("192.0.2.1"),
            result_code: Some("code"),
            result_detail: Some("detail"),
            raw: Some(b"raw"),
        };
        let place = Place {
            topic: "topic",
            topic_id: "id",
            partition: 3,
            offset: 4,
            element_index: 5,
            received_at_us: 6,
        };
        for (fields, address) in
            [(Fields::ALL, "192.0.2.1"), (Fields { client_ip: false, ..Fields::ALL }, "")]
        {
            let mut builder = ChangeBuilder::new(&fields);
            builder.append(&change, &place, "duo", "duo/1");
            let batch = builder.finish();
            let book = book_schema();
            let texts = [
                "bypass-granted",
                "tenant",
                "User",
                "user",
                "actor",
                "oath-token",
                "reason",
                address,
                "code",
                "detail",
            ];
            for (name, expected) in TEXTS.iter().zip(texts) {
                let column = batch.column_by_name(name).expect("a column");
                let found = column.as_string::<i32>();
                assert_eq!(if found.is_null(0) { "" } else { found.value(0) }, expected, "{name}");
            }
            for field in batch.schema().fields() {
                assert_eq!(book.field_with_name(field.name()).ok(), Some(field.as_ref()));
            }
        }
    }
}
