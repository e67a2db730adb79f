//! The parameters of the report `usage`.

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

use super::group::Group;
use crate::parameter::{ParameterError, TimeRange, parse_tz};

/// The parameters as a person types them; what is absent takes its default.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsageText<'a> {
    /// From when: RFC 3339, or a local date or date-time in `tz`. Default: 24 hours before `to`.
    pub from: Option<&'a str>,
    /// Until when, itself not included. Default: now.
    pub to: Option<&'a str>,
    /// The IANA time zone of local days and hours. Default: UTC.
    pub tz: Option<&'a str>,
    /// Groups, comma-separated. Default: none.
    pub by: Option<&'a str>,
}

/// The parameters of the report `usage`.
///
/// Serialised, moments stand in the report's zone with their offset, and `by` is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageParameters {
    /// The events that are counted.
    pub range: TimeRange,
    /// The zone of local days and hours.
    pub tz: Tz,
    /// The groups, in the order of the columns, each at most once.
    pub by: Vec<Group>,
}

impl UsageParameters {
    /// Reads the parameters. `now` is what an absent `to` means.
    ///
    /// # Errors
    ///
    /// Names the parameter, what it takes, and an example.
    pub fn parse(text: &UsageText<'_>, now: DateTime<Utc>) -> Result<Self, ParameterError> {
        let tz = parse_tz(text.tz)?;
        let range = TimeRange::parse(text.from, text.to, tz, now)?;
        Ok(Self { range, tz, by: parse_groups(text.by.unwrap_or_default())? })
    }

    /// Whether a time group is among the groups.
    pub(crate) fn has_time(&self) -> bool {
        self.by.iter().any(|group| group.grain().is_some())
    }

    /// The columns of `events` that the counts are grouped by, each once, `result` always among them.
    pub(crate) fn columns(&self) -> Vec<&'static str> {
        let mut columns = vec!["result"];
        for column in self.by.iter().filter_map(|group| group.column()) {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }
}

fn parse_groups(text: &str) -> Result<Vec<Group>, ParameterError> {
    let error = |expected| ParameterError { name: "by", expected, example: "day,method".to_owned() };
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

impl Serialize for UsageParameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let local = |moment: DateTime<Utc>| {
            moment.with_timezone(&self.tz).to_rfc3339_opts(SecondsFormat::AutoSi, false)
        };
        let mut parameters = serializer.serialize_struct("UsageParameters", 4)?;
        parameters.serialize_field("from", &local(self.range.from))?;
        parameters.serialize_field("to", &local(self.range.to))?;
        parameters.serialize_field("tz", self.tz.name())?;
        parameters.serialize_field("by", &self.by.iter().map(|group| group.as_str()).collect::<Vec<_>>())?;
        parameters.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(by: &str, expected: &str) {
        let text = UsageText {
            by: Some(by),
            from: Some("2026-10-25"),
            to: Some("2026-10-26"),
            tz: Some("Europe/Berlin"),
        };
        let found = match UsageParameters::parse(&text, DateTime::default()) {
            Ok(parameters) => serde_json::to_string(&parameters).expect("serialises"),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_and_repeats_parameters() {
        let range =
            r#""from":"2026-10-25T00:00:00+02:00","to":"2026-10-26T00:00:00+01:00","tz":"Europe/Berlin""#;
        check("day, method", &format!(r#"{{{range},"by":["day","method"]}}"#));
        check("", &format!(r#"{{{range},"by":[]}}"#));
        check("day,day", "by: give each group once; day stands twice; for example day,method");
        check(
            "methd",
            "by: give any of quarter_hour, hour, day, week, month, method, result, reason, reason_group, server, tenant, \
             source, assurance, stage, comma-separated; \"methd\" is none of them; for example day,method",
        );
    }
}
