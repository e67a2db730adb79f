//! `gatebook directory`: who is who, and who is enabled when, as the files of directories say.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use lake::{Difference, Directory, DirectoryContent, Import};
use schemas::{DirectoryFile, Enabled, ListedId, Listing};

use super::actor::ActorArgs;
use super::answer;
use crate::config::Config;
use crate::exit::Usage;
use crate::table::{NONE, Table};

const EXAMPLES: &str = "\
Examples:
  gatebook directory import hr.csv --tenant acme --directory hr --dry-run   what it would change
  gatebook directory import hr.csv --tenant acme --directory hr             all of it, in place of what was there
  gatebook directory list                                                   the directories, and who imported them
  gatebook directory show E1007                                             what they say of one person
  gatebook directory status --tenant acme                                   how many ids of events are whose by which rule
  gatebook directory history                                                who changed what, version by version

A file has the columns person and ids, and if need be directory, enabled_from and enabled_to, in any order:
  person,ids,enabled_from,enabled_to
  E1007,ada@acme.example ACME\\ada duo:alovelace,2024-03-01,
  E1008,bob@acme.example,2024-03-01,2026-06-01";

/// Bytes of a file: far more than so many rows as are allowed need.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Arguments of `gatebook directory`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Put what a file says in the place of all that its directories said before
    ///
    /// Ids are separated by blanks, or by semicolons where there is one. ID holds in every source of the tenant, SOURCE:ID
    /// in one. Several rows of a person are several periods. Days begin at midnight UTC; enabled_to is the first day on
    /// which the person is not enabled any more.
    #[command(before_help = EXAMPLES)]
    Import(ImportArgs),
    /// List the directories: how many persons and ids, when imported and by whom
    #[command(before_help = EXAMPLES)]
    List,
    /// Show what the directories say of a person
    #[command(before_help = EXAMPLES)]
    Show {
        /// The person, as a directory calls them
        #[arg(value_name = "PERSON")]
        person: String,

        /// Only of this tenant
        #[arg(long)]
        tenant: Option<String>,
    },
    /// List the directories, and how many ids of events are somebody's by which rule; reads all events
    #[command(before_help = EXAMPLES)]
    Status {
        /// Only of this tenant
        #[arg(long)]
        tenant: Option<String>,
    },
    /// List the versions, newest first: when, who, what
    #[command(before_help = EXAMPLES)]
    History,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// Comma-separated values; `-` reads them from standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Whose directory it is, as events name the tenant
    #[arg(long)]
    tenant: String,

    /// The directory's name, where the file does not say it in a column
    #[arg(long, value_name = "NAME")]
    directory: Option<String>,

    /// Change nothing: print who would be added, changed and gone
    #[arg(long)]
    dry_run: bool,

    /// Take a file without persons too: the directory is then empty
    #[arg(long, requires = "directory")]
    allow_empty: bool,

    #[command(flatten)]
    actor: ActorArgs,
}

/// Runs `gatebook directory`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let mut directory = Directory::open(&config.lake.location).await?;
    match args.action {
        Action::Import(args) => import(&args, &mut directory, &config).await,
        Action::List => {
            let content = directory.content().await?;
            print(&directories(&content, None))
        }
        Action::Show { person, tenant } => {
            let person = config.maps.user_key(&person).into_owned();
            let content = directory.content().await?;
            let table = listings(&content, &person, tenant.as_deref());
            let missing = "look for the name with `gatebook sql \"SELECT * FROM directory\"`: no directory lists this person";
            print(&table.with_context(|| missing)?)
        }
        Action::Status { tenant } => status(&directory, tenant.as_deref(), &config).await,
        Action::History => print(&history(&directory).await?),
    }
}

async fn import(args: &ImportArgs, directory: &mut Directory, config: &Config) -> anyhow::Result<()> {
    if args.tenant.trim().is_empty() || args.directory.as_ref().is_some_and(|name| name.trim().is_empty()) {
        anyhow::bail!(Usage("give --tenant and --directory a name: one is empty".to_owned()));
    }
    let file = read(args, config)?;
    if args.dry_run {
        let differences = directory.content().await?.differences(&args.tenant, &file);
        let mut out = io::stdout().lock();
        for (name, difference) in &differences {
            write_difference(name, difference, &mut out)?;
        }
        out.flush()?;
        for (name, difference) in &differences {
            say(&format!("would change {name} of {}: {}", args.tenant, counts(difference)));
        }
        say("nothing was changed; without --dry-run it is");
        return Ok(());
    }
    let actor = args.actor.name()?;
    let imported = directory.import(&args.tenant, &file, &actor, Utc::now().timestamp_micros()).await?;
    for (name, difference) in &imported.differences {
        say(&format!("{name} of {}: {}", args.tenant, counts(difference)));
    }
    match imported.version {
        Some(version) => say(&format!("imported; version {version} of the directory")),
        None => say("nothing was changed: the directories say this already"),
    }
    let conflicts = directory.content().await?.conflicts(&args.tenant);
    if conflicts > 0 {
        say(&format!(
            "{conflicts} ids of {} are listed for different persons at the same time, by several directories, and are nobody's \
             until one of them says otherwise: gatebook sql \"SELECT * FROM identities WHERE rule = 'conflict'\"",
            args.tenant
        ));
    }
    Ok(())
}

