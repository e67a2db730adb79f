//! Who works at the command line.

use crate::exit::Usage;

/// Where the name of who is logged in stands: before `sudo`, else now.
const VARIABLES: [&str; 3] = ["SUDO_USER", "USER", "LOGNAME"];

/// Who does what is to be written down.
#[derive(Debug, clap::Args)]
pub(super) struct ActorArgs {
    /// Who does this, to be written down; without it the user who is logged in
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

impl ActorArgs {
    /// The name: nothing is written down without one.
    pub(super) fn name(&self) -> Result<String, Usage> {
        let given = self.by.clone();
        let found = given.or_else(|| VARIABLES.iter().find_map(|name| std::env::var(name).ok()));
        let found = found.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        found.ok_or_else(|| {
            Usage("name yourself with --by NAME: the system does not say who is logged in".to_owned())
        })
    }
}
