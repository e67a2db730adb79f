//! A slot: one assigned partition, and how far it has been read.

use lake::{PartitionId, Segment};
use schemas::Source;

use crate::window::Window;

/// A partition that a pipeline reads.
pub(crate) struct Slot {
    pub(crate) topic: String,
    pub(crate) id: PartitionId,
    /// The topic's place among those of the settings.
    pub(crate) topic_index: usize,
    /// The product whose format it carries.
    pub(crate) source: Source,
    /// Whether events of any age are welcome.
    pub(crate) backfill: bool,
    /// What has been read since the last cut.
    pub(crate) segment: Segment,
    pub(crate) window: Window,
    /// Where catching up ends; none when it never does.
    pub(crate) target: Option<i64>,
}

impl Slot {
    /// The next offset that is wanted.
    pub(crate) fn next_offset(&self) -> i64 {
        self.segment.next_offset
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.target.is_some_and(|target| self.next_offset() >= target)
    }

    /// Ends the segment here and begins the next, which expects the book to hold this one.
    pub(crate) fn cut_segment(&mut self) -> Segment {
        let next = self.segment.next_offset;
        let following = Segment::starting_at(self.topic.clone(), self.id.clone(), Some(next), next);
        std::mem::replace(&mut self.segment, following)
    }
}
