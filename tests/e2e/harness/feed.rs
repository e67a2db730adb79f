//! A producer that goes on in the background, so that there is always something to land.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::event::{events, rubbish};
use super::topic::{Topic, Writer};

/// How often the feed produces; 3,000 records a second and partition is more than any real gate.
const TICK: Duration = Duration::from_millis(100);
const RECORDS_PER_TICK: u64 = 300;

/// A running producer. It stops when told to, or dropped.
pub(crate) struct Feed {
    done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// Produces [`mixed`] records to each of the topic's `partitions` until stopped.
    pub(crate) fn start(topic: &Topic, partitions: i32) -> Feed {
        let done = Arc::new(AtomicBool::new(false));
        let (told, writer) = (Arc::clone(&done), topic.writer());
        let thread = std::thread::spawn(move || {
            let mut batch = 0;
            while !told.load(Ordering::Relaxed) {
                produce_mixed(&writer, partitions, batch, RECORDS_PER_TICK);
                batch += 1;
                std::thread::sleep(TICK);
            }
        });
        Feed { done, thread: Some(thread) }
    }

    /// Stops after the records that are under way.
    ///
    /// # Panics
    /// When a record was refused.
    pub(crate) fn stop(mut self) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().expect("not stopped before").join().expect("every record was acknowledged");
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// Appends batch number `batch` of `count` records to each partition.
pub(crate) fn produce_mixed(writer: &Writer, partitions: i32, batch: u64, count: u64) {
    for partition in 0..partitions {
        let first = (batch * partitions as u64 + partition as u64) * count;
        writer.produce(partition, &mixed(first, count));
    }
}

/// Events from number `first` on, among them repeats of an event shortly before (one in fifty) and
/// rubbish (one in ninety-seven).
fn mixed(first: u64, count: u64) -> Vec<Vec<u8>> {
    let mut values = events(first..first + count);
    for index in 1..values.len() {
        if index % 50 == 0 {
            values[index] = values[index - 7].clone();
        } else if index % 97 == 0 {
            values[index] = rubbish(first + index as u64);
        }
    }
    values
}
