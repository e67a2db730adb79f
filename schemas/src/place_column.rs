//! The columns of place of a batch under construction, which events and rejections share.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Builder, Int64Builder, TimestampMicrosecondBuilder};

use crate::list_column::moment_builder;
use crate::place::Place;
use crate::text_column::RunColumn;

#[derive(Debug)]
pub(crate) struct PlaceColumns {
    topic: RunColumn,
    topic_id: RunColumn,
    partition: Int32Builder,
    offset: Int64Builder,
    element_index: Int32Builder,
    received_at: TimestampMicrosecondBuilder,
}

impl PlaceColumns {
    pub(crate) fn new() -> Self {
        Self {
            topic: RunColumn::default(),
            topic_id: RunColumn::default(),
            partition: Int32Builder::new(),
            offset: Int64Builder::new(),
            element_index: Int32Builder::new(),
            received_at: moment_builder(),
        }
    }

    #[inline]
    pub(crate) fn append(&mut self, place: &Place<'_>) {
        self.topic.append(place.topic);
        self.topic_id.append(place.topic_id);
        self.partition.append_value(place.partition);
        self.offset.append_value(place.offset);
        self.element_index.append_value(place.element_index);
        self.received_at.append_value(place.received_at_us);
    }

    pub(crate) fn text_bytes(&self) -> usize {
        self.topic.text_bytes() + self.topic_id.text_bytes()
    }

    /// The column of this name, which is empty afterwards.
    pub(crate) fn finish(&mut self, name: &str) -> ArrayRef {
        match name {
            "kafka_topic" => self.topic.finish(),
            "kafka_topic_id" => self.topic_id.finish(),
            "kafka_partition" => Arc::new(self.partition.finish()),
            "kafka_offset" => Arc::new(self.offset.finish()),
            "element_index" => Arc::new(self.element_index.finish()),
            "received_at" => Arc::new(self.received_at.finish()),
            other => unreachable!("no builder fills the column {other}"),
        }
    }
}
