//! The parameters that all reports share.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::filter::Filters;
use super::group::Group;
use crate::parameter::{ParameterError, TimeRange, parse_tz};

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
    /// Whether copies and superseded states are counted too.
    pub with_duplicates: bool,
    /// When it was asked.
    pub now: DateTime<Utc>,
}

impl ReportParameters {
    /// Reads parameters as a person types them, by name:
    ///
    /// - `from`, `to`: RFC 3339, or a local date or date-time in `tz`; half open. Default: the 24 hours before `now`.
    /// - `tz`: the IANA time zone of local days and hours. Default: UTC.
    /// - `by`: groups, comma-separated. Default: none.
    /// - `duplicates`: `include` counts copies and superseded states too.
    /// - the name of a group that is no time, any number of times: a value that the events may have.
    ///
    /// # Errors
    ///
    /// Names the parameter, what it takes, and an example.
    pub fn parse<'a>(
        given: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: DateTime<Utc>,
    ) -> Result<Self, ParameterError> {
        let (mut from, mut to, mut tz, mut by, mut duplicates) = (None, None, None, None, None);
        let mut filters = Filters::default();
        for (name, value) in given {
            let single = match name {
                "from" => &mut from,
                "to" => &mut to,
                "tz" => &mut tz,
                "by" => &mut by,
                "duplicates" => &mut duplicates,
                _ => {
                    let group = Group::parse(name).filter(|group| group.grain().is_none());
                    filters.allow(group.ok_or_else(|| unknown(name))?, value)?;
                    continue;
                }
            };
            if single.replace(value).is_some() {
                return Err(ParameterError::twice(name, value));
            }
        }
        let tz = parse_tz(tz)?;
        let range = TimeRange::parse(from, to, tz, now)?;
        let by = parse_groups(by.unwrap_or_default())?;
        Ok(Self { range, tz, by, filters, with_duplicates: parse_duplicates(duplicates)?, now })
    }

    /// The range without what is still to come, as far as something of it has been.
    pub(crate) fn so_far(&self) -> TimeRange {
        let TimeRange { from, to } = self.range;
        TimeRange { from, to: if from < self.now { to.min(self.now) } else { to } }
    }

    /// The name of every parameter that may be given.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let groups = Group::ALL.iter().filter(|group| group.grain().is_none()).map(|group| group.as_str());
        ["from", "to", "tz", "by", "duplicates"].into_iter().chain(groups)
    }
}

fn unknown(name: &str) -> ParameterError {
    let names: Vec<_> = ReportParameters::names().collect();
    let advice = format!("use any of {}", names.join(", "));
    ParameterError::unknown(name, &advice, "from=2026-10-01&by=day")
}

fn parse_duplicates(text: Option<&str>) -> Result<bool, ParameterError> {
    match text.map(str::trim) {
        None => Ok(false),
        Some("include") => Ok(true),
        Some(_) => Err(ParameterError {
            name: "duplicates".into(),
            expected: "give `include`, or leave it out to count each event once".to_owned(),
            example: "include".to_owned(),
        }),
    }
}

fn parse_groups(text: &str) -> Result<Vec<Group>, ParameterError> {
    let error = |expected| ParameterError { name: "by".into(), expected, example: "day,method".to_owned() };
    let mut groups = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let group = Group::parse(name).ok_or_else(|| {
            let names: Vec<_> = Group::ALL.iter().map(|group| group.as_str()).collect();
            error(format!("give any of {}, comma-separated; {name:?} is none of them", names.join(", ")))
        })?;
        if groups.contains(&group) {
            return Err(error(format!("give each group once; {name} stands twice")));
        }
        groups.push(group);
    }
    Ok(groups)
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
        parameters.serialize_entry("by", &self.by.iter().map(|group| group.as_str()).collect::<Vec<_>>())?;
        for (name, values) in self.filters.by_name() {
            parameters.serialize_entry(name, values)?;
        }
        if self.with_duplicates {
            parameters.serialize_entry("duplicates", "include")?;
        }
        parameters.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &[(&str, &str)], expected: &str) {
        let range = [("from", "2026-10-25"), ("to", "2026-10-26"), ("tz", "Europe/Berlin")];
        let given = range.iter().chain(given).copied();
        let found = match ReportParameters::parse(given, DateTime::default()) {
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
        check(
            &[("duplicates", "yes")],
            "duplicates: give `include`, or leave it out to count each event once; for example include",
        );
        check(
            &[("day", "2026-10-25")],
            "day: is no parameter; use any of from, to, tz, by, duplicates, method, result, reason, reason_group, server, \
             tenant, source, assurance, stage; for example from=2026-10-01&by=day",
        );
    }
}
