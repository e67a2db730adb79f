//! Parameters of the reports about persons.

use super::group::Group;
use super::parameters::{ReportParameters, TENANT, filter};
use crate::parameter::{Parameter, Takes};

/// Whose, and told by which product.
pub(super) const WHOSE: &[Parameter] = &[TENANT, SOURCE];

/// Which product told of it.
pub(super) const SOURCE: Parameter = filter(Group::Source, "entra", "Only what this product told of.");

/// What was entered.
pub(super) const APPLICATION: Parameter =
    Parameter::new("application", Takes::Text, "Payroll", "Only what entered this application.");

/// One event or attempt.
pub(super) const EVENT: Parameter = Parameter::new(
    "event",
    Takes::Text,
    "c0ffee-17",
    "Only this event or attempt: an event_id, or the source's own key of an attempt (correlation id, session id).",
);

/// A person, by whatever they are called.
pub(super) const PERSON: Parameter = Parameter::new(
    "person",
    Takes::Person,
    "ada@acme.example",
    "Who: any id, address or name in a directory; SOURCE:ID is an id in that source alone.",
);

/// The tenants that are asked for; none for all.
pub(super) fn tenants(parameters: &ReportParameters) -> Vec<String> {
    chosen(parameters, Group::Tenant)
}

/// The values of a filter; none where anything passes.
pub(super) fn chosen(parameters: &ReportParameters, group: Group) -> Vec<String> {
    let mut filters = parameters.filters.by_name();
    filters.find(|(name, _)| *name == group.as_str()).map_or_else(Vec::new, |(_, values)| values.to_vec())
}
