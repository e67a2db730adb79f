//! Which events a report counts, beside its range.

use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::vocabulary::DenialReason;

use super::group::Group;
use crate::parameter::ParameterError;

/// Values by group, each group at most once and in the order of [`Group::ALL`]. An event passes when it has
/// one of the values of every group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(Vec<(Group, Vec<String>)>);

impl Filters {
    /// Allows one value more.
    ///
    /// # Errors
    ///
    /// A word that the group's vocabulary does not have.
    pub(super) fn allow(&mut self, group: Group, value: &str) -> Result<(), ParameterError> {
        let value = word(group, value)?;
        let place = Group::ALL.iter().position(|other| *other == group);
        let at =
            self.0.partition_point(|(held, _)| Group::ALL.iter().position(|other| other == held) < place);
        match self.0.get_mut(at) {
            Some((held, values)) if *held == group => {
                if !values.contains(&value) {
                    values.push(value);
                }
            }
            _ => self.0.insert(at, (group, vec![value])),
        }
        Ok(())
    }

    /// The values by the group's name.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, &[String])> {
        self.0.iter().map(|(group, values)| (group.as_str(), values.as_slice()))
    }

    /// The values that a column of `events` must have one of.
    pub(crate) fn by_column(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        self.0.iter().filter_map(|(group, values)| {
            let values = match group {
                Group::ReasonGroup => reasons_of(values),
                _ => values.clone(),
            };
            Some((group.column()?, values))
        })
    }

    /// The events that pass.
    pub(crate) fn choose(&self, events: DataFrame) -> Result<DataFrame, DataFusionError> {
        self.by_column().try_fold(events, |events, (column, values)| {
            events.filter(col(column).in_list(values.into_iter().map(lit).collect(), false))
        })
    }

    /// The values that a group may have; none where nothing is said of it.
    pub(super) fn of(&self, group: Group) -> Option<&[String]> {
        self.0.iter().find(|(held, _)| *held == group).map(|(_, values)| values.as_slice())
    }

    /// Whether something is said of this group.
    pub(super) fn has(&self, group: Group) -> bool {
        self.of(group).is_some()
    }

    /// What is said of the reasons of denials, and what is said of the rest.
    pub(super) fn split_reasons(&self) -> (Self, Self) {
        let (reasons, rest) = self.0.iter().cloned().partition(|(group, _)| group.is_reason());
        (Self(reasons), Self(rest))
    }
}

/// The value as the book has it.
fn word(group: Group, value: &str) -> Result<String, ParameterError> {
    let error = |expected: String, example: &str| ParameterError {
        name: group.as_str().into(),
        expected,
        example: example.to_owned(),
    };
    let Some(words) = group.words() else {
        // Names are compared as they are.
        let is_name = !value.is_empty();
        return is_name
            .then(|| value.to_owned())
            .ok_or_else(|| error("give a name that is not empty".to_owned(), "mfa-1"));
    };
    // Words of a vocabulary have no blanks around them, and no case.
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(value.trim()));
    found.map(|word| (*word).to_owned()).ok_or_else(|| {
        error(format!("give one of {}", words.join(", ")), words.first().copied().unwrap_or_default())
    })
}

fn reasons_of(groups: &[String]) -> Vec<String> {
    let is_wanted = |reason: &&DenialReason| groups.iter().any(|group| group == reason.group().as_str());
    DenialReason::ALL.iter().filter(is_wanted).map(ToString::to_string).collect()
}
