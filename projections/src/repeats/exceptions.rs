//! The rows for which the flag `duplicate` does not say whether they count.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::NaiveDate;
use schemas::day_number;

/// Where a row came from, which is unique among events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowPlace {
    /// Kafka's offset.
    pub offset: i64,
    /// Kafka's partition.
    pub partition: i32,
    /// The position within the record.
    pub element_index: i32,
    /// The topic's number in [`Places`].
    pub topic: u32,
}

/// Rows of one day that count although they are flagged as duplicates, or do not although they are not.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Topic ids, by their number.
    pub(super) topics: Vec<String>,
    /// Sorted.
    places: Vec<RowPlace>,
}

/// The number of a topic id among those that are known, this one with them.
pub(super) fn topic_number(topics: &mut Vec<String>, id: &str) -> u32 {
    let number = topics.iter().position(|topic| topic == id).unwrap_or_else(|| {
        topics.push(id.to_owned());
        topics.len() - 1
    });
    number as u32
}

impl Places {
    /// Each with its topic's number.
    pub(super) fn new(topics: Vec<String>, mut places: Vec<RowPlace>) -> Self {
        places.sort_unstable();
        Self { topics, places }
    }

    /// The number of a topic in its rows' places; none where no row of it is an exception.
    #[must_use]
    pub fn topic(&self, id: &str) -> Option<u32> {
        self.topics.iter().position(|topic| topic == id).map(|number| number as u32)
    }

    /// Whether a row is an exception.
    #[must_use]
    pub fn has(&self, place: &RowPlace) -> bool {
        self.places.binary_search(place).is_ok()
    }

    /// The rows that are exceptions here and not there, with their topics.
    pub(crate) fn without<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (&'a str, RowPlace)> {
        self.places.iter().filter_map(|place| {
            let topic = self.topics.get(place.topic as usize)?.as_str();
            let known = other.topic(topic).is_some_and(|topic| other.has(&RowPlace { topic, ..*place }));
            (!known).then_some((topic, *place))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.len() * size_of::<RowPlace>()
    }

    /// Says anew of these rows, each once, whether they are exceptions.
    pub(super) fn judge(&mut self, mut judged: Vec<(RowPlace, bool)>) {
        judged.sort_unstable();
        self.places.retain(|place| judged.binary_search_by_key(place, |(judged, _)| *judged).is_err());
        self.places
            .extend(judged.into_iter().filter(|(_, is_exception)| *is_exception).map(|(place, _)| place));
        self.places.sort_unstable();
        self.places.shrink_to_fit();
    }
}

/// The exceptions of several days.
#[derive(Debug, Default)]
pub struct Exceptions {
    /// By the number of the day since 1970; none for a day without any.
    days: HashMap<i32, Arc<Places>>,
}

impl Exceptions {
    pub(crate) fn of(days: Vec<(NaiveDate, Arc<Places>)>) -> Self {
        let days = days.into_iter().filter(|(_, places)| places.len() > 0);
        Self { days: days.map(|(day, places)| (day_number(day), places)).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.days.values().map(|places| places.len()).sum()
    }

    /// Each of a day, with its topic.
    pub(crate) fn each(&self, day: NaiveDate, mut take: impl FnMut(&str, RowPlace)) {
        if let Some(places) = self.of_day(day_number(day)) {
            places.without(&Places::default()).for_each(|(topic, place)| take(topic, place));
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.days.is_empty()
    }

    /// Those of a day, by its number since 1970.
    #[must_use]
    pub fn of_day(&self, day: i32) -> Option<&Arc<Places>> {
        self.days.get(&day)
    }
}
