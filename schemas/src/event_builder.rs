//! Events gathered into an Arrow record batch.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Builder, RecordBatch, TimestampMicrosecondBuilder};
use arrow::buffer::BooleanBuffer;

use crate::element::Event;
use crate::fields::Fields;
use crate::kind::event_schema;
use crate::list_column::{StepListColumn, TextListColumn, moment_builder};
use crate::place::Place;
use crate::place_column::PlaceColumns;
use crate::text_column::{RunColumn, TextColumn};

/// Bytes of an event's numbers, offsets and validity, for [`EventBuilder::byte_size`]: some 35 columns at
/// four bytes and more.
const FIXED_BYTES: usize = 176;

/// Events gathered into an Arrow record batch, column by column, without an allocation for each event.
///
/// A text column holds at most 2 GiB: finish the batch long before [`EventBuilder::byte_size`] says so, or
/// appending panics.
#[derive(Debug)]
pub struct EventBuilder {
    fields: Fields,
    row_count: usize,
    occurred_at: TimestampMicrosecondBuilder,
    texts: Texts,
    prompts: Int32Builder,
    steps: StepListColumn,
    unknown_values: TextListColumn,
    source: RunColumn,
    decoder: RunColumn,
    place: PlaceColumns,
}

impl EventBuilder {
    /// An empty builder. Fields that are switched off stay null, whatever the events say.
    pub fn new(fields: &Fields) -> Self {
        Self {
            fields: *fields,
            row_count: 0,
            occurred_at: moment_builder(),
            texts: Texts::default(),
            prompts: Int32Builder::new(),
            steps: StepListColumn::new(),
            unknown_values: TextListColumn::new(),
            source: RunColumn::default(),
            decoder: RunColumn::default(),
            place: PlaceColumns::new(),
        }
    }

    /// Appends an event of `source`, read by `decoder`.
    pub fn append(&mut self, event: &Event<'_>, place: &Place<'_>, source: &str, decoder: &str) {
        let stored = |is_stored: bool, text| if is_stored { text } else { None };
        let (fields, texts) = (&self.fields, &mut self.texts);
        self.occurred_at.append_value(event.occurred_at_us);
        texts.event_id.append(event.event_id);
        texts.tenant_id.append(event.tenant_id);
        texts.user_id.append(event.user_id);
        texts.first_name.append_option(stored(fields.first_name, event.first_name));
        texts.last_name.append_option(stored(fields.last_name, event.last_name));
        texts.email.append_option(stored(fields.email, event.email));
        texts.phone_number.append_option(stored(fields.phone_number, event.phone_number));
        texts.device_token.append_option(stored(fields.device_token, event.device_token));
        texts.user_key.append(event.user_key);
        texts.method.append_option(event.method.map(|method| method.as_str()));
        texts.mode.append_option(event.mode.map(|mode| mode.as_str()));
        texts.result.append(event.result.as_str());
        texts.denial_reason.append_option(event.denial_reason.map(|reason| reason.as_str()));
        texts.result_code.append_option(event.result_code);
        texts.result_detail.append_option(event.result_detail);
        texts.stage.append(event.stage.as_str());
        texts.assurance.append(event.assurance.as_str());
        self.prompts.append_option(event.prompts);
        self.steps.append(event.steps, fields.device_token);
        texts.server_name.append_option(event.server_name);
        texts.server_ip.append_option(event.server_ip);
        self.unknown_values.append(event.unknown_values);
        texts.client_ip.append_option(stored(fields.client_ip, event.client_ip));
        texts.application.append_option(stored(fields.application, event.application));
        texts.client_app.append_option(event.client_app);
        texts.protocol.append_option(event.protocol);
        texts.authenticator_id.append_option(event.authenticator_id);
        texts.sender.append_option(event.sender);
        texts.attempt_id.append_option(event.attempt_id);
        self.source.append(source);
        self.decoder.append(decoder);
        self.place.append(place);
        self.row_count += 1;
    }

    /// Events so far.
    pub fn len(&self) -> usize {
        self.row_count
    }

    /// Whether nothing was appended.
    pub fn is_empty(&self) -> bool {
        self.row_count == 0
    }

    /// About how many bytes the batch will hold. It looks at each column once: call it for a group of
    /// events, not for each.
    pub fn byte_size(&self) -> usize {
        self.row_count * FIXED_BYTES
            + self.texts.text_bytes()
            + self.steps.text_bytes()
            + self.unknown_values.text_bytes()
            + self.source.text_bytes()
            + self.decoder.text_bytes()
            + self.place.text_bytes()
    }

    /// The batch, in the columns of [`event_schema`], with `duplicate` false throughout: who knows the
    /// window replaces that column. The builder is empty afterwards and can be used again.
    pub fn finish(&mut self) -> RecordBatch {
        let row_count = std::mem::take(&mut self.row_count);
        let schema = event_schema();
        let columns: Vec<ArrayRef> = schema
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                "source" => self.source.finish(),
                "decoder" => self.decoder.finish(),
                "occurred_at" => Arc::new(self.occurred_at.finish()),
                "prompts" => Arc::new(self.prompts.finish()),
                "steps" => self.steps.finish(),
                "unknown_values" => self.unknown_values.finish(),
                "duplicate" => Arc::new(BooleanArray::new(BooleanBuffer::new_unset(row_count), None)),
                name => match self.texts.column_mut(name) {
                    Some(column) => column.finish(),
                    None => self.place.finish(name),
                },
            })
            .collect();
        RecordBatch::try_new(schema, columns).expect("each column has a row for each event")
    }
}

/// Declares the plain text columns once: a field each, and how to find them by name.
macro_rules! texts {
    ($($name:ident)+) => {
        #[derive(Debug, Default)]
        struct Texts { $($name: TextColumn,)+ }

        impl Texts {
            fn column_mut(&mut self, name: &str) -> Option<&mut TextColumn> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)+
                    _ => None,
                }
            }

            fn text_bytes(&self) -> usize {
                0 $(+ self.$name.text_bytes())+
            }
        }
    };
}

texts! {
    event_id tenant_id user_id first_name last_name email phone_number device_token user_key method mode result
    denial_reason result_code result_detail stage assurance server_name server_ip client_ip application client_app
    protocol authenticator_id sender attempt_id
}
