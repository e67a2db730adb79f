//! The demo's topics, and a configuration for them that other commands can use.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ingest::{Feed, World};

use crate::config::{Config, Environment, File};

/// Partitions of each topic.
pub(super) const PARTITIONS: u16 = 4;

/// Where people look for a web page, if it is free.
const PORT: u16 = 8080;

/// A topic for each product.
pub(super) struct Topics(Vec<(Feed, String)>);

impl Topics {
    /// In a real Kafka, names that nobody has.
    pub(super) fn new(is_real: bool) -> Self {
        let prefix =
            if is_real { format!("gatebook-demo-{:08x}-", rand::random::<u32>()) } else { String::new() };
        let name = |feed: &Feed| (*feed, format!("{prefix}{}", topic(*feed)));
        Self(Feed::ALL.iter().map(name).collect())
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(_, name)| name.as_str()).collect()
    }

    pub(super) fn name(&self, feed: Feed) -> &str {
        self.0.iter().find(|(held, _)| *held == feed).map_or("", |(_, name)| name)
    }
}

const fn topic(feed: Feed) -> &'static str {
    match feed {
        Feed::Gatebook => "auth-events",
        Feed::Entra => "entra-logs",
        Feed::Duo => "duo-logs",
        Feed::MfaServer => "mfa-server-reports",
    }
}

/// A configuration for this broker and folder, and the file that holds it, for other commands to use.
pub(super) fn configure(
    folder: &Path,
    brokers: &str,
    topics: &Topics,
    any_port: bool,
) -> anyhow::Result<(Config, PathBuf)> {
    let is_free = !any_port && TcpListener::bind((Ipv4Addr::LOCALHOST, PORT)).is_ok();
    let mut text = format!("[kafka]\nbrokers = {brokers:?}\ngroup = \"gatebook-demo\"\n");
    for (feed, name) in &topics.0 {
        let tenant = feed.tenant().map(|tenant| format!("tenant = {tenant:?}\n")).unwrap_or_default();
        // Writing to a text never fails.
        let _ =
            write!(text, "\n[[topics]]\nname = {name:?}\nsource = \"{}\"\n{tenant}", feed.source().as_str());
    }
    let _ = write!(
        text,
        "\n[lake]\nlocation = {:?}\n\n[http]\nlisten = \"127.0.0.1:{}\"\n\n[ingest]\npipelines = 1\ncommit_interval_ms = 500\n\n\
         [maintain]\ninterval_s = 15\n\n[tenants]\n",
        folder.join("lake").display().to_string(),
        if is_free { PORT } else { 0 },
    );
    for (theirs, ours) in World::tenants() {
        let _ = writeln!(text, "{theirs:?} = {ours:?}");
    }
    text += "\n[domains]\n";
    for (short, domain) in World::domains() {
        let _ = writeln!(text, "{short} = {domain:?}");
    }
    let servers: Vec<&str> = World::servers().collect();
    let sources: Vec<&str> = Feed::ALL.iter().map(|feed| feed.source().as_str()).collect();
    let _ = write!(
        text,
        "\n[expected]\nservers = {:?}\nsources = {:?}\n",
        servers.join(", "),
        sources.join(", ")
    );
    let path = folder.join("gatebook.toml");
    fs::write(&path, &text).with_context(|| format!("make {} writable", folder.display()))?;
    let name = path.display().to_string();
    let config = Config::read(Some(File { name: &name, text: &text }), &Environment::new())?;
    Ok((config, path))
}
