//! What the projections lack at a version of the book, made in memory: so an answer is exact to the last commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use lake::projections::{Projections, Standing};
use lake::{Book, Totals};
use roaring::RoaringTreemap;

use crate::ProjectError;
use crate::changes::Changes;
use crate::held::Events;
use crate::output::{InMemory, Output};
use crate::persons::Persons;
use crate::projector::taken_in;
use crate::reading::Reading;
use crate::rebuild::Rebuild;
use crate::refold::{Refold, Touched};
use crate::repeats::{Repeats, files_by_day};
use crate::rules::Rules;
use crate::sums::{SumRows, Sums};

/// Events that are folded for one answer: about 300 MiB of them, and of what is made of them.
pub(crate) const EVENTS_MAX: u64 = 500_000;

/// Rows beside those of the table.
#[derive(Debug)]
pub struct Unstored {
    /// The table whose rows hold but for those that are void; none where all is in memory.
    pub table: Option<Projections>,
    /// Attempts, with the columns of the table.
    pub rows: Vec<RecordBatch>,
    /// The numbers of rows that do not hold, in the table or here.
    pub voided: RoaringTreemap,
    /// What there is more, and less, of attempts to count than the table says, where there is one.
    pub sums: Vec<SumRows>,
}

impl Unstored {
    /// What a table lacks of a version of the book, with the sums of that version.
    ///
    /// # Errors
    ///
    /// Something cannot be read, or there is too much to fold.
    pub async fn at(
        book: &Book,
        totals: &Totals,
        repeats: &Repeats,
        rules: &Rules,
        table: Option<Projections>,
    ) -> Result<Self, ProjectError> {
        if let Some(mut table) = table
            && let Some(output) = over(book, totals, repeats, rules, &mut table).await?
        {
            let voided = table.voided(table.parts()?.iter()).await?;
            let InMemory { rows, voids, sums } = output.into_memory()?;
            return Ok(Self { table: Some(table), rows, voided: voided | voids, sums });
        }
        let events: u64 = files_by_day(book)?.values().flatten().map(|file| file.rows).sum();
        if events > EVENTS_MAX {
            return Err(ProjectError::TooMany { events });
        }
        let mut output = Output::in_memory(0);
        Rebuild { book, repeats, rules, table: None }.run(&mut output, &mut |_| {}).await?;
        let InMemory { rows, voids: voided, sums: _ } = output.into_memory()?;
        Ok(Self { table: None, rows, voided, sums: Vec::new() })
    }
}

/// Where the table stands; none where it is of no use for this version.
pub(crate) async fn standing_for(
    book: &Book,
    rules: &Rules,
    table: &mut Projections,
) -> Result<Option<Standing>, ProjectError> {
    let standing = table.standing().await?.filter(|standing| standing.rules == rules.fingerprint());
    Ok(standing.filter(|standing| standing.book_version <= book.version()))
}

/// None where the table is of no use for this version.
async fn over(
    book: &Book,
    totals: &Totals,
    repeats: &Repeats,
    rules: &Rules,
    table: &mut Projections,
) -> Result<Option<Output>, ProjectError> {
    let Some(standing) = standing_for(book, rules, table).await? else { return Ok(None) };
    let mut output = Output::in_memory(standing.layer);
    if standing.book_version == book.version() {
        return Ok(Some(output));
    }
    let since = taken_in(table, totals).await?;
    let known = BTreeMap::new();
    let changes = Changes::since(book, repeats, table, standing.book_version, since, &known).await?;
    let Some(changes) = changes else { return Ok(None) };
    let all = files_by_day(book)?;
    let replaced = changes.replaced.iter().filter_map(|day| all.get(day)).flatten();
    let mut events = replaced.map(|file| file.rows).sum();
    if events > EVENTS_MAX {
        return Err(ProjectError::Behind { events });
    }
    let mut touched = Touched::default();
    let gone = BTreeSet::new();
    // How many events count is asked for apart.
    changes.touch_recounted(book, &mut touched, &mut Sums::default()).await?;
    changes.touch_replaced(book, table, &gone, rules.silence_us(), &mut touched).await?;
    for file in &changes.files {
        let take = |key: &str, rows: &Events<'_>, row: usize| {
            events += 1;
            touched.touch(key, rows.at_us(row));
        };
        changes.read(book, file, take).await?;
        if events > EVENTS_MAX {
            return Err(ProjectError::Behind { events });
        }
    }
    let reading = Reading { book, repeats, table: Some(table), gone: &gone };
    let mut persons = Persons::new(Arc::new(rules.clone()), i64::MAX);
    // Nobody is to be in memory afterwards.
    Refold { rules, reading, newest_us: i64::MAX }.run(touched, &mut persons, &mut output).await?;
    Ok(Some(output))
}
