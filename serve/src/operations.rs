//! What can be asked: one table, from which the router, the access and the OpenAPI document are made.

use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use chrono::Utc;
use futures::future::BoxFuture;
use query::RejectionsParameters;
use query::report::{Group, Report, ReportParameters};
use schemas::Reason;
use schemas::vocabulary::{Assurance, AuthResult, DenialGroup, DenialReason, Method, Stage};
use serde_json::{Value, json};

use crate::access::Scope;
use crate::door::{Request, State};
use crate::problem::Problem;
use crate::query_string::mend_offset;
use crate::stream::{ask, respond};
use crate::{metrics, openapi, page};

/// Something that can be asked with GET.
pub(crate) struct Operation {
    /// Its name in the OpenAPI document, in metrics and in the names of files.
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// One line.
    pub(crate) summary: &'static str,
    /// What else there is to know.
    pub(crate) description: &'static str,
    pub(crate) access: Access,
    pub(crate) parameters: fn() -> Vec<Parameter>,
    pub(crate) gives: Gives,
    pub(crate) call: for<'r> fn(&'r State, Request<'r>) -> BoxFuture<'r, Result<Response, Problem>>,
}

/// Who may ask, where there are tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Anyone,
    AnyToken,
    Scope(Scope),
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

/// A column of rows: name, JSON type, meaning. A group's column is there when it is asked for.
pub(crate) type Column = (&'static str, &'static str, &'static str);

/// A parameter of the query string.
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) schema: Value,
    pub(crate) example: Value,
    pub(crate) is_repeatable: bool,
}

