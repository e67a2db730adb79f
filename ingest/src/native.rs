//! What librdkafka can do and its safe wrapper cannot: many records a call, and topic ids.
//!
//! The only module of this workspace with unsafe code. Its proof obligations are few:
//!
//! - Every pointer that is used comes from librdkafka and is checked for null where it may be null.
//! - Each object is destroyed once, by the `Drop` of the one value that owns it.
//! - What borrows from a record lives no longer than the closure that is handed the record.
//! - A [`RecordQueue`] gives back its records before its queue, and holds its consumer, so the client outlives the queue.
#![expect(unsafe_code, reason = "librdkafka's batch consumption and topic ids have no safe wrapper")]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char};
use std::ops::ControlFlow;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

/// Records handed over by one call.
const RECORDS_A_CALL_MAX: usize = 4096;

/// What a partition delivers.
#[derive(Debug)]
pub(crate) enum Delivery<'a> {
    /// A record.
    Record {
        offset: i64,
        /// Milliseconds since 1970; none where Kafka has none.
        timestamp_ms: Option<i64>,
        value: Option<&'a [u8]>,
    },
    /// Nothing stands before this offset that was not delivered.
    End { offset: i64 },
    /// The partition cannot be read on.
    Failed { code: RDKafkaErrorCode, text: String },
}

/// The records of all partitions that were routed here, in the order of each partition.
pub(crate) struct RecordQueue<C: ConsumerContext> {
    queue: NonNull<sys::rd_kafka_queue_t>,
    messages: Vec<*mut sys::rd_kafka_message_t>,
    /// Handed over by librdkafka and not yet taken.
    pending: VecDeque<Message>,
    consumer: Arc<BaseConsumer<C>>,
}

impl<C: ConsumerContext> RecordQueue<C> {
    pub(crate) fn new(consumer: Arc<BaseConsumer<C>>) -> Self {
        // SAFETY: the client is alive, since `consumer` is held; the call returns a new queue that this value owns.
        let queue = unsafe { sys::rd_kafka_queue_new(consumer.client().native_ptr()) };
        let queue = NonNull::new(queue).expect("librdkafka aborts when it has no memory for a queue");
        let messages = Vec::with_capacity(RECORDS_A_CALL_MAX);
        Self { queue, messages, pending: VecDeque::new(), consumer }
    }

    /// Sends a partition's records to this queue; to be called before the partition is assigned.
    pub(crate) fn route(&self, topic: &str, partition: i32) {
        let topic = CString::new(topic).expect("a topic's name holds no NUL");
        // SAFETY: both queues are alive; forwarding keeps its own reference, so ours to the partition's queue is given back.
        unsafe {
            let native = self.consumer.client().native_ptr();
            let source = sys::rd_kafka_queue_get_partition(native, topic.as_ptr(), partition);
            if !source.is_null() {
                sys::rd_kafka_queue_forward(source, self.queue.as_ptr());
                sys::rd_kafka_queue_destroy(source);
            }
        }
    }

    /// Forgets what was not taken: to be called when partitions are assigned, since it came before.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    /// Hands over what has come within `timeout`, at most 4096 deliveries, as (topic, partition, delivery),
    /// until `take` has had enough; the rest waits for the next call.
    pub(crate) fn poll(
        &mut self,
        timeout: Duration,
        mut take: impl FnMut(&str, i32, Delivery<'_>) -> ControlFlow<()>,
    ) {
        if self.pending.is_empty() {
            self.fetch(timeout);
        }
        while let Some(message) = self.pending.pop_front() {
            if take(message.topic(), message.partition(), message.delivery()).is_break() {
                break;
            }
        }
    }

    fn fetch(&mut self, timeout: Duration) {
        let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the buffer has room for as many pointers as the call may write; a negative count is an error and writes none.
        unsafe {
            let count = sys::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                timeout_ms,
                self.messages.as_mut_ptr(),
                RECORDS_A_CALL_MAX,
            );
            let count = usize::try_from(count).unwrap_or(0);
            self.messages.set_len(count);
        }
        self.pending.extend(self.messages.drain(..).map(Message));
    }
}

impl<C: ConsumerContext> Drop for RecordQueue<C> {
    fn drop(&mut self) {
        self.pending.clear();
        // SAFETY: this value owns the queue, and the client is still alive.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// A record that librdkafka handed over, destroyed on drop.
struct Message(*mut sys::rd_kafka_message_t);

impl Message {
    fn raw(&self) -> &sys::rd_kafka_message_t {
        // SAFETY: librdkafka handed over a valid pointer, and it stays valid until `drop` gives it back.
        unsafe { &*self.0 }
    }

    fn topic(&self) -> &str {
        let topic = self.raw().rkt;
        if topic.is_null() {
            return "";
        }
        // SAFETY: the topic object lives as long as a message refers to it, and its name is a C string.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) };
        name.to_str().unwrap_or("")
    }

    fn partition(&self) -> i32 {
        self.raw().partition
    }

    fn value(&self) -> Option<&[u8]> {
        let raw = self.raw();
        // SAFETY: a payload that is not null holds `len` bytes and lives as long as the message.
        (!raw.payload.is_null()).then(|| unsafe { slice::from_raw_parts(raw.payload.cast::<u8>(), raw.len) })
    }

    fn delivery(&self) -> Delivery<'_> {
        let raw = self.raw();
        match RDKafkaErrorCode::from(raw.err) {
            RDKafkaErrorCode::NoError => {
                let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
                // SAFETY: a valid message, and a place for the type.
                let timestamp_ms = unsafe { sys::rd_kafka_message_timestamp(self.0, &raw mut kind) };
                Delivery::Record {
                    offset: raw.offset,
                    timestamp_ms: (timestamp_ms >= 0).then_some(timestamp_ms),
                    value: self.value(),
                }
            }
            RDKafkaErrorCode::PartitionEOF => Delivery::End { offset: raw.offset },
            code => {
                let text = String::from_utf8_lossy(self.value().unwrap_or_default()).into_owned();
                Delivery::Failed { code, text }
            }
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: handed over once, given back once.
        unsafe { sys::rd_kafka_message_destroy(self.0) };
    }
}

/// Gives a mock cluster the broker that it names as its controller and does not have: descriptions of topics are
/// asked of the controller.
pub(crate) fn add_controller(client: &BaseProducer<DefaultProducerContext>) {
    const CONTROLLER_ID: i32 = 0;
    // SAFETY: the client is alive; the cluster lives as long as the client, and is null where it has none.
    unsafe {
        let cluster = sys::rd_kafka_handle_mock_cluster(client.client().native_ptr());
        if !cluster.is_null() {
            sys::rd_kafka_mock_broker_add(cluster, CONTROLLER_ID);
        }
    }
}

/// A topic as the brokers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicDescription {
    /// The topic's name.
    pub(crate) name: String,
    /// Its UUID as Kafka writes it; none where the service gives none.
    pub(crate) id: Option<String>,
    /// How many partitions it has.
    pub(crate) partitions: usize,
}

/// Why topics cannot be described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub(crate) struct DescribeError {
    pub(crate) code: RDKafkaErrorCode,
    /// The topic that it is about; none where it is about all.
    pub(crate) topic: Option<String>,
    pub(crate) text: String,
}

