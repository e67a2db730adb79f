//! The configuration: what the user wrote becomes values that are ready for use, or a list of everything
//! that is wrong with it.
//!
//! `default.toml` is the one place where a key, its explanation and its default stand ([`template`]).
//! Settings are gathered as a flat list of dotted paths ([`settings`]): defaults, over them the file
//! ([`file`]), over them the environment ([`environment`]); then each section reads and checks its own. A
//! key that no section reads, or that `default.toml` does not have, fails a test.
//!
//! No message and no output shows a secret: messages say what a value is, not what it says.

mod attempts;
mod environment;
mod expectations;
mod fields;
mod file;
mod http;
mod ingest;
mod kafka;
mod lake;
mod maintain;
mod maps;
mod nearest;
mod place;
mod problem;
mod query;
mod reader;
mod reports;
mod secret;
mod settings;
mod show;
mod sql;
mod template;
#[cfg(test)]
mod tests;
mod token;
mod topic;
mod value;

use std::path::Path;

use schemas::Maps;

pub(crate) use http::Http;
pub(crate) use lake::Lake;
pub(crate) use maintain::Maintain;
pub(crate) use problem::{ConfigError, Problem};
pub(crate) use reports::Reports;
pub(crate) use settings::{Environment, File};
pub(crate) use template::DEFAULT_TOML;

use reader::Reader;
use settings::Settings;

/// The file that is read where none is named, if it is there.
const USUAL_FILE: &str = "gatebook.toml";

/// A checked configuration, in the rooms' own types. No `Debug`: the properties of Kafka hold secrets in
/// clear.
pub(crate) struct Config {
    /// `[kafka]`
    pub(crate) kafka: ::ingest::Kafka,
    /// `[[topics]]`; at least one, no name twice.
    pub(crate) topics: Vec<::ingest::Topic>,
    /// `[lake]`
    pub(crate) lake: Lake,
    /// `[fields]`, `[tenants]`, `[domains]`
    pub(crate) maps: Maps,
    /// `[ingest]`
    pub(crate) ingest: ::ingest::Limits,
    /// `[maintain]`
    pub(crate) maintain: Maintain,
    /// `[attempts]`, `[servers."NAME"]`
    pub(crate) rules: ::query::Rules,
    /// `[suspicious]`, `[expected]`
    pub(crate) expectations: ::query::Expectations,
    /// `[query]`
    pub(crate) query: ::query::Limits,
    /// `[sql]`
    pub(crate) sql: ::query::SqlLimits,
    /// `[reports]`
    pub(crate) reports: Reports,
    /// `[http]`
    pub(crate) http: Http,
    /// `[[tokens]]`
    pub(crate) tokens: ::serve::Tokens,
    settings: Settings,
}

impl Config {
    /// Reads the file and the environment of this process.
    ///
    /// Without a path `gatebook.toml` in the working folder is read, if it is there; the environment alone
    /// may say everything.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let usual = Path::new(USUAL_FILE);
        let Some(path) = path.or_else(|| usual.exists().then_some(usual)) else {
            return Self::read(None, &environment);
        };
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::read(Some(File { name: &name, text: &text }), &environment),
            Err(error) => {
                let advice = format!("make it a readable file of text; {error}");
                let problems = vec![Problem { key: name, place: None, advice }];
                Err(ConfigError { problems, has_file: true })
            }
        }
    }

    /// Reads a file's text, with these environment variables over it.
    pub(crate) fn read(file: Option<File<'_>>, environment: &Environment) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let has_file = file.is_some();
        let settings = Settings::gather(file, environment, &mut problems)
            .map_err(|problem| ConfigError { problems: vec![problem], has_file })?;
        let mut reader = Reader::new(&settings, &mut problems);
        let kafka = kafka::read(&mut reader);
        let topics = topic::read(&mut reader);
        let lake = Lake::read(&mut reader);
        let maps = maps::read(&mut reader);
        let retention_days = lake.as_ref().map_or(0, |lake| lake.retention_days);
        let ingest = ingest::read(&mut reader, retention_days);
        let maintain = Maintain::read(&mut reader, retention_days);
        let rules = attempts::read(&mut reader);
        let expectations = expectations::read(&mut reader);
        let query = query::read(&mut reader);
        let sql = sql::read(&mut reader);
        let beside = file.and_then(|file| Path::new(file.name).parent()).unwrap_or(Path::new(""));
        let reports = reports::read(&mut reader, beside);
        let http = http::read(&mut reader);
        let tokens = token::read(&mut reader);
        http::check_protection(&mut reader, &http, &tokens);
        maps::check_raw(&mut reader, &maps, &topics);
        match lake {
            Some(lake) if problems.is_empty() => Ok(Self {
                kafka,
                topics,
                lake,
                maps,
                ingest,
                maintain,
                rules,
                expectations,
                query,
                sql,
                reports,
                http,
                tokens,
                settings,
            }),
            _ => Err(ConfigError { problems, has_file }),
        }
    }

    /// The configuration that holds, as TOML, with where each value comes from; secrets are masked.
    pub(crate) fn show(&self) -> String {
        show::toml(&self.settings)
    }
}
