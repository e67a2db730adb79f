//! The parameters of a report, as they are declared and as they were given.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::filter::Filters;
use super::group::Group;
use crate::parameter::{Parameter, ParameterError, Takes, TimeRange, parse_tz};

/// Which time a report is about.
#[rustfmt::skip]
pub const RANGE: &[Parameter] = &[
    Parameter::new("from", Takes::Moment, "2026-10-01",
        "From when: RFC 3339, or a local date or date-time in `tz`. Default: 24 hours before `to`."),
    Parameter::new("to", Takes::Moment, "2026-11-01", "Until when, itself not included. Default: now."),
    Parameter::new("tz", Takes::Zone, "Europe/Berlin", "The IANA time zone of local days and hours. Default: UTC."),
];

/// By what a report's rows are told apart.
pub(super) const BY: Parameter = Parameter::new(
    "by",
    Takes::Groups(Group::ALL),
    "day,method",
    "Groups, comma-separated, each once: the columns before the counts.",
);

/// Whether copies count.
pub(super) const DUPLICATES: Parameter = Parameter::new(
    "duplicates",
    Takes::Word(&["include"]),
    "include",
    "`include` counts copies and superseded states too.",
);

/// What the events of a report must have.
#[rustfmt::skip]
pub const FILTERS: &[Parameter] = &[
    TENANT,
    filter(Group::Method, "voice-call", "Only events by this method."),
    filter(Group::Result, "denied", "Only events that ended so."),
    filter(Group::Reason, "wrong-code", "Only events denied for this reason."),
    filter(Group::ReasonGroup, "delivery", "Only events denied for a reason of this group."),
    filter(Group::Server, "mfa-1", "Only events of this authentication server."),
    filter(Group::Source, "gatebook", "Only events that this product logged."),
    filter(Group::Assurance, "challenged", "Only events that prove this."),
    filter(Group::Stage, "second-factor", "Only events that judge this."),
];

/// Whose events.
pub(super) const TENANT: Parameter = filter(Group::Tenant, "acme", "Only events of this tenant.");

/// A filter by a group, which may be given any number of times.
pub(super) const fn filter(group: Group, example: &'static str, about: &'static str) -> Parameter {
    Parameter::new(group.as_str(), Takes::Filter(group), example, about)
}

/// The parameters of a report.
///
/// Serialised, moments stand in the report's zone with their offset, lists are lists, and what was not given and
/// has no default is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportParameters {
    /// The events that are counted.
    pub range: TimeRange,
    /// The zone of local days and hours.
    pub tz: Tz,
    /// The groups, in the order of the columns, each at most once.
    pub by: Vec<Group>,
    /// What the events must have.
    pub filters: Filters,
    /// When it was asked.
    pub now: DateTime<Utc>,
    /// Whether it can be grouped at all.
    has_groups: bool,
    /// What else was given, as it is declared.
    others: Vec<(&'static Parameter, Other)>,
}

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Other {
    Text(String),
    Number(u64),
}

impl ReportParameters {
    /// Reads parameters as a person types them, by name; each but the filters at most once.
    ///
    /// # Errors
    ///
    /// Names the parameter, what it takes, and an example.
    pub fn parse<'a>(
        declared: impl Iterator<Item = &'static Parameter> + Clone,
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: DateTime<Utc>,
    ) -> Result<Self, ParameterError> {
        let mut singles: Vec<(&'static Parameter, &str)> = Vec::new();
        let mut filters = Filters::default();
        for (name, value) in given {
            let parameter = declared.clone().find(|parameter| parameter.name == name);
            let parameter = parameter.ok_or_else(|| unknown(name, declared.clone()))?;
            if let Takes::Filter(group) = parameter.takes {
                filters.allow(group, value)?;
                continue;
            }
            if singles.iter().any(|(held, _)| held.name == name) {
                return Err(if parameter.is_personal() {
                    ParameterError::twice(name, parameter.example)
                } else {
                    ParameterError::twice(name, value)
                });
            }
            singles.push((parameter, value));
        }
        let single = |name: &str| singles.iter().find(|(held, _)| held.name == name).map(|(_, value)| *value);
        let tz = parse_tz(single("tz"))?;
        let range = TimeRange::parse(single("from"), single("to"), tz, now)?;
        let mut parameters =
            Self { range, tz, by: Vec::new(), filters, now, has_groups: false, others: Vec::new() };
        for parameter in declared {
            let value = single(parameter.name);
            if parameter.is_required && value.is_none() {
                return Err(wrong(parameter, format!("give it: {}", parameter.about)));
            }
            if let Takes::Groups(groups) = parameter.takes {
                parameters.has_groups = true;
                parameters.by = parse_groups(parameter, groups, value.unwrap_or_default())?;
            } else if let Some(value) = value {
                let other = parse_other(parameter, value)?;
                parameters.others.extend(other.map(|other| (parameter, other)));
            }
        }
        Ok(parameters)
    }

    /// The range without what is still to come, as far as something of it has been.
    pub(crate) fn so_far(&self) -> TimeRange {
        let TimeRange { from, to } = self.range;
        TimeRange { from, to: if from < self.now { to.min(self.now) } else { to } }
    }

    /// Whether copies and superseded states are counted too.
    pub(crate) fn with_duplicates(&self) -> bool {
        self.text(DUPLICATES.name).is_some()
    }

    /// The names of those that name a person.
    pub fn personal(&self) -> impl Iterator<Item = &'static str> {
        self.others.iter().filter(|(held, _)| held.is_personal()).map(|(held, _)| held.name)
    }

    /// The text or word that was given for a parameter.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.others.iter().find_map(|(held, other)| match other {
            Other::Text(text) if held.name == name => Some(text.as_str()),
            _ => None,
        })
    }

    /// The number that was given for a parameter.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.others.iter().find_map(|(held, other)| match other {
            Other::Number(number) if held.name == name => Some(*number),
            _ => None,
        })
    }
}