/// Every operation.
pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "usage",
        path: "/api/v1/reports/usage",
        summary: "How many events there were, and how they ended, by time and by what was used",
        description: "Only groups with events have a row; without groups there is one. Events that were flagged as \
                      duplicates are left out unless asked for.",
        access: Access::Scope(Scope::Reports),
        parameters: report_parameters,
        gives: Gives::Rows(USAGE),
        call: |state, request| Box::pin(report(state, request, Report::Usage)),
    },
    Operation {
        name: "denials",
        path: "/api/v1/reports/denials",
        summary: "What was denied and why, how many of those who were challenged came in, and how that was before",
        description: "Events that judge the first factor alone are left out unless `stage` asks for them. Reasons, as \
                      groups or as filters, choose among the denied events: `challenged` and `rate` then are those of the \
                      other groups and filters. `…_before` is the same part of the calendar period before: of the row's \
                      shortest time group, else of the range's own length in local months, days or hours. Events whose \
                      assurance is unknown count as challenged; the coverage says how many (`assurance_unknown`).",
        access: Access::Scope(Scope::Reports),
        parameters: report_parameters,
        gives: Gives::Rows(DENIALS),
        call: |state, request| Box::pin(report(state, request, Report::Denials)),
    },
    Operation {
        name: "status",
        path: "/api/v1/status",
        summary: "Where each partition stands: what the book holds, and what waits in Kafka",
        description: "Counts are sums over all segments, whoever landed them. `lag` and `unread_expires_in_ms` are null \
                      where this process cannot ask Kafka.",
        access: Access::Scope(Scope::Operate),
        parameters: no_parameters,
        gives: Gives::Rows(STATUS),
        call: |state, request| Box::pin(status(state, request)),
    },
    Operation {
        name: "rejections",
        path: "/api/v1/rejections",
        summary: "What could not be read, the newest first, without its bytes",
        description: "`gatebook rejections show PLACE` shows one with its bytes, and `replay` produces it again.",
        access: Access::Scope(Scope::Operate),
        parameters: rejections_parameters,
        gives: Gives::Rows(REJECTIONS),
        call: |state, request| Box::pin(rejections(state, request)),
    },
    Operation {
        name: "reasons",
        path: "/api/v1/reasons",
        summary: "Every reason of a denial, with its group and what it means",
        description: "Reasons may be added, and are never changed.",
        access: Access::AnyToken,
        parameters: no_parameters,
        gives: Gives::Rows(REASONS),
        call: |state, request| Box::pin(reasons(state, request)),
    },
    Operation {
        name: "openapi",
        path: "/api/v1/openapi.json",
        summary: "This document",
        description: "OpenAPI 3.1.",
        access: Access::AnyToken,
        parameters: nothing,
        gives: Gives::Text("application/json"),
        call: |_, _| Box::pin(async { Ok(text("application/json", openapi::text())) }),
    },
    Operation {
        name: "page",
        path: "/",
        summary: "A page to read about this API and to try it",
        description: "It loads nothing from elsewhere.",
        access: Access::AnyToken,
        parameters: nothing,
        gives: Gives::Text("text/html; charset=utf-8"),
        call: |_, _| Box::pin(async { Ok(page::response(page::HTML)) }),
    },
    Operation {
        name: "page-script",
        path: "/page.js",
        summary: "The page's script",
        description: "",
        access: Access::AnyToken,
        parameters: nothing,
        gives: Gives::PagePart,
        call: |_, _| Box::pin(async { Ok(page::response(page::SCRIPT)) }),
    },
    Operation {
        name: "page-style",
        path: "/page.css",
        summary: "The page's style",
        description: "",
        access: Access::AnyToken,
        parameters: nothing,
        gives: Gives::PagePart,
        call: |_, _| Box::pin(async { Ok(page::response(page::STYLE)) }),
    },
    Operation {
        name: "livez",
        path: "/health/livez",
        summary: "Whether the process answers at all",
        description: "Needs no token.",
        access: Access::Anyone,
        parameters: nothing,
        gives: Gives::Text("text/plain; charset=utf-8"),
        call: |_, _| Box::pin(async { Ok(text("text/plain; charset=utf-8", "alive\n")) }),
    },
    Operation {
        name: "readyz",
        path: "/health/readyz",
        summary: "Whether questions can be answered, and all that this process should do is done",
        description: "503 with a problem document says what does not work.",
        access: Access::AnyToken,
        parameters: nothing,
        gives: Gives::Text("text/plain; charset=utf-8"),
        call: |state, _| Box::pin(readyz(state)),
    },
    Operation {
        name: "metrics",
        path: "/metrics",
        summary: "Counters and gauges for a monitor",
        description: "OpenMetrics 1.0. Counts of the book come from its segments, so that every process shows the same.",
        access: Access::Scope(Scope::Operate),
        parameters: nothing,
        gives: Gives::Text(metrics::MEDIA_TYPE),
        call: |state, _| Box::pin(measures(state)),
    },
];

const COUNT: &str = "integer";
const TEXT: &str = "string";
const NUMBER: &str = "number";

const USAGE: &[Column] = &[
    ("start", TEXT, "with a time group: its first moment, with the zone's offset"),
    ("end", TEXT, "with a time group: the moment after its last"),
    ("events", COUNT, "events in all"),
    ("succeeded", COUNT, "of them, those that were let in"),
    ("denied", COUNT, "of them, those that were not"),
    ("pending", COUNT, "of them, those whose code was sent and is checked by another event"),
];

const DENIALS: &[Column] = &[
    ("start", TEXT, "with a time group: its first moment, with the zone's offset"),
    ("end", TEXT, "with a time group: the moment after its last"),
    ("denied", COUNT, "events whose result is denied"),
    ("denied_per_hour", NUMBER, "the same by the hours of the row's time"),
    ("challenged", COUNT, "decided events for which a second factor was used now, or that do not say"),
    (
        "rate",
        NUMBER,
        "those of the challenged that succeeded, by all of them, from 0 to 1; null where there are none",
    ),
    ("denied_before", COUNT, "as `denied`, of the period before"),
    ("denied_per_hour_before", NUMBER, "as `denied_per_hour`, of the period before"),
    ("rate_before", NUMBER, "as `rate`, of the period before"),
];

