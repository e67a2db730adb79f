//! Adding up coded rows: which pass, by what they are told apart, and what comes out.

use std::collections::HashMap;
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;
use schemas::arrays::moments;

use super::coded::{Coded, Codes, Words};
use super::slots::{Month, NO_SLOT, Slots};

/// Sums that lie in an array rather than in a map: 32 MiB of one count.
const DENSE_MAX: usize = 1 << 22;

/// Rows that are looked at at a time, column by column.
const CHUNK_ROWS: usize = 2_048;

/// Rows of a batch that is given out.
const BATCH_ROWS: usize = 8_192;

/// Rows from which on a part of them is added up by another thread.
const SHARED_ROWS_MIN: usize = 1 << 17;

/// What a column must hold, by its place among the words.
pub(crate) type WordFilter<'a> = (usize, Box<dyn Fn(&str) -> bool + Send + Sync + 'a>);

/// What is asked of sums.
pub(crate) struct Adding<'a> {
    pub(crate) slots: &'a Slots,
    /// The column of the slot's quarter hour; none where time is not told apart.
    pub(crate) quarter: Option<&'a str>,
    /// Columns of words by which sums are told apart, by their place among the words, with the name of each.
    pub(crate) by: Vec<(usize, &'a str)>,
    /// What a column of words must hold, by its place: every one of these must be passed.
    pub(crate) filters: Vec<WordFilter<'a>>,
    /// The names of what is added up.
    pub(crate) counts: &'a [&'static str],
}

/// Adds up, and gives out what came to something, in batches. False, and nothing was given out, where there are more kinds of
/// words than numbers for them.
pub(crate) fn add_up<E: From<ArrowError>>(
    parts: &[Arc<Coded>],
    adding: &Adding<'_>,
    mut give: impl FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<bool, E> {
    let Some(common) = Common::of(parts, adding) else { return Ok(false) };
    let (mine, others) = halves(parts);
    let sums = if others.is_empty() {
        common.sums(mine, adding)
    } else {
        std::thread::scope(|scope| {
            let other = scope.spawn(|| common.sums(others, adding));
            let mine = common.sums(mine, adding);
            match other.join() {
                Ok(other) => mine.and(&other),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    };
    let mut rows = Rows::default();
    for (key, counts) in sums.each().filter(|(_, counts)| counts.iter().any(|count| *count != 0)) {
        rows.append(key, counts);
        if rows.keys.len() >= BATCH_ROWS {
            give(&common.batch(std::mem::take(&mut rows), adding)?)?;
        }
    }
    if !rows.keys.is_empty() {
        give(&common.batch(rows, adding)?)?;
    }
    Ok(true)
}

/// Two parts of about as many rows; the second empty where that is not worth it.
fn halves(parts: &[Arc<Coded>]) -> (&[Arc<Coded>], &[Arc<Coded>]) {
    let all: usize = parts.iter().map(|part| part.at.len()).sum();
    if all < SHARED_ROWS_MIN {
        return (parts, &[]);
    }
    let mut before = 0;
    let middle = parts.iter().position(|part| {
        before += part.at.len();
        before >= all / 2
    });
    parts.split_at(middle.map_or(parts.len(), |middle| middle + 1))
}

/// The codes of all parts: those of a slot and of each column make one number.
struct Common {
    /// By column: the texts, by their code less one.
    texts: Vec<Vec<Arc<str>>>,
    /// By column: the code of each text.
    codes: Vec<HashMap<Arc<str>, u32>>,
    /// By column: by how much its code is multiplied.
    strides: Vec<u64>,
    slot_stride: u64,
    /// One more than the largest number.
    size: u64,
}

impl Common {
    fn of(parts: &[Arc<Coded>], adding: &Adding<'_>) -> Option<Self> {
        let mut texts = vec![Vec::new(); adding.by.len()];
        let mut codes: Vec<HashMap<Arc<str>, u32>> = vec![HashMap::new(); adding.by.len()];
        for part in parts {
            for ((place, _), (texts, codes)) in adding.by.iter().zip(texts.iter_mut().zip(&mut codes)) {
                for text in &part.words[*place].texts {
                    if !codes.contains_key(text) {
                        texts.push(Arc::clone(text));
                        codes.insert(Arc::clone(text), texts.len() as u32);
                    }
                }
            }
        }
        let mut size: u64 = 1;
        let mut strides = Vec::new();
        for texts in &texts {
            strides.push(size);
            size = size.checked_mul(texts.len() as u64 + 1)?;
        }
        // What is not counted at all has a slot beyond all others for a moment.
        size.checked_mul(u64::from(NO_SLOT) + 1)?;
        Some(Self { texts, codes, strides, slot_stride: size, size: size * adding.slots.len().max(1) as u64 })
    }

    fn sums(&self, parts: &[Arc<Coded>], adding: &Adding<'_>) -> Sums {
        let width = adding.counts.len();
        let mut sums = Sums::new(self.size, width);
        for part in parts {
            let Some(month) = adding.slots.months.get(&part.month) else { continue };
            let slots = Self::slots_of(part, month);
            self.add_part(part, slots, adding, &mut sums);
        }
        sums
    }

    fn slots_of<'m>(part: &Coded, month: &'m Month) -> &'m [u32] {
        use lake::projections::PartKind::{AttemptsByDay, EventsByDay};
        if matches!(part.kind, EventsByDay | AttemptsByDay) { &month.days } else { &month.quarters }
    }

    fn add_part(&self, part: &Coded, slots: &[u32], adding: &Adding<'_>, sums: &mut Sums) {
        let columns = adding.by.iter().zip(self.codes.iter().zip(&self.strides));
        // What each code of the part adds to the number.
        let columns: Vec<(&Words, Vec<u64>)> = columns
            .map(|((place, _), (codes, stride))| {
                let words = &part.words[*place];
                let ours = words.texts.iter().map(|text| u64::from(codes[text]) * stride);
                (words, [0].into_iter().chain(ours).collect())
            })
            .collect();
        let filters: Vec<(&Words, Vec<bool>)> = adding
            .filters
            .iter()
            .map(|(place, passes)| {
                let words = &part.words[*place];
                (words, [false].into_iter().chain(words.texts.iter().map(|text| passes(text))).collect())
            })
            .collect();
        let mut keys = [0_u64; CHUNK_ROWS];
        let mut passes = [true; CHUNK_ROWS];
        let rows = part.at.len();
        for start in (0..rows).step_by(CHUNK_ROWS) {
            let end = (start + CHUNK_ROWS).min(rows);
            let (keys, passes) = (&mut keys[..end - start], &mut passes[..end - start]);
            for ((key, passes), at) in keys.iter_mut().zip(&mut *passes).zip(&part.at[start..end]) {
                let slot = slots.get(usize::from(*at)).copied().unwrap_or(NO_SLOT);
                *passes = slot != NO_SLOT;
                *key = u64::from(slot) * self.slot_stride;
            }
            for (words, allowed) in &filters {
                words.each(start..end, passes, |passes, code| *passes &= allowed[code]);
            }
            for (words, adds) in &columns {
                words.each(start..end, keys, |key, code| *key += adds[code]);
            }
            for (row, (key, _)) in keys.iter().zip(&*passes).enumerate().filter(|(_, (_, passes))| **passes) {
                sums.add(*key, |count| part.counts[count][start + row]);
            }
        }
    }

    /// Rows with the words of their numbers.
    fn batch(&self, rows: Rows, adding: &Adding<'_>) -> Result<RecordBatch, ArrowError> {
        let Rows { keys, counts } = rows;
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        if let Some(name) = adding.quarter {
            let stand_in = |key: &u64| Some(adding.slots.stand_in_us((key / self.slot_stride) as usize));
            columns.push((name, moments(keys.iter().map(stand_in))));
        }
        for ((_, name), (texts, stride)) in adding.by.iter().zip(self.texts.iter().zip(&self.strides)) {
            let text = |key: &u64| {
                let code = (key / stride % (texts.len() as u64 + 1)) as usize;
                Some(texts.get(code.checked_sub(1)?)?.as_ref())
            };
            columns.push((name, Arc::new(keys.iter().map(text).collect::<StringArray>())));
        }
        let width = adding.counts.len();
        for (index, name) in adding.counts.iter().enumerate() {
            let counts = counts.iter().skip(index).step_by(width).copied();
            columns.push((name, Arc::new(Int64Array::from_iter_values(counts))));
        }
        RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(name, column)| (name, column, true)),
        )
    }
}

