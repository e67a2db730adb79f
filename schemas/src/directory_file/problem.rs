//! What is wrong with a directory's file.

use std::fmt;

/// Problems that are told one by one: whoever has more has the same one in every line.
const SHOWN_MAX: usize = 20;

/// Something that is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// The line, from 1.
    pub line: u64,
    /// The column, where it is one's.
    pub column: Option<&'static str>,
    /// What to do, then what is wrong. Never a value of a row.
    pub advice: String,
}

/// Everything that is wrong with a file, a line each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileProblems {
    /// The first of them.
    pub shown: Vec<FileProblem>,
    /// How many more there are.
    pub more: usize,
}

impl FileProblems {
    pub(super) fn add(&mut self, line: u64, column: Option<&'static str>, advice: impl Into<String>) {
        if self.shown.len() == SHOWN_MAX {
            self.more += 1;
        } else {
            self.shown.push(FileProblem { line, column, advice: advice.into() });
        }
    }

    pub(super) fn count(&self) -> usize {
        self.shown.len() + self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }
}

impl fmt::Display for FileProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.advice)
    }
}

impl fmt::Display for FileProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.shown.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for FileProblems {}