const STATUS: &[Column] = &[
    ("topic", TEXT, "the topic's name"),
    ("topic_id", TEXT, "the topic's UUID as Kafka writes it"),
    ("partition", COUNT, "the partition's number"),
    ("next_offset", COUNT, "the offset after the last that the book took in"),
    ("records", COUNT, "records read"),
    ("elements", COUNT, "elements read: events, changes, rejections and skipped ones"),
    ("events", COUNT, "elements that became events"),
    ("duplicates", COUNT, "events that were flagged as duplicates"),
    ("conflicting_ids", COUNT, "events whose id was seen with other content"),
    ("changes", COUNT, "elements that became changes"),
    ("rejections", COUNT, "elements that could not be read"),
    ("skipped", COUNT, "elements that are neither, counted by kind"),
    ("unknown_values", COUNT, "values that no vocabulary knew"),
    ("unknown_keys", COUNT, "keys that the contract does not have"),
    ("newest_record_at", TEXT, "Kafka's newest timestamp"),
    ("last_commit_at", TEXT, "when its last segment was committed"),
    ("lag", COUNT, "offsets that wait in Kafka"),
    ("unread_expires_in_ms", COUNT, "milliseconds until the oldest of them may expire"),
];

const REJECTIONS: &[Column] = &[
    ("place", TEXT, "TOPIC:PARTITION:OFFSET:ELEMENT"),
    ("received_at", TEXT, "Kafka's timestamp"),
    ("reason", TEXT, "why, as a stable code"),
    ("field", TEXT, "the key at fault, where one was"),
    ("detail", TEXT, "what was expected or found"),
    ("redacted", "boolean", "whether switched-off fields were left out of its bytes"),
];

const REASONS: &[Column] = &[
    ("reason", TEXT, "the reason"),
    ("reason_group", TEXT, "the group under which reports show it"),
    ("meaning", TEXT, "what it means"),
];

async fn report(state: &State, request: Request<'_>, report: Report) -> Result<Response, Problem> {
    let given: Vec<_> =
        request.given.iter().map(|(name, value)| (&**name, mend_offset(name, value))).collect();
    let given = given.iter().map(|(name, value)| (*name, &**value));
    let parameters = ReportParameters::parse(given, Utc::now())?;
    let ask =
        ask(move |snapshot| Box::pin(async move { report.answer(&snapshot.session, &parameters).await }));
    respond(state, report.as_str(), request.format()?, ask).await
}

async fn rejections(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    let given: Vec<_> =
        request.given.iter().map(|(name, value)| (&**name, mend_offset(name, value))).collect();
    let given = given.iter().map(|(name, value)| (*name, &**value));
    let parameters = RejectionsParameters::parse(given)?;
    let ask =
        ask(move |snapshot| Box::pin(async move { query::rejections(&snapshot.session, &parameters).await }));
    respond(state, "rejections", request.format()?, ask).await
}

async fn status(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let waiting = state.live.waiting();
    let ask = ask(move |snapshot| {
        Box::pin(async move {
            let totals = snapshot.totals().await?;
            query::status(&snapshot.session, totals, &waiting).await
        })
    });
    respond(state, "status", request.format()?, ask).await
}

async fn reasons(state: &State, request: Request<'_>) -> Result<Response, Problem> {
    request.takes_no_parameters()?;
    let ask = ask(|snapshot| Box::pin(query::reasons(&snapshot.session)));
    respond(state, "reasons", request.format()?, ask).await
}

async fn readyz(state: &State) -> Result<Response, Problem> {
    state.snapshots.latest().await?;
    match state.live.trouble() {
        None => Ok(text("text/plain; charset=utf-8", "ready\n")),
        Some(trouble) => Err(Problem::not_ready(trouble)),
    }
}

async fn measures(state: &State) -> Result<Response, Problem> {
    let snapshot = state.snapshots.latest().await?;
    let totals = snapshot.totals().await.map_err(crate::snapshots::SnapshotError::from)?;
    let waiting = state.live.waiting();
    let measured = state.metrics.text(&snapshot, totals, &waiting).map_err(|_| Problem::internal())?;
    Ok(text(metrics::MEDIA_TYPE, measured))
}

