//! The chart of a report: columns over time, or bars by what else it is grouped by.

mod data;
mod draw;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};

use self::data::Data;
use super::super::OutputError;
use super::text::Text;
use crate::coverage::Question;
use crate::period::Grain;
use crate::report::Group;

/// What is drawn of which columns.
pub(super) struct Plan {
    /// The column of the shortest time group, and its periods.
    time: Option<(usize, Grain)>,
    /// The columns of the other groups that are no time.
    words: Vec<usize>,
    /// The column that is drawn.
    measure: usize,
    title: String,
}

impl Plan {
    /// The chart of an answer with these columns; none where it has nothing to draw.
    pub(super) fn new(schema: &Schema, question: &Question) -> Option<Self> {
        let Question::Report { parameters, .. } = question else { return None };
        let column = |group: &Group| schema.index_of(group.as_str()).ok();
        let times = parameters.by.iter().filter_map(|group| Some((*group, group.grain()?)));
        let shortest = times.min_by_key(|(group, _)| Group::ALL.iter().position(|other| other == group));
        let time = match shortest {
            Some((group, grain)) => Some((column(&group)?, grain)),
            None => None,
        };
        let words: Vec<usize> =
            parameters.by.iter().filter(|group| group.grain().is_none()).filter_map(column).collect();
        if time.is_none() && words.is_empty() {
            return None;
        }
        let is_group = |index: &usize| parameters.by.iter().any(|group| column(group) == Some(*index));
        let is_count = |index: &usize| *schema.field(*index).data_type() == DataType::Int64;
        let measure = (0..schema.fields().len()).find(|index| !is_group(index) && is_count(index))?;
        let names: Vec<&str> = words.iter().map(|index| schema.field(*index).name().as_str()).collect();
        let by = if names.is_empty() { String::new() } else { format!(" by {}", names.join(" and ")) };
        let over = time.map_or(String::new(), |(index, _)| {
            format!(" over each {}", schema.field(index).name().replace('_', " "))
        });
        let title = format!("{}{by}{over}", schema.field(measure).name());
        Some(Self { time, words, measure, title })
    }

    /// Draws the chart of these rows, where they show anything.
    pub(super) fn draw(&self, batches: &[RecordBatch], text: &mut Text) -> Result<(), OutputError> {
        let data = Data::gather(self, batches)?;
        if data.is_empty() {
            return Ok(());
        }
        match self.time {
            Some((_, grain)) => draw::over_time(&self.title, &data, grain, text),
            None => draw::bars(&self.title, &data, text),
        }
        Ok(())
    }
}
