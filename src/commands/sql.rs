//! `gatebook sql`: one read-only question over the book.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use futures::{StreamExt as _, stream};
use query::output::Format;
use query::{Answer, SqlLimits};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::json;

use super::answer;
use crate::config::Config;
use crate::config::ConfigError;
use crate::exit::Usage;
use crate::service::sql_pool;

const EXAMPLES: &str = "\
Examples:
  gatebook sql 'SELECT result, count(*) FROM events GROUP BY result'
  gatebook sql 'DESCRIBE events'                       the columns of a table
  gatebook sql --format csv - < question.sql > answer.csv
  gatebook sql --server https://gatebook.example 'SELECT count(*) FROM events'

Tables: events, changes, rejections, superseded, segments, removals";

/// The variable that holds an access token.
const TOKEN_VARIABLE: &str = "GATEBOOK_TOKEN";

/// How long a server may take to accept a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// Bytes of a text that is read from standard input; a server may allow less.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// Arguments of `gatebook sql`.
#[derive(Debug, clap::Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Args {
    /// One statement; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    sql: String,

    /// Ask this server instead of the lake of the configuration; the environment variable GATEBOOK_TOKEN holds the
    /// access token, where it needs one
    #[arg(long, value_name = "URL")]
    server: Option<Url>,

    /// Take the access token from this file
    #[arg(long, value_name = "FILE", requires = "server")]
    token_file: Option<PathBuf>,

    #[command(flatten)]
    output: answer::OutputArgs,
}

/// Runs `gatebook sql`.
pub(crate) async fn run(
    args: Args,
    config: impl FnOnce() -> Result<Config, ConfigError>,
) -> anyhow::Result<()> {
    answer::check_terminal(&args.output)?;
    let sql = match args.sql.as_str() {
        "-" => {
            let mut text = String::new();
            // One byte more than any server allows, so that what is too long is refused and not cut.
            io::stdin().lock().take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
            text
        }
        _ => args.sql,
    };
    let answer = match &args.server {
        Some(server) => ask_server(server, args.token_file.as_deref(), sql).await?,
        None => {
            let mut config = config()?;
            // What is missing is said by this process, with what to do.
            lake::Book::open(&config.lake.location).await?;
            config.sql = SqlLimits { workers: 1, ..config.sql };
            sql_pool(&config)?.ask("", sql).await.map_err(answer::usage_or_failure)?
        }
    };
    answer::write_down(answer, &args.output).await
}

/// Runs the process that answers for another.
pub(crate) fn work() -> anyhow::Result<()> {
    tokio::task::block_in_place(|| query::run_on_large_stack(query::work))
        .context("free some memory: the system gives no thread for the query")??;
    Ok(())
}

/// Asks a server over HTTP.
async fn ask_server(server: &Url, token_file: Option<&Path>, sql: String) -> anyhow::Result<Answer> {
    let token = match token_file {
        Some(path) => {
            let text = fs::read_to_string(path).with_context(|| {
                Usage(format!("choose another --token-file: {} cannot be read", path.display()))
            })?;
            Some(text.trim().to_owned())
        }
        None => std::env::var(TOKEN_VARIABLE).ok().map(|token| token.trim().to_owned()),
    };
    let is_local = matches!(server.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    if server.password().is_some() {
        anyhow::bail!(Usage(format!("give the token in {TOKEN_VARIABLE}: an address is seen by others")));
    }
    if token.is_some() && server.scheme() == "http" && !is_local {
        anyhow::bail!(Usage("give an https address: a token would be sent in clear".to_owned()));
    }
    let mut address = server.clone();
    address.set_path(&format!("{}/api/v1/sql", server.path().trim_end_matches('/')));
    // Neither the token nor the question goes anywhere else.
    let mut builder = Client::builder().redirect(Policy::none()).connect_timeout(CONNECT_MAX);
    if is_local {
        builder = builder.no_proxy();
    }
    let client = builder.build().context("give the system's certificates a look: none can be used")?;
    let mut request = client
        .post(address)
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, Format::Arrow.media_type())
        .body(json!({"sql": sql}).to_string());
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request
        .send()
        .await
        .with_context(|| format!("check --server and that it runs: {server} cannot be asked"))?;
    if response.status() != StatusCode::OK {
        return Err(refusal(response).await);
    }
    let pieces = stream::try_unfold(response, |mut response| async {
        let piece = response.chunk().await.map_err(|error| io::Error::other(error.to_string()))?;
        Ok(piece.map(|piece| (piece.to_vec(), response)))
    });
    query::read_answer(sql, pieces.boxed()).await.map_err(answer::usage_or_failure)
}

/// What a server says is wrong.
async fn refusal(response: Response) -> anyhow::Error {
    #[derive(Deserialize)]
    struct Problem {
        detail: String,
    }
    let status = response.status();
    let body = response.bytes().await.unwrap_or_default();
    match serde_json::from_slice::<Problem>(&body) {
        Ok(Problem { detail }) if status == StatusCode::BAD_REQUEST => anyhow::anyhow!(Usage(detail)),
        Ok(Problem { detail }) => anyhow::anyhow!(detail),
        Err(_) => anyhow::anyhow!("check --server: what answers there is no Gatebook ({status})"),
    }
}
