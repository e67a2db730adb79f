//! `gatebook report`: the named reports. What can be typed is made from the table of reports.

use chrono::Utc;
use clap::{Arg, ArgAction, ArgMatches, Args as _, Command, FromArgMatches};
use query::report::{REPORTS, Report};
use query::{Answer, Parameter, QueryError, Takes};

use super::answer::{self, OutputArgs};
use super::saved::{self, RunArgs, SavedArgs, ScheduleArgs};
use crate::config::Config;
use crate::exit::Usage;

const EXAMPLES: &str = "\
Examples:
  gatebook reports                                         what can be asked
  gatebook report usage                                    the last 24 hours in one row
  gatebook report usage --by hour,method                   the same by hour and method
  gatebook report denials --by reason --server mfa-1       why one server denied, compared with the day before
  gatebook report denials --by server --columns server,denied,rate    these columns alone
  gatebook report usage --from 2026-10-01 --to 2026-11-01 --tz Europe/Berlin --by day,result --format csv
  gatebook report usage --by day,method --from 2026-10-01 --format html --output october.html
  gatebook report saved                                    what is asked again and again, and when it is due";

/// Arguments of `gatebook report`.
#[derive(Debug)]
pub(crate) enum Args {
    /// A report of the table.
    Named { report: &'static Report, given: Given, columns: ColumnsArgs, output: OutputArgs },
    /// A saved report, once.
    Run(RunArgs),
    /// The list of saved reports.
    Saved,
    /// What is due.
    Schedule(ScheduleArgs),
}

/// What stands beside the reports of the table.
const RUN: &str = "run";
const SAVED: &str = "saved";
const SCHEDULE: &str = "schedule";

/// Which columns of the answer are written.
#[derive(Debug, clap::Args)]
pub(crate) struct ColumnsArgs {
    /// Only these columns, comma-separated, in this order
    #[arg(long, value_delimiter = ',')]
    columns: Vec<String>,
}

impl ColumnsArgs {
    fn choose(&self, answer: Answer) -> Result<Answer, QueryError> {
        if self.columns.is_empty() {
            return Ok(answer);
        }
        answer.with_columns(&self.columns).map_err(|error| match error {
            QueryError::Refused(why) => QueryError::Refused(format!("--columns: {why}")),
            error => error,
        })
    }
}

/// Parameters as they were typed, by name.
#[derive(Debug)]
pub(crate) struct Given(Vec<(&'static str, String)>);

impl Given {
    /// Options for these parameters.
    pub(super) fn options(command: Command, declared: impl Iterator<Item = &'static Parameter>) -> Command {
        command.args(declared.map(option))
    }

    /// What was typed for them.
    pub(super) fn read(matches: &ArgMatches, declared: impl Iterator<Item = &'static Parameter>) -> Self {
        let values = |parameter: &'static Parameter| {
            let values = matches.get_many::<String>(parameter.name).into_iter().flatten();
            values.map(move |value| (parameter.name, value.clone()))
        };
        Self(declared.flat_map(values).collect())
    }

    /// The parameters by name, as the HTTP API takes them too.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

impl clap::Args for Args {
    fn augment_args(command: Command) -> Command {
        let command = command.before_help(EXAMPLES).subcommand_required(true).arg_required_else_help(true);
        // What each is for comes last: options that are made elsewhere bring their own words.
        command
            .subcommands(REPORTS.iter().map(|report| subcommand(report)))
            .subcommand(RunArgs::augment_args(Command::new(RUN)).about("Answer a saved report once"))
            .subcommand(
                SavedArgs::augment_args(Command::new(SAVED))
                    .about("List the saved reports, and when each is due next"),
            )
            .subcommand(
                ScheduleArgs::augment_args(Command::new(SCHEDULE))
                    .about("Write the saved reports that are due, as `gatebook run` does too"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        match matches.subcommand() {
            Some((RUN, matches)) => return RunArgs::from_arg_matches(matches).map(Self::Run),
            Some((SAVED, _)) => return Ok(Self::Saved),
            Some((SCHEDULE, matches)) => return ScheduleArgs::from_arg_matches(matches).map(Self::Schedule),
            _ => {}
        }
        let found = matches.subcommand().and_then(|(name, matches)| Some((Report::named(name)?, matches)));
        // The command line requires one of those that it was made of.
        let (report, matches) =
            found.ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingSubcommand))?;
        let given = Given::read(matches, report.parameters());
        let columns = ColumnsArgs::from_arg_matches(matches)?;
        Ok(Self::Named { report, given, columns, output: OutputArgs::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn subcommand(report: &'static Report) -> Command {
    let examples = format!("Examples:\n  gatebook report {}{}", report.name, example(report));
    let command = Given::options(Command::new(report.name), report.parameters()).before_help(examples);
    OutputArgs::augment_args(ColumnsArgs::augment_args(command))
        .about(report.asks)
        .long_about(report.definition)
}

/// What must be given, and one thing that can be.
fn example(report: &Report) -> String {
    let option = |parameter: &Parameter| format!(" --{} {}", dashed(parameter.name), parameter.example);
    let required: String = report.parameters().filter(|it| it.is_required).map(option).collect();
    let range = ["from", "to"].into_iter().filter_map(|name| report.parameters().find(|it| it.name == name));
    let range: String = range.map(option).collect();
    format!("{required}\n  gatebook report {}{required}{range}", report.name)
}

fn option(parameter: &'static Parameter) -> Arg {
    let unit = match parameter.takes {
        Takes::Moment => "TIME".to_owned(),
        Takes::Zone => "ZONE".to_owned(),
        Takes::Groups(_) => "GROUPS".to_owned(),
        Takes::Word([word]) => (*word).to_owned(),
        Takes::Number { .. } => "NUMBER".to_owned(),
        Takes::Filter(_) | Takes::Word(_) | Takes::Text | Takes::Person => parameter.name.to_uppercase(),
    };
    let about = parameter.about.trim_end_matches('.').replace('`', "");
    let about = match (parameter.takes, parameter.words()) {
        (Takes::Groups(_), Some(words)) => format!("{about}. Any of {}", words.join(", ")),
        (Takes::Word(words), _) if words.len() > 1 => format!("{about}. One of {}", words.join(", ")),
        (Takes::Filter(_), Some(words)) if words.len() <= 8 => {
            format!("{about}. One of {}", words.join(", "))
        }
        (Takes::Filter(_), Some(words)) => format!("{about}. One of {}, …", words[..4].join(", ")),
        _ => about,
    };
    let action = if parameter.is_repeatable() { ArgAction::Append } else { ArgAction::Set };
    Arg::new(parameter.name)
        .long(dashed(parameter.name))
        .value_name(unit)
        .required(parameter.is_required)
        .action(action)
        .help(about)
}

fn dashed(name: &'static str) -> String {
    name.replace('_', "-")
}

/// Runs `gatebook report`.
pub(crate) async fn run(args: Args, config: &Config) -> anyhow::Result<()> {
    let (report, given, columns, output) = match args {
        Args::Named { report, given, columns, output } => (report, given, columns, output),
        Args::Run(args) => return saved::run(&args, config),
        Args::Saved => return saved::list(config),
        Args::Schedule(args) => return saved::schedule(&args, config).await,
    };
    let parameters = report.parse(given.pairs(), Utc::now()).map_err(|error| Usage(format!("--{error}")))?;
    answer::print(config, &output, async |session| columns.choose(report.answer(session, &parameters).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_says_what_each_of_them_is_for() {
        let mut command = Args::augment_args(Command::new("report"));
        let about = |command: &Command| command.get_about().map(ToString::to_string).unwrap_or_default();
        for report in REPORTS {
            let sub = command.find_subcommand_mut(report.name).expect("a command");
            assert_eq!(about(sub), report.asks);
            assert!(sub.render_long_help().to_string().contains(&report.definition[..20]), "{}", report.name);
        }
        for name in [RUN, SAVED, SCHEDULE] {
            let sub = command.find_subcommand(name).expect("a command");
            assert!(!about(sub).starts_with("Arguments"), "{name}");
        }
    }

    #[test]
    fn no_report_is_called_like_a_command_beside_it() {
        for name in [RUN, SAVED, SCHEDULE] {
            assert!(Report::named(name).is_none(), "{name}");
        }
    }
}
