//! `gatebook report`: the named reports.

use chrono::Utc;
use query::report::ReportParameters;

use super::answer;
use crate::config::Config;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  gatebook report usage                                    the last 24 hours in one row
  gatebook report usage --by hour,method                   the same by hour and method
  gatebook report denials --by reason --server mfa-1       why one server denied, compared with the day before
  gatebook report usage --from 2026-10-01 --to 2026-11-01 --tz Europe/Berlin --by day,result --format csv";

/// Arguments of `gatebook report`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// Which report.
    #[command(subcommand)]
    report: Report,
}

#[derive(Debug, clap::Subcommand)]
enum Report {
    /// How many events there were, and how they ended, by time and by what was used
    #[command(before_help = EXAMPLES)]
    Usage(ReportArgs),
    /// What was denied and why, how many of those who were challenged came in, and how that was before
    #[command(before_help = EXAMPLES)]
    Denials(ReportArgs),
}

#[derive(Debug, clap::Args)]
struct ReportArgs {
    #[command(flatten)]
    range: RangeArgs,

    /// Any of quarter_hour, hour, day, week, month, method, result, reason, reason_group, server, tenant,
    /// source, assurance, stage; comma-separated
    #[arg(long, value_name = "GROUPS")]
    by: Option<String>,

    /// `include` counts copies and superseded states too
    #[arg(long, value_name = "include")]
    duplicates: Option<String>,

    #[command(flatten)]
    filters: FilterArgs,

    #[command(flatten)]
    output: answer::OutputArgs,
}

/// Which time is looked at.
#[derive(Debug, clap::Args)]
pub(super) struct RangeArgs {
    /// From when: RFC 3339, or a local date or date-time in the zone [default: 24 hours before --to]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// Until when, itself not included [default: now]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,

    /// The IANA time zone of local days and hours [default: UTC]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
}

/// Each can be given several times: an event passes when it has one of the values.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Only events with one of these")]
pub(super) struct FilterArgs {
    #[arg(long, value_name = "ID", help = "Of this tenant")]
    tenant: Vec<String>,
    #[arg(long, value_name = "METHOD", help = "By this method")]
    method: Vec<String>,
    #[arg(long, value_name = "RESULT", help = "success, denied or pending")]
    result: Vec<String>,
    #[arg(long, value_name = "REASON", help = "Denied for this reason")]
    reason: Vec<String>,
    #[arg(long, value_name = "GROUP", help = "user, account, policy, delivery, service or other")]
    reason_group: Vec<String>,
    #[arg(long, value_name = "NAME", help = "From this authentication server")]
    server: Vec<String>,
    #[arg(long, value_name = "SOURCE", help = "Logged by this product")]
    source: Vec<String>,
    #[arg(long, value_name = "ASSURANCE", help = "challenged, satisfied-earlier, …")]
    assurance: Vec<String>,
    #[arg(long, value_name = "STAGE", help = "first-factor, second-factor or whole-sign-in")]
    stage: Vec<String>,
}

impl ReportArgs {
    /// The parameters by name, as the HTTP API takes them too.
    fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let Self { range, by, duplicates, filters, .. } = self;
        range.pairs().chain(given([("by", by), ("duplicates", duplicates)])).chain(filters.pairs())
    }
}

impl RangeArgs {
    /// The range by name.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let Self { from, to, tz } = self;
        given([("from", from), ("to", to), ("tz", tz)])
    }
}

/// The parameters that have a value.
fn given<'a, const N: usize>(
    parameters: [(&'a str, &'a Option<String>); N],
) -> impl Iterator<Item = (&'a str, &'a str)> {
    parameters.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

impl FilterArgs {
    /// The filters by name.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let Self { tenant, method, result, reason, reason_group, server, source, assurance, stage } = self;
        let repeated = [
            ("tenant", tenant),
            ("method", method),
            ("result", result),
            ("reason", reason),
            ("reason_group", reason_group),
            ("server", server),
            ("source", source),
            ("assurance", assurance),
            ("stage", stage),
        ];
        repeated.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, &**value)))
    }
}

/// Runs `gatebook report`.
pub(crate) fn run(args: Args, config: &Config) -> anyhow::Result<()> {
    let (report, args) = match args.report {
        Report::Usage(args) => (query::report::Report::Usage, args),
        Report::Denials(args) => (query::report::Report::Denials, args),
    };
    let parameters =
        ReportParameters::parse(args.pairs(), Utc::now()).map_err(|error| Usage(format!("--{error}")))?;
    answer::print(config, &args.output, async |session| report.answer(session, &parameters).await)
}