impl Words {
    /// Gives each of these rows' codes to a function, with what lies beside it.
    fn each<T>(&self, rows: std::ops::Range<usize>, beside: &mut [T], mut take: impl FnMut(&mut T, usize)) {
        match &self.codes {
            Codes::Narrow(codes) => {
                beside
                    .iter_mut()
                    .zip(&codes[rows])
                    .for_each(|(beside, code)| take(beside, usize::from(*code)));
            }
            Codes::Wide(codes) => {
                beside.iter_mut().zip(&codes[rows]).for_each(|(beside, code)| take(beside, *code as usize));
            }
        }
    }
}

#[derive(Default)]
struct Rows {
    keys: Vec<u64>,
    /// All of a row, one after the other.
    counts: Vec<i64>,
}

impl Rows {
    fn append(&mut self, key: u64, counts: &[i64]) {
        self.keys.push(key);
        self.counts.extend_from_slice(counts);
    }
}

/// Sums by number: all counts of one, one after the other.
struct Sums {
    width: usize,
    sums: Vec<i64>,
    /// Where the counts of a number begin, in widths; none where that is the number itself.
    places: Option<HashMap<u64, usize, RandomState>>,
}

impl Sums {
    fn new(size: u64, width: usize) -> Self {
        match usize::try_from(size) {
            Ok(size) if size <= DENSE_MAX => Self { width, sums: vec![0; size * width], places: None },
            _ => Self { width, sums: Vec::new(), places: Some(HashMap::default()) },
        }
    }

    fn add(&mut self, key: u64, count: impl Fn(usize) -> i64) {
        let place = match &mut self.places {
            None => key as usize,
            Some(places) => {
                let next = places.len();
                let place = *places.entry(key).or_insert(next);
                if place == next {
                    self.sums.resize((next + 1) * self.width, 0);
                }
                place
            }
        };
        let sums = &mut self.sums[place * self.width..(place + 1) * self.width];
        for (index, sum) in sums.iter_mut().enumerate() {
            *sum += count(index);
        }
    }

    fn and(mut self, other: &Self) -> Self {
        if self.places.is_none() && other.places.is_none() {
            self.sums.iter_mut().zip(&other.sums).for_each(|(sum, other)| *sum += other);
        } else {
            other.each().for_each(|(key, counts)| self.add(key, |index| counts[index]));
        }
        self
    }

    fn each(&self) -> Box<dyn Iterator<Item = (u64, &[i64])> + '_> {
        match &self.places {
            None => {
                let all = self.sums.chunks(self.width).enumerate();
                Box::new(all.map(|(key, counts)| (key as u64, counts)))
            }
            Some(places) => Box::new(places.iter().map(|(key, place)| {
                let start = place * self.width;
                (*key, &self.sums[start..start + self.width])
            })),
        }
    }
}
