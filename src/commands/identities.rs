//! `gatebook identities`: cuts wrong links between ids and persons, and takes a cut back.

use std::io::{self, Write as _};

use anyhow::bail;
use chrono::Utc;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use lake::{ChangeError, Cut, Directory};
use schemas::Source;

use super::actor::ActorArgs;
use super::answer;
use super::directory::moment;
use crate::config::Config;
use crate::exit::Usage;
use crate::table::{NONE, Table};

const EXAMPLES: &str = "\
Examples:
  gatebook identities cut --tenant acme --source duo --id ada --why 'a shared mailbox'
      the id stands for itself: no address and no directory links it
  gatebook identities cut --tenant acme --source duo --id ada --from-person ada@acme.example --why 'another Ada'
      only what makes it this person's is cut; it can be another one's
  gatebook identities list                         the cuts that hold, with their numbers
  gatebook identities undo 3 --why 'it is her'     takes cut 3 back";

/// Arguments of `gatebook identities`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say that an id is not a person's, or nobody's but its own
    #[command(before_help = EXAMPLES)]
    Cut(CutArgs),
    /// Take a cut back
    #[command(before_help = EXAMPLES)]
    Undo {
        /// The number of the cut
        number: i64,

        /// Why, for whoever reads it later
        #[arg(long, value_name = "TEXT")]
        why: String,

        #[command(flatten)]
        actor: ActorArgs,
    },
    /// List the cuts that hold
    #[command(before_help = EXAMPLES)]
    List {
        /// Those that were undone too
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, clap::Args)]
struct CutArgs {
    /// Whose events give the id
    #[arg(long)]
    tenant: String,

    /// The source that uses it
    #[arg(long, value_parser = source_parser())]
    source: Source,

    /// The id, as an event or the table identities has it
    #[arg(long)]
    id: String,

    /// Whose it is not, by the name in the table identities; without it, it is nobody's but its own
    #[arg(long, value_name = "PERSON")]
    from_person: Option<String>,

    /// Why, for whoever reads it later
    #[arg(long, value_name = "TEXT")]
    why: String,

    #[command(flatten)]
    actor: ActorArgs,
}

/// Runs `gatebook identities`.
pub(crate) async fn run(args: Args, config: Config) -> anyhow::Result<()> {
    let mut directory = Directory::open(&config.lake.location).await?;
    match args.action {
        Action::Cut(args) => cut(args, &mut directory, &config).await,
        Action::Undo { number, why, actor } => {
            let (why, actor) = (reason(&why)?, actor.name()?);
            match directory.undo(number, &why, &actor, Utc::now().timestamp_micros()).await {
                Err(error @ ChangeError::NoCut(_)) => bail!(Usage(error.to_string())),
                other => other?,
            };
            say(&format!("cut {number} is undone"));
            Ok(())
        }
        Action::List { all } => list(&directory, all).await,
    }
}

async fn cut(args: CutArgs, directory: &mut Directory, config: &Config) -> anyhow::Result<()> {
    let (why, actor) = (reason(&args.why)?, args.actor.name()?);
    let source = args.source.as_str();
    // As it stands in events: that is as it is given, or in canonical form.
    let forms = [args.id.clone(), config.maps.user_key(&args.id).into_owned()];
    let seen = answer::ask_session(config, async |session| {
        for form in forms {
            let is_seen = query::is_seen(session, &args.tenant, source, &form).await;
            if is_seen.map_err(answer::usage_or_failure)? {
                return Ok(Some(form));
            }
        }
        Ok(None)
    })?;
    let advice = "check --tenant, --source and --id against the table identities: no event has this id";
    let user_key = seen.ok_or_else(|| Usage(advice.to_owned()))?;
    let cut = Cut {
        number: 0,
        user_key,
        from_person: args.from_person.map(|person| config.maps.user_key(&person).into_owned()),
        tenant_id: args.tenant,
        source: source.to_owned(),
        actor,
        cut_at_us: Utc::now().timestamp_micros(),
        why,
        undone: None,
    };
    let number = directory.cut(&cut).await?;
    say(&format!("cut {number}; gatebook identities undo {number} --why … takes it back"));
    Ok(())
}

/// A reason that says something.
fn reason(why: &str) -> Result<String, Usage> {
    let why = why.trim();
    if why.is_empty() {
        return Err(Usage("say --why: whoever reads it later must know".to_owned()));
    }
    Ok(why.to_owned())
}

async fn list(directory: &Directory, all: bool) -> anyhow::Result<()> {
    let mut names = vec!["cut", "tenant", "source", "id", "from person", "at", "by", "why"];
    if all {
        names.extend(["undone", "undone by", "undone why"]);
    }
    let mut table = Table::new(&names);
    let content = directory.content().await?;
    for cut in content.cuts.iter().filter(|cut| all || cut.undone.is_none()) {
        let mut row = vec![
            cut.number.to_string(),
            cut.tenant_id.clone(),
            cut.source.clone(),
            cut.user_key.clone(),
            cut.from_person.clone().unwrap_or(NONE.to_owned()),
            moment(Some(cut.cut_at_us)),
            cut.actor.clone(),
            cut.why.clone(),
        ];
        match &cut.undone {
            Some(undone) if all => {
                row.extend([moment(Some(undone.undone_at_us)), undone.actor.clone(), undone.why.clone()]);
            }
            None if all => row.extend([NONE; 3].map(str::to_owned)),
            _ => {}
        }
        table.row(row);
    }
    let mut out = io::stdout().lock();
    write!(out, "{table}")?;
    Ok(out.flush()?)
}

fn source_parser() -> impl TypedValueParser<Value = Source> {
    let names = PossibleValuesParser::new(Source::ALL.iter().map(|source| source.as_str()));
    names.try_map(|name| Source::parse(&name).ok_or("no such source"))
}

/// A closed standard error must not turn what was done into a failure.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
