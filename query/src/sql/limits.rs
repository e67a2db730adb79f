//! What free SQL may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;

/// The limits of free SQL. Past each stands an error that names it, with its value and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlLimits {
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Words, numbers, texts and signs of one text.
    pub tokens: usize,
    /// Operators of one text (`+`, `=`, `AND`, `LIKE`, `UNION`, `JOIN`, …): a plan is as deep as they are chained.
    pub operators: usize,
    /// How long a question may be worked on.
    pub deadline: Duration,
    /// How long a client may take to fetch an answer, all in all.
    pub fetch: Duration,
    /// Bytes that sorts, groups and joins of one question may hold together before they spill to disk. Its process
    /// may have [`PROCESS_FACTOR`] times as many.
    pub memory_bytes: usize,
    /// Bytes of spill files of one question.
    pub spill_bytes: u64,
    /// Bytes of one row of an answer.
    pub row_bytes: usize,
    /// Processes, each of which works on one question at a time.
    pub workers: usize,
    /// Questions of one token that wait for a worker.
    pub waiting: usize,
    /// How long one waits.
    pub wait: Duration,
    /// Questions after which a process is replaced.
    pub questions_per_worker: u64,
}

/// Bytes that a process may have beyond those with which it started, in bytes of its engine's memory: not all that
/// the engine holds is counted by it.
pub(super) const PROCESS_FACTOR: u64 = 3;

impl Default for SqlLimits {
    /// Chosen so that all workers together leave room beside ingest on a machine of 8 GiB.
    fn default() -> Self {
        Self {
            text_bytes: 64 << 10,
            tokens: 10_000,
            operators: 500,
            deadline: Duration::from_secs(30),
            fetch: Duration::from_secs(600),
            memory_bytes: 256 << 20,
            spill_bytes: 4 << 30,
            row_bytes: 16 << 20,
            workers: 4,
            waiting: 16,
            wait: Duration::from_secs(10),
            questions_per_worker: 200,
        }
    }
}

/// A limit as it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// Its name in the configuration.
    pub(super) name: &'static str,
    pub(super) value: u64,
    pub(super) unit: &'static str,
    pub(super) meaning: &'static str,
    /// How to stay below it.
    pub(super) advice: &'static str,
}

impl Told {
    /// What to do, what was found, and what is allowed.
    pub(super) fn refuse(&self, found: &str) -> String {
        let Self { name, value, unit, advice, .. } = self;
        format!("{advice}: {found}, and {value} {unit} are allowed ({name})")
    }
}

impl SqlLimits {
    /// What the engine of one worker may use.
    pub(super) fn engine(&self) -> Limits {
        Limits {
            section: "sql",
            memory_bytes: self.memory_bytes,
            spill_bytes: self.spill_bytes,
            ..Limits::default()
        }
    }

    pub(super) fn told(&self) -> [Told; 12] {
        let one = |name, value, unit, meaning, advice| Told { name, value, unit, meaning, advice };
        [
            self.text_bytes_told(),
            self.tokens_told(),
            self.operators_told(),
            self.deadline_told(),
            self.fetch_told(),
            self.memory_told(),
            one(
                "sql.spill_bytes_max",
                self.spill_bytes,
                "bytes",
                "What one question may put on disk once its memory is full",
                "ask for a shorter range, fewer groups or fewer columns",
            ),
            self.row_bytes_told(),
            one(
                "sql.workers",
                self.workers as u64,
                "processes",
                "Questions that are worked on at a time; while others ask, one token has all of them but one",
                "ask one question after the other",
            ),
            self.waiting_told(),
            self.wait_told(),
            one(
                "sql.questions_per_worker",
                self.questions_per_worker,
                "questions",
                "Questions after which a process is replaced by a new one",
                "nothing needs to be done",
            ),
        ]
    }

    pub(super) fn text_bytes_told(&self) -> Told {
        Told {
            name: "sql.text_bytes_max",
            value: self.text_bytes as u64,
            unit: "bytes",
            meaning: "The length of one text",
            advice: "shorten the query",
        }
    }

    pub(super) fn tokens_told(&self) -> Told {
        Told {
            name: "sql.tokens_max",
            value: self.tokens as u64,
            unit: "tokens",
            meaning: "Words, numbers, texts and signs of one text",
            advice: "shorten the query, or ask for a range instead of a list of values",
        }
    }

    pub(super) fn operators_told(&self) -> Told {
        Told {
            name: "sql.operators_max",
            value: self.operators as u64,
            unit: "operators",
            meaning: "Operators of one text: +, =, AND, OR, LIKE, ::, UNION, JOIN and their like",
            advice: "write `x IN (…)` instead of a chain of OR, or split the query",
        }
    }

    pub(super) fn deadline_told(&self) -> Told {
        Told {
            name: "sql.deadline_s_max",
            value: self.deadline.as_secs(),
            unit: "seconds",
            meaning: "How long a question is worked on; the time in which its client takes rows does not count",
            advice: "ask for a shorter range, fewer groups or fewer joins",
        }
    }

    pub(super) fn memory_told(&self) -> Told {
        Told {
            name: "sql.memory_bytes_max",
            value: self.memory_bytes as u64,
            unit: "bytes",
            meaning: "What sorts, groups and joins of one question hold before they spill to disk; its process may have \
                      three times as much",
            advice: "ask for a shorter range, fewer groups or fewer columns",
        }
    }

    pub(super) fn row_bytes_told(&self) -> Told {
        Told {
            name: "sql.row_bytes_max",
            value: self.row_bytes as u64,
            unit: "bytes",
            meaning: "The length of one row of an answer",
            advice: "ask for fewer or shorter columns",
        }
    }

    pub(super) fn fetch_told(&self) -> Told {
        Told {
            name: "sql.fetch_s_max",
            value: self.fetch.as_secs(),
            unit: "seconds",
            meaning: "How long a client may take to fetch an answer, all in all",
            advice: "ask for fewer rows, or fetch them faster",
        }
    }

    pub(super) fn waiting_told(&self) -> Told {
        Told {
            name: "sql.waiting_max",
            value: self.waiting as u64,
            unit: "questions",
            meaning: "Questions of one token that wait for a process",
            advice: "ask one question after the other",
        }
    }

    pub(super) fn wait_told(&self) -> Told {
        Told {
            name: "sql.wait_s_max",
            value: self.wait.as_secs(),
            unit: "seconds",
            meaning: "How long a question waits for a process",
            advice: "come again in a moment",
        }
    }
}
