//! How a command ends: the one place that prints an error, and the exit codes.

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::config::ConfigError;

/// The exit codes, as `--help` tells them.
pub(crate) const CODES: &str = "\
Exit codes:
  0  done
  1  failed; the message says what to do, then what happened
  2  wrong usage or configuration; nothing was started";

/// Done.
const DONE: u8 = 0;
/// Failed.
const FAILED: u8 = 1;
/// Wrong usage or configuration.
const MISUSED: u8 = 2;

/// What the user gave cannot be used: says what to give instead. As an error of its own or as the context
/// of another it makes the command end with exit code 2.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Prints the error of a command, if there is one, and gives its exit code.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::from(DONE) };
    let code = of(&error);
    if code != DONE {
        // Where standard error is closed nobody reads the message; the exit code still tells.
        let _ = io::stderr().write_all(message(&error).as_bytes());
    }
    ExitCode::from(code)
}

/// The exit code of an error. A reader that has seen enough, as in `gatebook sql … | head`, is no failure.
fn of(error: &anyhow::Error) -> u8 {
    let broken_pipe = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(broken_pipe) {
        DONE
    } else if error.downcast_ref::<Usage>().is_some() || error.downcast_ref::<ConfigError>().is_some() {
        MISUSED
    } else {
        FAILED
    }
}

/// What to do, then what happened: the error and each of its causes once.
fn message(error: &anyhow::Error) -> String {
    let mut message = format!("error: {error}\n");
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Errors of other libraries repeat their cause in their own text.
        if !message.contains(&cause) {
            message.push_str(&format!("  because: {cause}\n"));
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[track_caller]
    fn check(error: anyhow::Error, code: u8, text: &str) {
        assert_eq!(of(&error), code);
        assert_eq!(message(&error), text);
    }

    #[test]
    fn an_error_says_what_to_do_then_what_happened_once() {
        let repeating = anyhow!("disk full").context("cannot write: disk full").context("free some space");
        check(repeating, FAILED, "error: free some space\n  because: cannot write: disk full\n");
    }

    #[test]
    fn usage_and_configuration_have_their_own_code() {
        check(anyhow!(Usage("give a date".into())), MISUSED, "error: give a date\n");
        let caused = anyhow!("no such zone").context(Usage("give a time zone".into()));
        check(caused, MISUSED, "error: give a time zone\n  because: no such zone\n");
        assert_eq!(of(&anyhow!(ConfigError { problems: Vec::new(), has_file: true })), MISUSED);
    }

    #[test]
    fn a_closed_pipe_is_a_success() {
        let closed = anyhow!(io::Error::from(io::ErrorKind::BrokenPipe)).context("cannot print");
        assert_eq!(of(&closed), DONE);
        assert_eq!(of(&anyhow!(io::Error::from(io::ErrorKind::StorageFull))), FAILED);
    }
}