/// Reads the file. All that is wrong is told at once.
fn read(args: &ImportArgs, config: &Config) -> anyhow::Result<DirectoryFile> {
    let mut bytes = Vec::new();
    let unreadable = || Usage(format!("choose another file: {} cannot be read", args.file.display()));
    let mut input: Box<dyn io::Read> = if args.file == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(&args.file).with_context(unreadable)?)
    };
    input.by_ref().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        anyhow::bail!(Usage(format!("split the file by directory: it has more than {FILE_BYTES_MAX} bytes")));
    }
    let directory = args.directory.as_deref().map(str::trim);
    let mut file = schemas::read_directory_file(&bytes, directory, &config.maps).map_err(|problems| {
        anyhow::anyhow!(Usage(format!(
            "put right what is wrong in the file; nothing was changed\n{problems}"
        )))
    })?;
    match (file.directories.is_empty(), args.allow_empty, directory) {
        (true, true, Some(directory)) => drop(file.directories.insert(directory.to_owned(), Vec::new())),
        (true, ..) => anyhow::bail!(Usage(
            "give a file with persons, or --directory NAME --allow-empty, which leaves nobody in it: there is none in the file"
                .to_owned()
        )),
        (false, ..) => {}
    }
    Ok(file)
}

fn write_difference(name: &str, difference: &Difference, out: &mut impl Write) -> io::Result<()> {
    let Difference { added, changed, gone } = difference;
    for (what, persons) in [("added", added), ("changed", changed), ("gone", gone)] {
        for person in persons {
            writeln!(out, "{name}  {what:<7}  {person}")?;
        }
    }
    Ok(())
}

fn counts(difference: &Difference) -> String {
    let Difference { added, changed, gone } = difference;
    format!("{} added, {} changed, {} gone", added.len(), changed.len(), gone.len())
}

fn directories(content: &DirectoryContent, tenant: Option<&str>) -> Table {
    let mut table = Table::new(&["tenant", "directory", "persons", "enabled now", "ids", "imported", "by"]);
    let now_us = Utc::now().timestamp_micros();
    for import in wanted(content, tenant) {
        let persons: BTreeSet<&str> = import.listings.iter().map(|it| it.person.as_str()).collect();
        let is_enabled = |it: &&Listing| is_in(it.enabled, now_us);
        let enabled: BTreeSet<&str> =
            import.listings.iter().filter(is_enabled).map(|it| it.person.as_str()).collect();
        let ids: BTreeSet<&ListedId> = import.listings.iter().flat_map(|it| &it.ids).collect();
        table.row(vec![
            import.tenant_id.clone(),
            import.directory.clone(),
            persons.len().to_string(),
            enabled.len().to_string(),
            ids.len().to_string(),
            moment(Some(import.imported_at_us)),
            import.actor.clone(),
        ]);
    }
    table
}

fn wanted<'c>(content: &'c DirectoryContent, tenant: Option<&str>) -> impl Iterator<Item = &'c Import> {
    content.imports.iter().filter(move |it| tenant.is_none_or(|tenant| it.tenant_id == tenant))
}

fn is_in(enabled: Enabled, at_us: i64) -> bool {
    enabled.from_us.is_none_or(|from_us| from_us <= at_us) && enabled.to_us.is_none_or(|to_us| at_us < to_us)
}

/// What is said of a person; none where nothing is.
fn listings(content: &DirectoryContent, person: &str, tenant: Option<&str>) -> Option<Table> {
    let mut table = Table::new(&["tenant", "directory", "person", "ids", "enabled from", "enabled to"]);
    let mut found = None;
    for import in wanted(content, tenant) {
        for listing in import.listings.iter().filter(|it| it.person == person) {
            let id = |id: &ListedId| match &id.source {
                Some(source) => format!("{source}:{}", id.user_key),
                None => id.user_key.clone(),
            };
            table.row(vec![
                import.tenant_id.clone(),
                import.directory.clone(),
                listing.person.clone(),
                listing.ids.iter().map(id).collect::<Vec<_>>().join("; "),
                moment(listing.enabled.from_us),
                moment(listing.enabled.to_us),
            ]);
            found = Some(());
        }
    }
    found.map(|()| table)
}

async fn status(directory: &Directory, tenant: Option<&str>, config: &Config) -> anyhow::Result<()> {
    let counts = answer::ask_session(config, async |session| {
        query::identity_counts(session, tenant).await.map_err(answer::usage_or_failure)
    })?;
    let mut rules = Table::new(&["tenant", "ids of events by rule", "ids", "events"]);
    for count in counts {
        rules.row(vec![count.tenant_id, count.rule, count.ids.to_string(), count.events.to_string()]);
    }
    let content = directory.content().await?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}\n{rules}", directories(&content, tenant))?;
    Ok(out.flush()?)
}

async fn history(directory: &Directory) -> anyhow::Result<Table> {
    let mut table = Table::new(&["version", "at", "what", "by"]);
    for version in directory.history().await? {
        table.row(vec![
            version.version.to_string(),
            moment(Some(version.committed_at_ms.saturating_mul(1_000))),
            version.act.unwrap_or("created".to_owned()),
            version.actor.unwrap_or(NONE.to_owned()),
        ]);
    }
    Ok(table)
}

/// A moment as text.
pub(super) fn moment(at_us: Option<i64>) -> String {
    let at = at_us.and_then(DateTime::from_timestamp_micros);
    at.map_or(NONE.to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// A closed standard error must not turn what was done into a failure.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn print(table: &Table) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    Ok(out.flush()?)
}