fn wrong(parameter: &Parameter, expected: String) -> ParameterError {
    ParameterError { name: parameter.name.into(), expected, example: parameter.example.to_owned() }
}

fn unknown(name: &str, declared: impl Iterator<Item = &'static Parameter> + Clone) -> ParameterError {
    let names: Vec<_> = declared.clone().map(|parameter| parameter.name).collect();
    let advice = format!("use any of {}", names.join(", "));
    let example = declared.take(1).map(|parameter| format!("{}={}", parameter.name, parameter.example));
    ParameterError::unknown(name, &advice, &example.collect::<String>())
}

/// None where the value is read elsewhere.
fn parse_other(parameter: &Parameter, value: &str) -> Result<Option<Other>, ParameterError> {
    let read = match parameter.takes {
        Takes::Moment | Takes::Zone | Takes::Groups(_) | Takes::Filter(_) => return Ok(None),
        Takes::Word(words) => {
            let found = words.iter().find(|word| word.eq_ignore_ascii_case(value.trim()));
            found.map(|word| Other::Text((*word).to_owned())).ok_or_else(|| match words {
                [word] => format!("give `{word}`, or leave it out"),
                words => format!("give one of {}", words.join(", ")),
            })
        }
        Takes::Text | Takes::Person if value.is_empty() => Err("give a text that is not empty".to_owned()),
        Takes::Text | Takes::Person => Ok(Other::Text(value.to_owned())),
        Takes::Number { min, max } => {
            let number = value.trim().parse().ok().filter(|number| (min..=max).contains(number));
            number.map(Other::Number).ok_or_else(|| format!("give a whole number from {min} to {max}"))
        }
    };
    read.map(Some).map_err(|expected| wrong(parameter, expected))
}

fn parse_groups(parameter: &Parameter, groups: &[Group], text: &str) -> Result<Vec<Group>, ParameterError> {
    let mut found = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let group = groups.iter().copied().find(|group| group.as_str() == name).ok_or_else(|| {
            let names: Vec<_> = groups.iter().map(|group| group.as_str()).collect();
            let names = names.join(", ");
            wrong(parameter, format!("give any of {names}, comma-separated; {name:?} is none of them"))
        })?;
        if found.contains(&group) {
            return Err(wrong(parameter, format!("give each group once; {name} stands twice")));
        }
        found.push(group);
    }
    Ok(found)
}

impl Serialize for ReportParameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let local = |moment: DateTime<Utc>| {
            moment.with_timezone(&self.tz).to_rfc3339_opts(SecondsFormat::AutoSi, false)
        };
        let mut parameters = serializer.serialize_map(None)?;
        parameters.serialize_entry("from", &local(self.range.from))?;
        parameters.serialize_entry("to", &local(self.range.to))?;
        parameters.serialize_entry("tz", self.tz.name())?;
        if self.has_groups {
            let by: Vec<_> = self.by.iter().map(|group| group.as_str()).collect();
            parameters.serialize_entry("by", &by)?;
        }
        for (name, values) in self.filters.by_name() {
            parameters.serialize_entry(name, values)?;
        }
        for (parameter, other) in &self.others {
            parameters.serialize_entry(parameter.name, other)?;
        }
        parameters.end()
    }
}

#[cfg(test)]
mod tests {
    use super::super::usage;
    use super::*;

    #[track_caller]
    fn check(given: &[(&str, &str)], expected: &str) {
        let range = [("from", "2026-10-25"), ("to", "2026-10-26"), ("tz", "Europe/Berlin")];
        let given = range.iter().chain(given).copied();
        let found = match usage::REPORT.parse(given, DateTime::default()) {
            Ok(parameters) => {
                let text = serde_json::to_string(&parameters).expect("serialises");
                let range = r#"{"from":"2026-10-25T00:00:00+02:00","to":"2026-10-26T00:00:00+01:00","tz":"Europe/Berlin","#;
                text.strip_prefix(range).expect("the range").to_owned()
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_and_repeats_parameters() {
        check(&[("by", "day, method")], r#""by":["day","method"]}"#);
        check(&[], r#""by":[]}"#);
        check(
            &[
                ("server", "mfa-2"),
                ("method", "Voice-Call"),
                ("server", "mfa-1"),
                ("server", "mfa-2"),
                ("duplicates", "include"),
            ],
            r#""by":[],"method":["voice-call"],"server":["mfa-2","mfa-1"],"duplicates":"include"}"#,
        );
    }

    #[test]
    fn says_what_to_give_instead() {
        check(&[("by", "day,day")], "by: give each group once; day stands twice; for example day,method");
        check(
            &[("by", "methd")],
            "by: give any of quarter_hour, hour, day, week, month, method, result, reason, reason_group, server, tenant, \
             source, assurance, stage, comma-separated; \"methd\" is none of them; for example day,method",
        );
        check(&[("tz", "UTC")], "tz: give it once; for example tz=UTC");
        check(&[("result", "ok")], "result: give one of success, denied, pending; for example success");
        check(&[("tenant", "")], "tenant: give a name that is not empty; for example mfa-1");
        check(&[("duplicates", "yes")], "duplicates: give `include`, or leave it out; for example include");
        check(
            &[("day", "2026-10-25")],
            "day: is no parameter; use any of from, to, tz, by, tenant, method, result, reason, reason_group, server, \
             source, assurance, stage, duplicates; for example from=2026-10-01",
        );
    }
}