/// A topic, or why the brokers do not describe it.
pub(crate) type Described = Result<TopicDescription, DescribeError>;

/// Asks the brokers for topics, their ids and their partitions.
pub(crate) fn describe_topics<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<Described>, DescribeError> {
    let names: Vec<CString> =
        topics.iter().map(|name| CString::new(*name).expect("a topic's name holds no NUL")).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let native = consumer.client().native_ptr();
    // SAFETY: the client is alive for the whole call; each object that is made here is destroyed here, the event
    // last, since the descriptions lie in it; the names outlive the collection, which copies them.
    unsafe {
        let queue = sys::rd_kafka_queue_new(native);
        let options = sys::rd_kafka_AdminOptions_new(
            native,
            sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        );
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        sys::rd_kafka_DescribeTopics(native, collection, options, queue);
        // The request has its own time-out; the wait is a little longer, so that its error is the one that is seen.
        let event = sys::rd_kafka_queue_poll(queue, timeout_ms.saturating_add(500));
        let described = if event.is_null() {
            Err(DescribeError {
                code: RDKafkaErrorCode::OperationTimedOut,
                topic: None,
                text: "no answer from the brokers".to_owned(),
            })
        } else {
            descriptions(event)
        };
        if !event.is_null() {
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_TopicCollection_destroy(collection);
        sys::rd_kafka_AdminOptions_destroy(options);
        sys::rd_kafka_queue_destroy(queue);
        described
    }
}

/// # Safety
/// `event` is a valid result of `DescribeTopics`.
unsafe fn descriptions(event: *mut sys::rd_kafka_event_t) -> Result<Vec<Described>, DescribeError> {
    // SAFETY: everything read below lies in the event; strings are C strings or null.
    unsafe {
        let code = RDKafkaErrorCode::from(sys::rd_kafka_event_error(event));
        if code != RDKafkaErrorCode::NoError {
            return Err(DescribeError {
                code,
                topic: None,
                text: text(sys::rd_kafka_event_error_string(event)),
            });
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Ok(Vec::new());
        }
        let mut count = 0;
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let topics = if topics.is_null() { &[][..] } else { slice::from_raw_parts(topics, count) };
        Ok(topics.iter().map(|&topic| description(topic)).collect())
    }
}

/// # Safety
/// `topic` is a valid description.
unsafe fn description(topic: *const sys::rd_kafka_TopicDescription_t) -> Described {
    // SAFETY: as above.
    unsafe {
        let name = text(sys::rd_kafka_TopicDescription_name(topic));
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let code = if error.is_null() {
            RDKafkaErrorCode::NoError
        } else {
            RDKafkaErrorCode::from(sys::rd_kafka_error_code(error))
        };
        if code != RDKafkaErrorCode::NoError {
            return Err(DescribeError {
                code,
                topic: Some(name),
                text: text(sys::rd_kafka_error_string(error)),
            });
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let id = if id.is_null() { String::new() } else { text(sys::rd_kafka_Uuid_base64str(id)) };
        let mut partitions = 0;
        sys::rd_kafka_TopicDescription_partitions(topic, &raw mut partitions);
        let id = Some(id).filter(|id| is_real_id(id)).map(|id| as_kafka_writes_it(&id));
        Ok(TopicDescription { name, id, partitions })
    }
}

/// A service without topic ids answers with zeros: sixteen zero bytes are 22 times `A` in base64.
fn is_real_id(id: &str) -> bool {
    id.bytes().any(|byte| byte != b'A' && byte != b'=')
}

/// Kafka's tools write ids in the URL-safe alphabet without padding; librdkafka does not.
fn as_kafka_writes_it(id: &str) -> String {
    id.trim_end_matches('=').replace('+', "-").replace('/', "_")
}

/// # Safety
/// `text` is a C string or null.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_are_told_as_kafka_tells_them() {
        assert_eq!(as_kafka_writes_it("5PV5ycMHT/erYoK3J4l+dA=="), "5PV5ycMHT_erYoK3J4l-dA");
        assert!(!is_real_id("AAAAAAAAAAAAAAAAAAAAAA"), "a service without ids");
    }
}
