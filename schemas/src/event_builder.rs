//! Events gathered into an Arrow record batch.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, BooleanArray, Int32Builder, RecordBatch, TimestampMicrosecondBuilder,
};
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
    raw: BinaryBuilder,
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
            raw: BinaryBuilder::new(),
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
        let phone_number = event.phone_number.and_then(|number| fields.phone_number.stored(number));
        texts.phone_number.append_option(phone_number.as_deref());
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
        self.raw.append_option(event.raw);
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
            + self.raw.values_slice().len()
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
                "raw" => Arc::new(self.raw.finish()),
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

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, TimestampMicrosecondType};
    use arrow::util::display::array_value_to_string;

    use super::*;
    use crate::element::Step;
    use crate::fields::PhoneNumber;
    use crate::kind::book_schema;
    use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};

    /// An event whose every text is its column's name.
    fn event<'a>(steps: &'a [Step<'a>], unknown_values: &'a [String]) -> Event<'a> {
        Event {
            event_id: "event_id",
            occurred_at_us: 1_772_323_199_000_001,
            tenant_id: "tenant_id",
            user_id: "user_id",
            first_name: Some("first_name"),
            last_name: Some("last_name"),
            email: Some("email"),
            phone_number: Some("phone_number"),
            device_token: Some("device_token"),
            user_key: "user_key",
            method: Some(Method::TextMessage),
            mode: Some(Mode::TwoWay),
            result: AuthResult::Denied,
            denial_reason: Some(DenialReason::NoResponse),
            result_code: Some("result_code"),
            result_detail: Some("result_detail"),
            stage: Stage::SecondFactor,
            assurance: Assurance::Challenged,
            prompts: Some(3),
            steps,
            server_name: Some("server_name"),
            server_ip: Some("server_ip"),
            unknown_values,
            client_ip: Some("client_ip"),
            application: Some("application"),
            client_app: Some("client_app"),
            protocol: Some("protocol"),
            authenticator_id: Some("authenticator_id"),
            sender: Some("sender"),
            attempt_id: Some("attempt_id"),
            raw: Some(b"raw"),
        }
    }

    fn place(offset: i64, topic: &str) -> Place<'_> {
        Place { topic, topic_id: "kafka_topic_id", partition: 7, offset, element_index: 2, received_at_us: 8 }
    }

    /// Row 0 of a column as text. Moments are microseconds, and a list of steps is its values in one line.
    fn shown(column: &dyn Array) -> String {
        match column.data_type() {
            DataType::Timestamp(..) => column.as_primitive::<TimestampMicrosecondType>().value(0).to_string(),
            DataType::List(element) if matches!(element.data_type(), DataType::Struct(_)) => {
                let steps = column.as_list::<i32>().value(0);
                let parts = steps.as_struct().columns().iter();
                let parts = parts.map(|part| if part.is_null(0) { "-".to_owned() } else { shown(part) });
                parts.collect::<Vec<_>>().join(",")
            }
            _ => array_value_to_string(column, 0).expect("every type can be shown"),
        }
    }

    /// Row 0 of a batch: its columns with their values, without those whose value is the column's name.
    fn other_values(batch: &RecordBatch) -> String {
        let schema = batch.schema();
        let values = schema.fields().iter().zip(batch.columns()).filter_map(|(field, column)| {
            let value = shown(column);
            (value != *field.name()).then(|| format!("{}={value}", field.name()))
        });
        values.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_value_stands_in_its_column() {
        let step =
            Step { at_us: Some(1), reason: Some(DenialReason::HungUp), device: Some("d"), ..Step::default() };
        let unknown = ["mode=x".to_owned()];
        let mut builder = EventBuilder::new(&Fields::ALL);
        builder.append(&event(&[step], &unknown), &place(5, "kafka_topic"), "source", "decoder");
        assert_eq!(
            other_values(&builder.finish()),
            "occurred_at=1772323199000001 method=text-message mode=two-way result=denied \
            denial_reason=no-response stage=second-factor assurance=challenged prompts=3 \
            steps=1,-,-,hung-up,-,-,d unknown_values=[mode=x] kafka_partition=7 kafka_offset=5 element_index=2 \
            received_at=8 duplicate=false raw=726177"
        );
    }

    #[test]
    fn a_switched_off_field_is_null_whatever_the_event_says() {
        let off = Fields {
            first_name: false,
            last_name: false,
            email: false,
            phone_number: PhoneNumber::Off,
            device_token: false,
            client_ip: false,
            application: false,
        };
        let step = Step { device: Some("token"), code: Some("code"), ..Step::default() };
        let mut builder = EventBuilder::new(&off);
        builder.append(&event(&[step], &[]), &place(5, "t"), "source", "decoder");
        let batch = builder.finish();
        for name in
            ["first_name", "last_name", "email", "phone_number", "device_token", "client_ip", "application"]
        {
            assert!(batch.column_by_name(name).is_some_and(|column| column.is_null(0)), "{name}");
        }
        assert_eq!(shown(batch.column_by_name("steps").expect("a column")), "-,-,-,-,code,-,-");
    }

    #[test]
    fn rows_keep_their_order_and_the_builder_can_be_used_again() {
        let mut builder = EventBuilder::new(&Fields::ALL);
        for round in 0..2 {
            for offset in 0..1000 {
                let topic = if offset < 500 { "first" } else { "second" };
                let step = [Step::default()];
                let steps = if offset % 3 == 0 { step.as_slice() } else { &[] };
                let email = (offset % 2 == 0).then_some("mail");
                builder.append(&Event { email, ..event(steps, &[]) }, &place(offset, topic), "s", "d");
            }
            assert_eq!(builder.len(), 1000);
            let batch = builder.finish();
            assert!(builder.is_empty() && builder.byte_size() == 0, "round {round}");
            assert_eq!(batch.num_rows(), 1000);
            let column = |name| batch.column_by_name(name).expect("a column");
            let texts = |name| column(name).as_string::<i32>();
            assert_eq!(texts("kafka_topic").value(499), "first");
            assert_eq!(texts("kafka_topic").value(500), "second");
            assert_eq!(texts("email").null_count(), 500);
            assert!(texts("email").is_valid(998) && texts("email").is_null(999));
            assert_eq!(column("steps").as_list::<i32>().value_length(999), 1);
            assert_eq!(column("steps").as_list::<i32>().value_length(998), 0);
            assert_eq!(column("steps").null_count(), 0);
        }
    }

    #[test]
    fn the_size_is_about_what_the_batch_takes() {
        let mut builder = EventBuilder::new(&Fields::ALL);
        for offset in 0..10_000 {
            builder.append(&event(&[], &[]), &place(offset, "auth-events"), "gatebook", "gatebook/1");
        }
        let told = builder.byte_size() as f64;
        let taken: usize =
            builder.finish().columns().iter().map(|column| column.get_buffer_memory_size()).sum();
        // Buffers grow by doubling, so the truth is up to twice what was written.
        assert!((0.5..=1.1).contains(&(told / taken as f64)), "told {told}, taken {taken}");
    }

    #[test]
    fn a_batch_fits_into_the_book() {
        let book = book_schema();
        for field in EventBuilder::new(&Fields::ALL).finish().schema().fields() {
            assert_eq!(book.field_with_name(field.name()).ok(), Some(field.as_ref()));
        }
    }
}
