//! What the text may have meant.

use std::collections::HashSet;

use super::TEXT_BYTES_MAX;
use super::index::INDEX;
use super::spelling::{bare, fold};

/// How many suggestions are made, at most.
pub const NEAREST_COUNT_MAX: usize = 5;

/// How alike a suggestion has to be: 1 is the same, 0 has nothing in common. Under this, people see no likeness.
const LIKENESS_MIN: f64 = 0.6;

/// Longer texts are sentences, for which a distance of letters says nothing: their words are still looked for.
const DISTANCE_BYTES_MAX: usize = 80;

/// Known codes that resemble a text that [`explain`](super::explain()) does not know, the best first, at most
/// [`NEAREST_COUNT_MAX`]: those that hold all its words, then those a few letters away.
pub fn nearest(text: &str) -> Vec<&'static str> {
    let whole = fold(bare(text));
    if whole.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Vec::new();
    }
    let words: Vec<String> = words(text).collect();
    let mut seen = HashSet::new();
    let spellings = INDEX.spellings().map(|spelling| (spelling, fold(spelling)));
    let scored =
        spellings.filter(|(_, folded)| seen.insert(folded.clone())).filter_map(|(spelling, folded)| {
            let holds_all = !words.is_empty() && words.iter().all(|word| folded.contains(word.as_str()));
            let is_short = whole.len() <= DISTANCE_BYTES_MAX && folded.len() <= DISTANCE_BYTES_MAX;
            let likeness =
                if is_short { strsim::normalized_damerau_levenshtein(&whole, &folded) } else { 0.0 };
            (holds_all || likeness >= LIKENESS_MIN).then_some((holds_all, likeness, spelling))
        });
    let mut scored: Vec<_> = scored.collect();
    // Stable: what is as good stands in the order of the tables.
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    scored.into_iter().take(NEAREST_COUNT_MAX).map(|(_, _, spelling)| spelling).collect()
}

/// The words of a text. Those of one or two letters stand everywhere.
fn words(text: &str) -> impl Iterator<Item = String> {
    const WORD_BYTES_MIN: usize = 3;
    let words = text.split(|c: char| !c.is_alphanumeric()).map(fold);
    words.filter(|word| word.len() >= WORD_BYTES_MIN)
}
