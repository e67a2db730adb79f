//! The ceiling of any ingest: reads a topic to its end with two clients, and only counts.
//!
//! `ceiling BROKERS TOPIC` prints `{"records": …, "bytes": …, "seconds": …}`. Each client has its own
//! partitions and takes records in batches with the fetch settings of the ingest room, so that the
//! difference to `gatebook ingest` is what decoding, encoding and writing cost.
#![expect(unsafe_code, reason = "batch consumption has no safe wrapper, and a record a call is no ceiling")]
#![expect(clippy::print_stdout, reason = "an example says its result")]

use std::error::Error;
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const CLIENTS: usize = 2;
const RECORDS_A_CALL_MAX: usize = 4096;

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [brokers, topic] = &arguments[..] else { return Err("usage: ceiling BROKERS TOPIC".into()) };
    let partitions = partitions(brokers, topic)?;
    let start = Instant::now();
    let counts: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let own: Vec<_> = partitions.iter().copied().skip(client).step_by(CLIENTS).collect();
                scope.spawn(move || count(brokers, topic, &own))
            })
            .collect();
        clients.into_iter().map(|c| c.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let (mut records, mut bytes) = (0, 0);
    for count in counts {
        let (client_records, client_bytes) = count?;
        records += client_records;
        bytes += client_bytes;
    }
    println!("{{\"records\": {records}, \"bytes\": {bytes}, \"seconds\": {seconds:.3}}}");
    Ok(())
}

fn client(brokers: &str) -> Result<BaseConsumer, rdkafka::error::KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "ceiling")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set("check.crcs", "true")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "200000")
        .set("queued.max.messages.kbytes", "65536")
        .set("fetch.message.max.bytes", "4194304")
        .set("fetch.wait.max.ms", "50")
        .create()
}

fn partitions(brokers: &str, topic: &str) -> Result<Vec<i32>, Box<dyn Error + Send + Sync>> {
    let metadata = client(brokers)?.fetch_metadata(Some(topic), Duration::from_secs(30))?;
    let topic = metadata.topics().first().ok_or("no such topic")?;
    Ok(topic.partitions().iter().map(|partition| partition.id()).collect())
}

/// Records and bytes of these partitions, from their starts to their ends.
fn count(brokers: &str, topic: &str, own: &[i32]) -> Result<(u64, u64), Box<dyn Error + Send + Sync>> {
    let consumer = client(brokers)?;
    let mut assignment = TopicPartitionList::new();
    for &partition in own {
        assignment.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let (mut records, mut bytes, mut unfinished) = (0, 0, own.len());
    let mut messages = Vec::with_capacity(RECORDS_A_CALL_MAX);
    // SAFETY: the consumer is alive until the end of this function; the buffer has room for as many
    // pointers as the call may write, of which the returned count are valid; each message is
    // destroyed once, and the queue's reference is given back.
    unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
        while unfinished > 0 {
            let count =
                sys::rd_kafka_consume_batch_queue(queue, 1_000, messages.as_mut_ptr(), RECORDS_A_CALL_MAX);
            messages.set_len(usize::try_from(count).unwrap_or(0));
            for message in messages.drain(..) {
                let raw: &sys::rd_kafka_message_t = &*message;
                match raw.err {
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                        records += 1;
                        bytes += raw.len as u64;
                    }
                    sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => unfinished -= 1,
                    _ => {}
                }
                sys::rd_kafka_message_destroy(message);
            }
        }
        sys::rd_kafka_queue_destroy(queue);
    }
    Ok((records, bytes))
}
