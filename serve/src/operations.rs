//! What can be asked: one table, from which the router, the access and the OpenAPI document are made.

mod columns;
mod parameters;
mod report;

use std::borrow::Cow;
use std::sync::LazyLock;

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use futures::future::BoxFuture;
use query::report::{Column, REPORTS, Report};
use query::{ReasonsParameters, RejectionsParameters};
use serde::Deserialize;
use serde_json::Value;

use self::columns::{REASONS, REJECTIONS, REPORTS_LISTED, SQL_FUNCTIONS, SQL_LIMITS, SQL_TABLES, STATUS};
pub(crate) use self::parameters::Parameter;
use self::parameters::{
    no_parameters, nothing, reasons_parameters, rejections_parameters, report_body, report_parameters,
    sql_body,
};
use crate::access::Scope;
use crate::door::{Request, State};
use crate::problem::Problem;
use crate::snapshots::SnapshotError;
use crate::stream::{Question, ask, respond, respond_from_book};
use crate::{metrics, openapi, page};

/// Something that can be asked.
pub(crate) struct Operation {
    /// Its name in the OpenAPI document, in metrics and in the names of files.
    pub(crate) name: &'static str,
    pub(crate) path: Cow<'static, str>,
    /// One line.
    pub(crate) summary: &'static str,
    /// What else there is to know.
    pub(crate) description: &'static str,
    pub(crate) access: Access,
    pub(crate) takes: Takes,
    /// What it takes in the query string.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) gives: Gives,
    call: Call,
}

/// What answers it.
enum Call {
    Own(OwnCall),
    Report(&'static Report),
}

type OwnCall = for<'r> fn(&'r State, Request<'r>) -> BoxFuture<'r, Result<Response, Problem>>;

impl Operation {
    /// Answers a request for it.
    pub(crate) async fn answer(&self, state: &State, request: Request<'_>) -> Result<Response, Problem> {
        match self.call {
            Call::Own(call) => call(state, request).await,
            Call::Report(report) => report::answer(state, request, report).await,
        }
    }

    /// The report that it is, if it is one.
    pub(crate) fn report(&self) -> Option<&'static Report> {
        match self.call {
            Call::Own(_) => None,
            Call::Report(report) => Some(report),
        }
    }

    fn of_report(report: &'static Report) -> Self {
        let needs_body =
            report.parameters().any(|parameter| parameter.is_personal() && parameter.is_required);
        let body = report_body(report);
        Self {
            name: report.name,
            path: format!("/api/v1/reports/{}", report.name).into(),
            summary: report.asks,
            description: report.definition,
            access: Access::Scope(if report.names_people() { Scope::People } else { Scope::Reports }),
            takes: if needs_body { Takes::Json(body) } else { Takes::Either(body) },
            parameters: if needs_body { no_parameters() } else { report_parameters(report) },
            gives: Gives::Rows(report.columns),
            call: Call::Report(report),
        }
    }
}

/// Who may ask, where there are tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Anyone,
    AnyToken,
    Scope(Scope),
}

/// How it is asked.
#[derive(Debug)]
pub(crate) enum Takes {
    /// With GET, without a body.
    Nothing,
    /// With POST and a JSON body of this schema.
    Json(Value),
    /// Either.
    Either(Value),
}

