//! What the stored sums lack of the events of a version of the book, counted in memory.

use std::collections::BTreeMap;

use lake::projections::Projections;
use lake::{Book, Totals};

use super::{SumRows, Sums};
use crate::ProjectError;
use crate::changes::Changes;
use crate::held::Events;
use crate::projector::taken_in;
use crate::refold::Touched;
use crate::repeats::{Repeats, files_by_day};
use crate::rules::Rules;
use crate::unstored::{EVENTS_MAX, standing_for};

/// Sums of the events that count, at one version of the book.
#[derive(Debug)]
pub struct EventSums {
    /// The table that holds sums.
    pub table: Projections,
    /// What there is more, and less, than it says.
    pub rows: Vec<SumRows>,
}

impl EventSums {
    /// What a table lacks of a version of the book, with the totals of that version. None where the table is of no use for
    /// it, or lacks so much that the book is better read.
    ///
    /// # Errors
    ///
    /// Something cannot be read.
    pub async fn at(
        book: &Book,
        totals: &Totals,
        repeats: &Repeats,
        rules: &Rules,
        mut table: Projections,
    ) -> Result<Option<Self>, ProjectError> {
        let Some(standing) = standing_for(book, rules, &mut table).await? else { return Ok(None) };
        if standing.book_version == book.version() {
            return Ok(Some(Self { table, rows: Vec::new() }));
        }
        let since = taken_in(&mut table, totals).await?;
        let known = BTreeMap::new();
        let changes = Changes::since(book, repeats, &table, standing.book_version, since, &known).await?;
        let Some(changes) = changes else { return Ok(None) };
        let all = files_by_day(book)?;
        let replaced = changes.replaced.iter().filter_map(|day| all.get(day)).flatten();
        if changes.events_max() + replaced.map(|file| file.rows).sum::<u64>() > EVENTS_MAX {
            return Ok(None);
        }
        let mut sums = Sums::default();
        changes.touch_recounted(book, &mut Touched::default(), &mut sums).await?;
        changes.recount_replaced(book, &mut sums).await?;
        for file in &changes.files {
            let take = |_: &str, events: &Events<'_>, row: usize| {
                if !changes.is_replaced(events.at_us(row)) {
                    sums.event(events, row, 1);
                }
            };
            changes.read(book, file, take).await?;
        }
        Ok(Some(Self { table, rows: sums.take_rows()? }))
    }
}
