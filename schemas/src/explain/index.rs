//! All that can be explained, and how it is found.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use super::spelling::{Key, Likeness, keys, likeness};
use super::{Explanation, Origin, facts};
use crate::rejection::Reason;
use crate::source::Source;
use crate::vendor::change_words::ChangeWord;
use crate::vendor::tables::{self, Content, Table};
use crate::vendor::words::Word;
use crate::vocabulary::{Assurance, AuthResult, ChangeKind, DenialGroup, DenialReason, Method, Mode, Stage};

/// Built at the first question.
pub(super) static INDEX: LazyLock<Index> = LazyLock::new(Index::build);

/// What is explained, with every spelling.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) explanation: Explanation,
    pub(super) spellings: Vec<&'static str>,
}

#[derive(Debug)]
pub(super) struct Index {
    /// Facts first, since their advice is their own; then the tables; then Gatebook's words.
    entries: Vec<Entry>,
    by_key: HashMap<Key, Vec<usize>>,
}

impl Index {
    fn build() -> Self {
        let facts: Vec<Entry> = facts::all().collect();
        let reading = |entry: &Entry| {
            let Explanation { code, result, reason, .. } = entry.explanation;
            (code.to_ascii_lowercase(), result, reason)
        };
        let told: HashSet<_> = facts.iter().map(reading).collect();
        // A fact tells all that a table of codes says of its code, and more; another source may read it otherwise.
        let is_told = |entry: &Entry| told.contains(&reading(entry));
        let of_tables = tables::ALL.iter().flat_map(|table| {
            let is_of_codes = matches!(table.content, Content::Words(_));
            of_table(table).into_iter().filter(move |entry| !(is_of_codes && is_told(entry)))
        });
        let entries: Vec<Entry> =
            facts.into_iter().chain(of_tables).chain(own_words().map(Entry::of)).collect();
        let mut by_key: HashMap<Key, Vec<usize>> = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            for key in entry.spellings.iter().flat_map(|spelling| keys(spelling)) {
                by_key.entry(key).or_default().push(index);
            }
        }
        Self { entries, by_key }
    }

    /// What this text can mean, the most literal spelling first.
    pub(super) fn find(&self, text: &str) -> Vec<Explanation> {
        let places = keys(text).into_iter().filter_map(|key| self.by_key.get(&key)).flatten();
        let places: BTreeSet<usize> = places.copied().collect();
        let entries = places.into_iter().filter_map(|index| self.entries.get(index));
        let mut found: Vec<_> = entries.filter_map(|entry| entry.found_by(text)).collect();
        found.sort_by_key(|(likeness, _)| *likeness);
        found.into_iter().map(|(_, explanation)| explanation).collect()
    }

    /// Every spelling of every entry.
    pub(super) fn spellings(&self) -> impl Iterator<Item = &'static str> {
        self.entries.iter().flat_map(|entry| entry.spellings.iter().copied())
    }
}

impl Entry {
    fn of(explanation: Explanation) -> Self {
        Self { explanation, spellings: vec![explanation.code] }
    }

    fn found_by(&self, text: &str) -> Option<(Likeness, Explanation)> {
        let spellings = self.spellings.iter();
        let alike = spellings.filter_map(|spelling| Some((likeness(spelling, text)?, *spelling)));
        let (likeness, spelling) = alike.min_by_key(|(likeness, _)| *likeness)?;
        Some((likeness, Explanation { spelling, ..self.explanation }))
    }
}

/// The entries of a table. Other names are spellings of the code that they name, so they have no entries.
fn of_table(table: &'static Table) -> Vec<Entry> {
    match table.content {
        Content::Words(words) => {
            words.all().map(|word| with_other_names(table, of_word(table, word).advised())).collect()
        }
        Content::Methods(words) => words.all().map(|word| Entry::of(of_word(table, word))).collect(),
        Content::ChangeWords(words) => words.all().map(|word| Entry::of(of_change(table, word))).collect(),
        Content::OtherNames(_) => Vec::new(),
    }
}

fn of_word(table: &Table, word: &Word) -> Explanation {
    Explanation {
        method: word.method,
        result: word.result,
        reason: word.reason,
        stage: word.stage,
        assurance: word.assurance,
        url: table.url,
        ..Explanation::new(word.text, Origin::Source(table.source), table.what, word.meaning)
    }
}

/// The entry of a code of this table, with the other names that it has.
fn with_other_names(table: &Table, explanation: Explanation) -> Entry {
    let mut entry = Entry::of(explanation);
    let other_names = tables::ALL.iter().filter_map(|other| match other.content {
        Content::OtherNames(names) if other.source == table.source && other.what == table.what => Some(names),
        _ => None,
    });
    let of_code = other_names.flat_map(|names| names.all()).filter(|name| name.code == explanation.code);
    entry.spellings.extend(of_code.map(|name| name.text));
    entry
}

fn of_change(table: &Table, word: &ChangeWord) -> Explanation {
    Explanation {
        method: word.method,
        change: Some(word.change),
        url: table.url,
        ..Explanation::new(word.text, Origin::Source(table.source), table.what, word.meaning)
    }
}

/// A word of Gatebook's vocabularies.
const fn own(code: &'static str, what: &'static str, meaning: &'static str) -> Explanation {
    Explanation::new(code, Origin::Source(Source::Gatebook), what, meaning)
}

/// A reason of a denial.
pub(super) fn of_reason(reason: DenialReason) -> Explanation {
    let word = own(reason.as_str(), "denial reason", reason.meaning());
    Explanation { reason: Some(reason), result: Some(AuthResult::Denied), ..word }.advised()
}

/// The words of Gatebook's vocabularies.
fn own_words() -> impl Iterator<Item = Explanation> {
    let methods = Method::ALL
        .iter()
        .map(|word| Explanation { method: Some(*word), ..own(word.as_str(), "method", word.meaning()) });
    let modes = Mode::ALL.iter().map(|word| own(word.as_str(), "mode", word.meaning()));
    let results = AuthResult::ALL
        .iter()
        .map(|word| Explanation { result: Some(*word), ..own(word.as_str(), "result", word.meaning()) });
    let stages = Stage::ALL
        .iter()
        .map(|word| Explanation { stage: Some(*word), ..own(word.as_str(), "stage", word.meaning()) });
    let assurances = Assurance::ALL.iter().map(|word| Explanation {
        assurance: Some(*word),
        ..own(word.as_str(), "assurance", word.meaning())
    });
    let reasons = DenialReason::ALL.iter().map(|reason| of_reason(*reason));
    let groups =
        DenialGroup::ALL.iter().map(|word| own(word.as_str(), "group of denial reasons", word.meaning()));
    let changes = ChangeKind::ALL
        .iter()
        .map(|word| Explanation { change: Some(*word), ..own(word.as_str(), "change", word.meaning()) });
    let rejections =
        Reason::ALL.iter().map(|word| own(word.as_str(), "reason of a rejection", word.meaning()));
    reasons
        .chain(methods)
        .chain(modes)
        .chain(results)
        .chain(stages)
        .chain(assurances)
        .chain(groups)
        .chain(changes)
        .chain(rejections)
}