/// What comes back.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Gives {
    /// Rows, in every format.
    Rows(&'static [Column]),
    /// Text of this media type.
    Text(&'static str),
    /// A part of the page, which is not documented.
    PagePart,
}

/// Every operation.
pub(crate) static OPERATIONS: LazyLock<Vec<Operation>> =
    LazyLock::new(|| REPORTS.iter().copied().map(Operation::of_report).chain(own()).collect());

/// Those that are no reports.
fn own() -> Vec<Operation> {
    vec![
        Operation {
            name: "reports",
            path: Cow::Borrowed("/api/v1/reports"),
            summary: "The reports: what each asks, its definition in words, and what it takes",
            description: "",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: no_parameters(),
            gives: Gives::Rows(REPORTS_LISTED),
            call: Call::Own(|state, request| Box::pin(reports(state, request))),
        },
        Operation {
            name: "status",
            path: Cow::Borrowed("/api/v1/status"),
            summary: "Where each partition stands: what the book holds, and what waits in Kafka",
            description: "Counts are sums over all segments, whoever landed them. `lag` and `unread_expires_in_ms` are null \
                      where this process cannot ask Kafka.",
            access: Access::Scope(Scope::Operate),
            takes: Takes::Nothing,
            parameters: no_parameters(),
            gives: Gives::Rows(STATUS),
            call: Call::Own(|state, request| Box::pin(status(state, request))),
        },
        Operation {
            name: "rejections",
            path: Cow::Borrowed("/api/v1/rejections"),
            summary: "What could not be read, the newest first, without its bytes",
            description: "`gatebook rejections show PLACE` shows one with its bytes, and `replay` produces it again.",
            access: Access::Scope(Scope::Operate),
            takes: Takes::Nothing,
            parameters: rejections_parameters(),
            gives: Gives::Rows(REJECTIONS),
            call: Call::Own(|state, request| Box::pin(rejections(state, request))),
        },
        Operation {
            name: "reasons",
            path: Cow::Borrowed("/api/v1/reasons"),
            summary: "What a code or text of any vendor means, and every reason of a denial",
            description: "Without `code`, Gatebook's own reasons, which may be added to and are never changed. With it, what \
                      the code means: several rows where several products use it, the most literal spelling first.",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: reasons_parameters(),
            gives: Gives::Rows(REASONS),
            call: Call::Own(|state, request| Box::pin(reasons(state, request))),
        },
        Operation {
            name: "sql",
            path: Cow::Borrowed("/api/v1/sql"),
            summary: "Any read-only question in SQL",
            description: "One SELECT or DESCRIBE over the tables of `/api/v1/sql/tables`, with the functions of \
                      `/api/v1/sql/functions` and within `/api/v1/sql/limits`; times without an offset are UTC. Each \
                      question is worked on in a process of its own, which is stopped when the connection is closed. \
                      `events` shows copies too, with the flag `duplicate`. JSON rows are objects by column name: give \
                      each column a name of its own.",
            access: Access::Scope(Scope::Sql),
            takes: Takes::Json(sql_body()),
            parameters: no_parameters(),
            gives: Gives::Rows(&[]),
            call: Call::Own(|state, request| Box::pin(sql(state, request))),
        },
        Operation {
            name: "sql-limits",
            path: Cow::Borrowed("/api/v1/sql/limits"),
            summary: "What a question in SQL may use, and how to ask for less",
            description: "",
            access: Access::Scope(Scope::Sql),
            takes: Takes::Nothing,
            parameters: no_parameters(),
            gives: Gives::Rows(SQL_LIMITS),
            call: Call::Own(|state, request| Box::pin(sql_limits(state, request))),
        },
        Operation {
            name: "sql-tables",
            path: Cow::Borrowed("/api/v1/sql/tables"),
            summary: "The tables that SQL sees, with each column's type and meaning",
            description: "",
            access: Access::Scope(Scope::Sql),
            takes: Takes::Nothing,
            parameters: no_parameters(),
            gives: Gives::Rows(SQL_TABLES),
            call: Call::Own(|state, request| Box::pin(sql_tables(state, request))),
        },
        Operation {
            name: "sql-functions",
            path: Cow::Borrowed("/api/v1/sql/functions"),
            summary: "The functions that SQL may call",
            description: "Operators, CASE, CAST, EXTRACT and their like are always there.",
            access: Access::Scope(Scope::Sql),
            takes: Takes::Nothing,
            parameters: no_parameters(),
            gives: Gives::Rows(SQL_FUNCTIONS),
            call: Call::Own(|state, request| Box::pin(sql_functions(state, request))),
        },
        Operation {
            name: "openapi",
            path: Cow::Borrowed("/api/v1/openapi.json"),
            summary: "This document",
            description: "OpenAPI 3.1.",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::Text("application/json"),
            call: Call::Own(|_, _| Box::pin(async { Ok(text("application/json", openapi::text())) })),
        },
        Operation {
            name: "page",
            path: Cow::Borrowed("/"),
            summary: "A page to read about this API and to try it",
            description: "It loads nothing from elsewhere.",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::Text("text/html; charset=utf-8"),
            call: Call::Own(|_, _| Box::pin(async { Ok(page::response(page::HTML)) })),
        },
        Operation {
            name: "page-script",
            path: Cow::Borrowed("/page.js"),
            summary: "The page's script",
            description: "",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::PagePart,
            call: Call::Own(|_, _| Box::pin(async { Ok(page::response(page::SCRIPT)) })),
        },
        Operation {
            name: "page-style",
            path: Cow::Borrowed("/page.css"),
            summary: "The page's style",
            description: "",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::PagePart,
            call: Call::Own(|_, _| Box::pin(async { Ok(page::response(page::STYLE)) })),
        },
        Operation {
            name: "livez",
            path: Cow::Borrowed("/health/livez"),
            summary: "Whether the process answers at all",
            description: "Needs no token.",
            access: Access::Anyone,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::Text("text/plain; charset=utf-8"),
            call: Call::Own(|_, _| Box::pin(async { Ok(text("text/plain; charset=utf-8", "alive\n")) })),
        },
        Operation {
            name: "readyz",
            path: Cow::Borrowed("/health/readyz"),
            summary: "Whether questions can be answered, and all that this process should do is done",
            description: "503 with a problem document says what does not work.",
            access: Access::AnyToken,
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::Text("text/plain; charset=utf-8"),
            call: Call::Own(|state, _| Box::pin(readyz(state))),
        },
        Operation {
            name: "metrics",
            path: Cow::Borrowed("/metrics"),
            summary: "Counters and gauges for a monitor",
            description: "OpenMetrics 1.0. Counts of the book come from its segments, so that every process shows the same.",
            access: Access::Scope(Scope::Operate),
            takes: Takes::Nothing,
            parameters: nothing(),
            gives: Gives::Text(metrics::MEDIA_TYPE),
            call: Call::Own(|state, _| Box::pin(measures(state))),
        },
    ]
}

async fn reports(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let ask = ask(|session| Box::pin(query::report::reports(session)));
    respond_from_book(state, "reports", request.format()?, ask).await
}

async fn rejections(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    let parameters = RejectionsParameters::parse(request.pairs())?;
    let ask = ask(move |session| Box::pin(async move { query::rejections(session, &parameters).await }));
    respond_from_book(state, "rejections", request.format()?, ask).await
}

async fn status(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let waiting = state.live.waiting();
    let ask = ask(move |session| {
        Box::pin(async move {
            let totals = &session.totals().await?.by_partition;
            query::status(session, totals, &waiting).await
        })
    });
    respond_from_book(state, "status", request.format()?, ask).await
}

async fn reasons(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    let parameters = ReasonsParameters::parse(request.pairs())?;
    let ask = ask(move |session| Box::pin(async move { query::reasons(session, &parameters).await }));
    respond_from_book(state, "reasons", request.format()?, ask).await
}

/// The body of a question in SQL.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SqlBody {
    sql: String,
}

