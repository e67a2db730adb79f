//! `gatebook sql`: one read-only question over the book.

use std::io::{self, Read as _};

use super::answer;
use crate::config::Config;

const EXAMPLES: &str = "\
Examples:
  gatebook sql 'SELECT result, count(*) FROM events GROUP BY result'
  gatebook sql 'DESCRIBE events'                       the columns of a table
  gatebook sql --format csv - < question.sql > answer.csv

Tables: events, changes, rejections, superseded, segments, removals";

/// Arguments of `gatebook sql`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// One statement; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    sql: String,

    #[command(flatten)]
    output: answer::OutputArgs,
}

/// Runs `gatebook sql`.
pub(crate) fn run(args: Args, config: &Config) -> anyhow::Result<()> {
    let sql = match args.sql.as_str() {
        "-" => {
            let mut text = String::new();
            // One byte more than is allowed, so that the session can refuse what is too long.
            io::stdin().lock().take(config.query.sql_bytes as u64 + 1).read_to_string(&mut text)?;
            text
        }
        _ => args.sql,
    };
    answer::print(config, &args.output, async |session| session.sql(&sql).await)
}
