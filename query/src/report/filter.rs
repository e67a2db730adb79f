//! Which events a report counts, beside its range.

use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, col, lit};
use schemas::Source;
use schemas::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Stage};

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

    /// Whether something is said of this group.
    pub(super) fn has(&self, group: Group) -> bool {
        self.0.iter().any(|(held, _)| *held == group)
    }

    /// What is said of the reasons of denials, and what is said of the rest.
    pub(super) fn split_reasons(&self) -> (Self, Self) {
        let (reasons, rest) = self.0.iter().cloned().partition(|(group, _)| group.is_reason());
        (Self(reasons), Self(rest))
    }
}

/// The value as the book has it.
fn word(group: Group, value: &str) -> Result<String, ParameterError> {
    let read = match group {
        // Names are compared as they are; words of a vocabulary have no blanks around them.
        Group::Tenant | Group::Server if value.is_empty() => Err(Vec::new()),
        Group::Tenant | Group::Server => Ok(value.to_owned()),
        _ => vocabulary(group, value.trim()),
    };
    read.map_err(|words| {
        let expected = match words.as_slice() {
            [] => "give a name that is not empty".to_owned(),
            words => format!("give one of {}", words.join(", ")),
        };
        let example = words.first().map_or_else(|| "mfa-1".to_owned(), |word| (*word).to_owned());
        ParameterError { name: group.as_str().into(), expected, example }
    })
}

/// The word of the group's vocabulary, or all its words.
fn vocabulary(group: Group, value: &str) -> Result<String, Vec<&'static str>> {
    match group {
        Group::Method => known(Method::ALL, Method::parse(value), Method::as_str),
        Group::Result => known(AuthResult::ALL, AuthResult::parse(value), AuthResult::as_str),
        Group::Reason => known(DenialReason::ALL, DenialReason::parse(value), DenialReason::as_str),
        Group::ReasonGroup => known(DenialGroup::ALL, DenialGroup::parse(value), DenialGroup::as_str),
        Group::Source => known(Source::ALL, Source::parse(value), Source::as_str),
        Group::Assurance => known(Assurance::ALL, Assurance::parse(value), Assurance::as_str),
        Group::Stage => known(Stage::ALL, Stage::parse(value), Stage::as_str),
        _ => Err(Vec::new()),
    }
}

fn known<T: Copy>(
    all: &[T],
    parsed: Option<T>,
    as_str: fn(T) -> &'static str,
) -> Result<String, Vec<&'static str>> {
    let words = || all.iter().map(|word| as_str(*word)).collect();
    parsed.map(|word| as_str(word).to_owned()).ok_or_else(words)
}

fn reasons_of(groups: &[String]) -> Vec<String> {
    let is_wanted = |reason: &&DenialReason| groups.iter().any(|group| group == reason.group().as_str());
    DenialReason::ALL.iter().filter(is_wanted).map(ToString::to_string).collect()
}
