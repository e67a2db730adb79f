//! What Kafka holds, and what a reader that is not ours finds in the book.
//!
//! Both sides come from others' code: a plain consumer that reads committed records, and the
//! Python deltalake package (`tests/python/read_book.py`).

use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message, Offset, TopicPartitionList};

use super::python::python;
use super::topic::Topic;

/// How many differences a failed comparison shows.
const SHOWN: usize = 10;

/// One element, as both sides describe it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// `event` or `rejection`.
    pub(crate) kind: String,
    /// Empty for a rejection.
    pub(crate) event_id: String,
    /// The same bytes stood earlier in the partition. The tests repeat only what is well within
    /// the deduplication window.
    pub(crate) duplicate: bool,
}

/// The rows that a book must hold, sorted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    rows: Vec<Row>,
}

impl Truth {
    /// Reads all committed records of a topic from its start to its end.
    pub(crate) fn read(topic: &Topic) -> Truth {
        let consumer: BaseConsumer = topic
            .client()
            .set("group.id", "truth")
            .set("enable.auto.commit", "false")
            .set("enable.partition.eof", "true")
            .set("isolation.level", "read_committed")
            .create()
            .expect("a consumer");
        let metadata =
            consumer.fetch_metadata(Some(&topic.name), Duration::from_secs(30)).expect("the topic is there");
        let mut assignment = TopicPartitionList::new();
        for partition in metadata.topics()[0].partitions() {
            assignment
                .add_partition_offset(&topic.name, partition.id(), Offset::Beginning)
                .expect("an offset");
        }
        consumer.assign(&assignment).expect("assigned");

        let mut rows = Vec::new();
        let mut seen: HashSet<(i32, Vec<u8>)> = HashSet::new();
        let mut unfinished = assignment.count();
        let start = Instant::now();
        while unfinished > 0 {
            assert!(start.elapsed() < Duration::from_secs(300), "the topic does not end");
            match consumer.poll(Duration::from_secs(1)) {
                Some(Ok(message)) => {
                    let value = message.payload().unwrap_or_default();
                    let repeated = !seen.insert((message.partition(), value.to_vec()));
                    rows.push(row(message.partition(), message.offset(), value, repeated));
                }
                Some(Err(KafkaError::PartitionEOF(_))) => unfinished -= 1,
                Some(Err(error)) => panic!("reading {}: {error}", topic.name),
                None => {}
            }
        }
        rows.sort_unstable();
        Truth { rows }
    }

    /// The rows of both, for a topic that was deleted and created again.
    pub(crate) fn and(mut self, other: Truth) -> Truth {
        self.rows.extend(other.rows);
        self.rows.sort_unstable();
        self
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The book holds these rows and no others, each once.
    ///
    /// # Panics
    /// With the first rows that are lost, doubled or invented.
    pub(crate) fn assert_is_all_of(&self, book: &Path) {
        self.compare(&read_book(book), |_| true);
    }

    /// In each partition the book holds the first elements of the topic, each once, and no others: so
    /// it must be at every version. The topic may grow meanwhile, since the book is read first.
    ///
    /// # Panics
    /// As [`Truth::assert_is_all_of`].
    pub(crate) fn assert_is_begun(topic: &Topic, book: &Path) {
        let found = read_book(book);
        let ends: std::collections::HashMap<i32, i64> =
            found.iter().map(|row| (row.partition, row.offset)).collect();
        Truth::read(topic)
            .compare(&found, |row| ends.get(&row.partition).is_some_and(|&end| row.offset <= end));
    }

    fn compare(&self, found: &[Row], due: impl Fn(&Row) -> bool) {
        let expected: Vec<&Row> = self.rows.iter().filter(|row| due(row)).collect();
        if expected.iter().copied().eq(found) {
            return;
        }
        let truth: HashSet<&Row> = expected.iter().copied().collect();
        let landed: HashSet<&Row> = found.iter().collect();
        let lost: Vec<_> = expected.iter().filter(|row| !landed.contains(*row)).take(SHOWN).collect();
        let invented: Vec<_> = found.iter().filter(|row| !truth.contains(row)).take(SHOWN).collect();
        let doubled: Vec<_> = found.windows(2).filter(|w| w[0] == w[1]).map(|w| &w[0]).take(SHOWN).collect();
        panic!(
            "{} rows due, {} found\nlost: {lost:#?}\ninvented: {invented:#?}\ndoubled: {doubled:#?}",
            expected.len(),
            found.len()
        );
    }
}

/// What the tests' own payloads must become: those with an `event_id` events, all others rejections.
fn row(partition: i32, offset: i64, value: &[u8], repeated: bool) -> Row {
    let event_id = serde_json::from_slice::<serde_json::Value>(value)
        .ok()
        .and_then(|json| Some(json.get("event_id")?.as_str()?.to_owned()));
    match event_id {
        Some(event_id) => Row { partition, offset, kind: "event".into(), event_id, duplicate: repeated },
        None => {
            Row { partition, offset, kind: "rejection".into(), event_id: String::new(), duplicate: false }
        }
    }
}

/// Events and rejections as the Python deltalake package reads them, sorted.
fn read_book(book: &Path) -> Vec<Row> {
    let lines = python("read_book.py", &[book]);
    let mut rows: Vec<Row> = lines.lines().map(parse).collect();
    rows.sort_unstable();
    rows
}

fn parse(line: &str) -> Row {
    let fields: Vec<&str> = line.split(',').collect();
    let [partition, offset, "0", kind, event_id, duplicate] = fields[..] else {
        panic!("the reader printed {line:?}")
    };
    assert!(kind != "event" || !duplicate.is_empty(), "an event whose duplicate is null: {line:?}");
    Row {
        partition: partition.parse().expect("a partition"),
        offset: offset.parse().expect("an offset"),
        kind: kind.to_owned(),
        event_id: event_id.to_owned(),
        duplicate: duplicate == "true",
    }
}

/// A comparison that cannot fail proves nothing.
mod tests {
    use super::*;

    fn rows(offsets: &[i64]) -> Vec<Row> {
        offsets.iter().map(|&offset| row(0, offset, br#"{"event_id": "e"}"#, false)).collect()
    }

    fn comparison(found: &[i64]) -> Result<(), String> {
        let truth = Truth { rows: rows(&[0, 1, 2]) };
        std::panic::catch_unwind(|| truth.compare(&rows(found), |_| true))
            .map_err(|said| said.downcast_ref::<String>().expect("a message").clone())
    }

    #[test]
    fn the_comparison_sees_what_is_lost_doubled_and_invented() {
        assert_eq!(comparison(&[0, 1, 2]), Ok(()));
        for (found, sign) in
            [(&[0, 2][..], "lost: [\n"), (&[0, 1, 1, 2], "doubled: [\n"), (&[0, 1, 2, 3], "invented: [\n")]
        {
            let said = comparison(found).expect_err("a difference");
            assert!(said.contains(sign), "{said}");
        }
    }
}