async fn sql(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let wrong =
        |found: &str| Problem::bad_body(format!("send an object such as {}: {found}", sql_body()["example"]));
    let body = request.body().unwrap_or_default();
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(wrong("it is none"));
    }
    let SqlBody { sql } = serde_json::from_slice(body).map_err(|error| wrong(&error.to_string()))?;
    let (pool, asker) = (state.sql.clone(), request.asker().to_owned());
    let limits = state.sql.limits();
    // Its own limits are tighter, and say more.
    let within = limits.wait + limits.deadline + state.limits.answer_timeout;
    let answer = Box::pin(async move { Ok(pool.ask(&asker, sql).await?) });
    // The pool's queue stands in place of `http.questions_max`: free SQL takes no report's place.
    let question = Question { answer, within, permit: None };
    respond(state, "sql", request.format()?, question).await
}

async fn sql_limits(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let limits = *state.sql.limits();
    let ask = ask(move |session| Box::pin(async move { query::sql_limits(session, &limits).await }));
    respond_from_book(state, "sql-limits", request.format()?, ask).await
}

async fn sql_tables(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let ask = ask(|session| Box::pin(query::sql_tables(session)));
    respond_from_book(state, "sql-tables", request.format()?, ask).await
}

async fn sql_functions(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let ask = ask(|session| Box::pin(query::sql_functions(session)));
    respond_from_book(state, "sql-functions", request.format()?, ask).await
}

async fn readyz(state: &State) -> Result<Response, Problem> {
    state.snapshots.latest().await?;
    match state.live.trouble() {
        None => Ok(text("text/plain; charset=utf-8", "ready\n")),
        Some(trouble) => Err(Problem::not_ready(trouble)),
    }
}

async fn measures(state: &State) -> Result<Response, Problem> {
    let session = state.snapshots.latest().await?;
    let totals = &session.totals().await.map_err(SnapshotError::from)?.by_partition;
    let waiting = state.live.waiting();
    let measured = state.metrics.text(&session, totals, &waiting).map_err(|_| Problem::internal())?;
    Ok(text(metrics::MEDIA_TYPE, measured))
}

fn text(media_type: &'static str, text: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
