//! Rows of attempts, as they are stored.

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, Int64Builder, ListBuilder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use sha2::{Digest as _, Sha256};

use crate::attempter::Attempt;
use crate::held::names;
use crate::sums::sum_fields;

/// The columns: the three names of the person, what the attempt was, and the row's number.
#[must_use]
pub fn attempt_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let number = |name: &str| Field::new(name, DataType::Int64, true);
        let moment = |name: &str| {
            Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)
        };
        let list = |name: &str| Field::new_list(name, Field::new("item", DataType::Utf8, true), true);
        Arc::new(Schema::new(vec![
            text("tenant_id"),
            text("source"),
            text("user_key"),
            text("user_id"),
            list("user_ids"),
            list("emails"),
            text("attempt_id"),
            number("key_hash"),
            moment("first_at"),
            moment("last_at"),
            text("application"),
            text("server_name"),
            text("client_ip"),
            list("methods"),
            number("events"),
            list("event_ids"),
            number("steps"),
            number("prompts"),
            text("result"),
            text("denial_reason"),
            moment("answerable_until"),
            text("inferred_cause"),
            text("assurance"),
            text("method"),
            number(lake::projections::ROW),
        ]))
    });
    Arc::clone(&SCHEMA)
}

/// The columns of the table: those of attempts, and those that sums have beside them.
pub(crate) fn table_schema() -> Schema {
    let attempts = attempt_schema();
    Schema::new(attempts.fields().iter().cloned().chain(sum_fields().map(Arc::new)).collect::<Vec<_>>())
}

/// Rows that are being made.
pub(crate) struct Rows {
    texts: [StringBuilder; 12],
    results: StringBuilder,
    lists: [ListBuilder<StringBuilder>; 4],
    numbers: [Int64Builder; 5],
    moments: [TimestampMicrosecondBuilder; 3],
    count: usize,
}

impl Rows {
    pub(crate) fn new() -> Self {
        let list =
            || ListBuilder::new(StringBuilder::new()).with_field(Field::new("item", DataType::Utf8, true));
        let moment = || TimestampMicrosecondBuilder::new().with_timezone("UTC");
        Self {
            texts: Default::default(),
            results: StringBuilder::new(),
            lists: [list(), list(), list(), list()],
            numbers: Default::default(),
            moments: [moment(), moment(), moment()],
            count: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn append(&mut self, key: &str, attempt: &Attempt, row: i64) {
        let [tenant_id, source, user_key] = names(key);
        let texts = [
            Some(tenant_id),
            Some(source),
            Some(user_key),
            Some(attempt.user_id.as_str()),
            attempt.attempt_id.as_deref(),
            attempt.application.as_deref(),
            attempt.server.as_deref(),
            attempt.client_ip.as_deref(),
            attempt.reason.map(|reason| reason.as_str()),
            attempt.inferred_cause.map(|cause| cause.as_str()),
            Some(attempt.assurance.as_str()),
            attempt.method.map(|method| method.as_str()),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text);
        }
        let [user_ids, emails, methods, event_ids] = &mut self.lists;
        user_ids.append_value(attempt.user_ids.iter().map(Some));
        emails.append_value(attempt.emails.iter().map(Some));
        methods.append_value(attempt.methods.iter().map(|method| Some(method.as_str())));
        event_ids.append_value(attempt.event_ids.iter().map(Some));
        let key_hash = attempt.attempt_id.as_deref().map(|id| key_hash(key, id));
        let numbers = [key_hash, Some(attempt.events), Some(attempt.steps), Some(attempt.prompts), Some(row)];
        for (builder, number) in self.numbers.iter_mut().zip(numbers) {
            builder.append_option(number);
        }
        let moments = [Some(attempt.first_at_us), Some(attempt.last_at_us), attempt.answerable_until_us];
        for (builder, moment) in self.moments.iter_mut().zip(moments) {
            builder.append_option(moment);
        }
        self.results.append_value(attempt.outcome.as_str());
        self.count += 1;
    }

    /// Takes the rows out.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.count = 0;
        let result: ArrayRef = Arc::new(self.results.finish());
        let [
            tenant_id,
            source,
            user_key,
            user_id,
            attempt_id,
            application,
            server,
            client_ip,
            reason,
            cause,
            assurance,
            method,
        ] = self.texts.each_mut().map(|builder| -> ArrayRef { Arc::new(builder.finish()) });
        let [user_ids, emails, methods, event_ids] =
            self.lists.each_mut().map(|builder| -> ArrayRef { Arc::new(builder.finish()) });
        let [key_hash, events, steps, prompts, row] =
            self.numbers.each_mut().map(|builder| -> ArrayRef { Arc::new(builder.finish()) });
        let [first_at, last_at, answerable_until] =
            self.moments.each_mut().map(|builder| -> ArrayRef { Arc::new(builder.finish()) });
        RecordBatch::try_new(
            attempt_schema(),
            vec![
                tenant_id,
                source,
                user_key,
                user_id,
                user_ids,
                emails,
                attempt_id,
                key_hash,
                first_at,
                last_at,
                application,
                server,
                client_ip,
                methods,
                events,
                event_ids,
                steps,
                prompts,
                result,
                reason,
                answerable_until,
                cause,
                assurance,
                method,
                row,
            ],
        )
    }
}

/// What stands for a person's key of an attempt, the same in every process.
fn key_hash(key: &str, attempt_id: &str) -> i64 {
    let digest = Sha256::new().chain_update(key).chain_update([0]).chain_update(attempt_id).finalize();
    digest.iter().take(8).fold(0, |all, byte| all << 8 | i64::from(*byte))
}