fn text(media_type: &'static str, text: impl Into<axum::body::Body>) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn words<T: Copy>(all: &[T], as_str: fn(T) -> &'static str) -> Value {
    json!({"type": "string", "enum": all.iter().map(|word| as_str(*word)).collect::<Vec<_>>()})
}

fn format_parameter() -> Parameter {
    let formats = words(crate::format::FORMATS, query::output::Format::as_str);
    Parameter {
        name: "format",
        description: "How the rows are written; wins over the header Accept.",
        schema: formats,
        example: json!("csv"),
        is_repeatable: false,
    }
}

fn nothing() -> Vec<Parameter> {
    Vec::new()
}

fn no_parameters() -> Vec<Parameter> {
    vec![format_parameter()]
}

fn report_parameters() -> Vec<Parameter> {
    let one = |name, description, schema, example| Parameter {
        name,
        description,
        schema,
        example,
        is_repeatable: false,
    };
    let many = |name, description, schema, example| Parameter {
        name,
        description,
        schema,
        example,
        is_repeatable: true,
    };
    let text = || json!({"type": "string", "minLength": 1});
    let groups: Vec<&str> = Group::ALL.iter().map(|group| group.as_str()).collect();
    let groups = groups.join("|");
    let by = json!({"type": "string", "pattern": format!("^(({groups})(,({groups}))*)?$")});
    vec![
        one(
            "from",
            "From when: RFC 3339, or a local date or date-time in `tz`. Default: 24 hours before `to`.",
            text(),
            json!("2026-10-01"),
        ),
        one("to", "Until when, itself not included. Default: now.", text(), json!("2026-11-01")),
        one(
            "tz",
            "The IANA time zone of local days and hours. Default: UTC.",
            text(),
            json!("Europe/Berlin"),
        ),
        one(
            "by",
            "Groups, comma-separated, each once: the columns before the counts.",
            by,
            json!("day,method"),
        ),
        one(
            "duplicates",
            "`include` counts events that were flagged as duplicates too.",
            json!({"type": "string", "enum": ["include"]}),
            json!("include"),
        ),
        many("tenant", "Only events of this tenant.", text(), json!("acme")),
        many(
            "method",
            "Only events by this method.",
            words(Method::ALL, Method::as_str),
            json!("voice-call"),
        ),
        many(
            "result",
            "Only events that ended so.",
            words(AuthResult::ALL, AuthResult::as_str),
            json!("denied"),
        ),
        many(
            "reason",
            "Only events denied for this reason.",
            words(DenialReason::ALL, DenialReason::as_str),
            json!("wrong-code"),
        ),
        many(
            "reason_group",
            "Only events denied for a reason of this group.",
            words(DenialGroup::ALL, DenialGroup::as_str),
            json!("delivery"),
        ),
        many("server", "Only events of this authentication server.", text(), json!("mfa-1")),
        many(
            "source",
            "Only events that this product logged.",
            words(schemas::Source::ALL, schemas::Source::as_str),
            json!("gatebook"),
        ),
        many(
            "assurance",
            "Only events that prove this.",
            words(Assurance::ALL, Assurance::as_str),
            json!("challenged"),
        ),
        many(
            "stage",
            "Only events that judge this.",
            words(Stage::ALL, Stage::as_str),
            json!("second-factor"),
        ),
        format_parameter(),
    ]
}

fn rejections_parameters() -> Vec<Parameter> {
    let one = |name, description, schema, example| Parameter {
        name,
        description,
        schema,
        example,
        is_repeatable: false,
    };
    let text = || json!({"type": "string", "minLength": 1});
    vec![
        one("reason", "Only those of this reason.", words(Reason::ALL, Reason::as_str), json!("bad-time")),
        one("from", "Only those that Kafka received from this moment on.", text(), json!("2026-10-01")),
        one("to", "Only those that Kafka received before this moment.", text(), json!("2026-11-01")),
        one(
            "limit",
            "So many at most. Default: all.",
            json!({"type": "integer", "minimum": 1, "maximum": u32::MAX}),
            json!(100),
        ),
        format_parameter(),
    ]
}
