//! Events as OCSF writes them: class Authentication (3002) of version 1.5, for other security tools.
//!
//! One table of expressions makes both the view `ocsf_authentication` and the export. What OCSF has no place for stands in
//! `unmapped` under Gatebook's own names, so that source `ocsf` reads an export back without a loss.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::ScalarValue;
use datafusion::datasource::provider_as_source;
use datafusion::error::{DataFusionError, Result};
use datafusion::functions::core::expr_fn::{named_struct, nullif};
use datafusion::functions::string::expr_fn::{concat_ws, lower};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, not, when};
use datafusion::prelude::{col, lit};
use futures::TryFutureExt as _;
use schemas::vocabulary::{Assurance, AuthResult, DenialReason, Method, Stage};

use crate::answer::Answer;
use crate::coverage::Question;
use crate::error::QueryError;
use crate::parameter::Parameter;
use crate::report::{FILTERS, RANGE, ReportParameters, in_range};
use crate::session::Session;

/// The view's name.
pub(crate) const VIEW: &str = "ocsf_authentication";

/// What a row of the view is.
pub(crate) const ABOUT: &str = "counted_events as OCSF 1.5 Authentication events (class 3002)";

/// The column with which files are skipped.
pub(crate) const PRUNES: &str = "time_dt";

/// The version of OCSF.
const OCSF_VERSION: &str = "1.5.0";

/// A column of the view: its name, what it means, and how it is made of an event.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    expression: Expr,
}

/// What [`export_ocsf`] takes.
pub fn export_parameters() -> impl Iterator<Item = &'static Parameter> + Clone {
    RANGE.iter().chain(FILTERS)
}

/// The export of the events that count, in the range and with the filters of a report. Rows
/// have no nulls written: what an event does not say is absent.
///
/// # Errors
///
/// The book cannot be read.
pub async fn export_ocsf(session: &Session, parameters: &ReportParameters) -> Result<Answer, QueryError> {
    let limits = session.limits();
    let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
    let events = session.counted_events().await?.filter(in_range(parameters.range)).map_err(failed)?;
    let events = parameters.filters.choose(events).map_err(failed)?;
    let rows = events.select(expressions()).map_err(failed)?;
    let rows = rows.execute_stream().map_err(failed).await?;
    let question = Question::Export { export: "ocsf", parameters: parameters.clone() };
    let coverage = session.coverage(parameters.tz.name(), Some(parameters.range), question).await?;
    Ok(Answer::new(coverage, rows, limits).without_nulls())
}

/// The view over the events that count.
pub(crate) fn view(counted_events: Arc<dyn TableProvider>) -> Result<Arc<dyn TableProvider>> {
    let plan = LogicalPlanBuilder::scan("counted_events", provider_as_source(counted_events), None)?;
    Ok(Arc::new(ViewTable::new(plan.project(expressions())?.build()?, None)))
}

fn expressions() -> Vec<Expr> {
    columns().into_iter().map(|column| column.expression.alias(column.name)).collect()
}

/// The columns, in the order of the view.
#[rustfmt::skip]
pub(crate) fn columns() -> Vec<Column> {
    let column = |name, doc, expression| Column { name, doc, expression };
    vec![
        column("activity_id", "1: a logon.", lit(1)),
        column("activity_name", "Logon.", lit("Logon")),
        column("category_uid", "3: identity and access management.", lit(3)),
        column("category_name", "Identity & Access Management.", lit("Identity & Access Management")),
        column("class_uid", "3002: authentication.", lit(3002)),
        column("class_name", "Authentication.", lit("Authentication")),
        column("type_uid", "300201: authentication, logon.", lit(300_201)),
        column("type_name", "Authentication: Logon.", lit("Authentication: Logon")),
        column("time", "When the gate decided, in milliseconds since 1970 UTC.", milliseconds("occurred_at")),
        column(PRUNES, "The same to the microsecond; conditions on it skip files.", col("occurred_at")),
        column("severity_id", "1: informational; 4: high, where the user reported fraud.", when_fraud(lit(4), lit(1))),
        column("severity", "The severity's name.", when_fraud(lit("High"), lit("Informational"))),
        column("status_id", "1: success; 2: failure; 0: unknown, where a code was sent and its check is another event.", by_result(lit(1), lit(2), lit(0))),
        column("status", "The status's name.", by_result(lit("Success"), lit("Failure"), lit("Unknown"))),
        column("status_code", "Why it was denied: Gatebook's denial_reason.", col("denial_reason")),
        column("status_detail", "The source's own text: result_detail.", col("result_detail")),
        column("is_mfa", "Whether a second factor was used now; null where the source does not say.", is_mfa()),
        column("user", "The user: uid is user_id.", object(vec![
            ("uid", col("user_id")),
            ("name", col("user_key")),
            ("full_name", nullif(concat_ws(lit(" "), vec![col("first_name"), col("last_name")]), lit(""))),
            ("email_addr", col("email")),
            ("ldap_person", optional(&["first_name", "last_name"], vec![
                ("given_name", col("first_name")),
                ("surname", col("last_name")),
            ])),
        ])),
        column("auth_factors", "The method, where there was one.", factors()),
        column("auth_protocol_id", "OCSF's number of the protocol; 99: another one.", protocol_id()),
        column("auth_protocol", "The protocol, as the source writes it.", col("protocol")),
        column("service", "What was entered; uid is the product that logged it.", object(vec![
            ("name", col("application")),
            ("uid", col("source")),
        ])),
        column("src_endpoint", "The client.", optional(&["client_ip"], vec![("ip", col("client_ip"))])),
        column("dst_endpoint", "The authentication server.", optional(&["server_name", "server_ip"], vec![
            ("hostname", col("server_name")),
            ("ip", col("server_ip")),
        ])),
        column("metadata", "Which event it is, and who says so: uid is event_id, correlation_uid is attempt_id.", object(vec![
            ("version", lit(OCSF_VERSION)),
            ("product", object(vec![
                ("name", lit("Gatebook")),
                ("vendor_name", lit("Gatebook")),
                ("version", lit(env!("CARGO_PKG_VERSION"))),
            ])),
            ("uid", col("event_id")),
            ("correlation_uid", col("attempt_id")),
            ("tenant_uid", col("tenant_id")),
            ("log_name", col("source")),
            ("log_version", col("decoder")),
            ("logged_time", milliseconds("received_at")),
        ])),
        column("unmapped", "What OCSF has no place for, under Gatebook's own names.", object(UNMAPPED.iter().map(|name| (*name, col(*name))).collect())),
    ]
}

/// Columns of an event that stand under their own names.
const UNMAPPED: &[&str] = &[
    "result",
    "stage",
    "assurance",
    "method",
    "mode",
    "result_code",
    "prompts",
    "steps",
    "device_token",
    "client_app",
    "sender",
    "unknown_values",
];

/// OCSF's factor types, by method.
const FACTORS: &[(Method, i32, &str)] = &[
    (Method::TextMessage, 1, "SMS"),
    (Method::VoiceCall, 3, "Phone Call"),
    (Method::MobileAppNotification, 5, "Push Notification"),
    (Method::OathToken, 6, "Hardware Token"),
    (Method::MobileAppCode, 7, "OTP"),
    (Method::SecurityKey, 10, "WebAuthn"),
    (Method::Password, 11, "Password"),
];

/// OCSF's protocols.
const PROTOCOLS: &[(&str, i32)] = &[
    ("ntlm", 1),
    ("kerberos", 2),
    ("digest", 3),
    ("oidc", 4),
    ("saml", 5),
    ("oauth2", 6),
    ("pap", 7),
    ("chap", 8),
    ("eap", 9),
    ("radius", 10),
    ("basic", 11),
    ("ldap", 12),
];

fn object(parts: Vec<(&str, Expr)>) -> Expr {
    named_struct(parts.into_iter().flat_map(|(name, part)| [lit(name), part]).collect())
}

/// An object that is null where all of these columns are.
fn optional(columns: &[&str], parts: Vec<(&str, Expr)>) -> Expr {
    let any = columns.iter().map(|name| col(*name).is_not_null()).reduce(Expr::or).unwrap_or(lit(true));
    only_when(any, object(parts))
}

fn only_when(condition: Expr, then: Expr) -> Expr {
    choose(condition, then, lit(ScalarValue::Null))
}

fn choose(condition: Expr, then: Expr, otherwise: Expr) -> Expr {
    // The builder fails on a case without a branch alone.
    when(condition, then).otherwise(otherwise.clone()).unwrap_or(otherwise)
}

fn is(column: &str, word: &str) -> Expr {
    col(column).eq(lit(word))
}

fn when_fraud(then: Expr, otherwise: Expr) -> Expr {
    choose(is("denial_reason", DenialReason::FraudReported.as_str()), then, otherwise)
}

fn by_result(success: Expr, denied: Expr, pending: Expr) -> Expr {
    let not_success = choose(is("result", AuthResult::Denied.as_str()), denied, pending);
    choose(is("result", AuthResult::Success.as_str()), success, not_success)
}

fn is_mfa() -> Expr {
    let says_no =
        is("assurance", Assurance::FirstFactorOnly.as_str()).or(is("stage", Stage::FirstFactor.as_str()));
    let challenged = is("assurance", Assurance::Challenged.as_str()).and(not(says_no.clone()));
    choose(challenged, lit(true), only_when(says_no, lit(false)))
}

fn factors() -> Expr {
    let of = |pick: &dyn Fn(&(Method, i32, &'static str)) -> Expr, other: Expr| {
        FACTORS
            .iter()
            .rev()
            .fold(other, |other, factor| choose(is("method", factor.0.as_str()), pick(factor), other))
    };
    let factor = object(vec![
        ("factor_type_id", choose(col("method").is_null(), lit(0), of(&|(_, id, _)| lit(*id), lit(99)))),
        (
            "factor_type",
            choose(col("method").is_null(), lit("Unknown"), of(&|(.., name)| lit(*name), lit("Other"))),
        ),
        ("phone_number", col("phone_number")),
        ("device", optional(&["authenticator_id"], vec![("uid", col("authenticator_id"))])),
    ]);
    let says_of_it = ["method", "phone_number", "authenticator_id"].map(|name| col(name).is_not_null());
    only_when(says_of_it.into_iter().reduce(Expr::or).unwrap_or(lit(false)), make_array(vec![factor]))
}

fn protocol_id() -> Expr {
    let known = PROTOCOLS.iter().rev().fold(lit(99), |otherwise, (name, id)| {
        choose(lower(col("protocol")).eq(lit(*name)), lit(*id), otherwise)
    });
    only_when(col("protocol").is_not_null(), known)
}

fn milliseconds(column: &str) -> Expr {
    cast(col(column), DataType::Int64) / lit(1_000_i64)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use schemas::vocabulary::Mode;
    use schemas::{Decoder, Element, Event, Maps, Record, Source, Step, TimeLimits, UnknownCounts};

    use super::*;
    use crate::limits::Limits;
    use crate::output::Format;
    use crate::test_book::{TestBook, event, text};

    const DAY: [(&str, &str); 2] = [("from", "2026-03-02"), ("to", "2026-03-03")];

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    async fn export(book: &TestBook) -> String {
        let parameters = ReportParameters::parse(export_parameters(), DAY, at("2026-03-09T00:00:00Z"))
            .expect("parameters");
        let session = book.session(Limits::default());
        text(export_ocsf(&session, &parameters).await, Format::Ndjson).await
    }

    /// An event that says all that it can.
    fn full() -> Event<'static> {
        let step = Step {
            at_us: Some(at("2026-03-02T08:00:00.000002Z").timestamp_micros()),
            method: Some(Method::VoiceCall),
            result: Some(AuthResult::Denied),
            reason: Some(DenialReason::HungUp),
            code: Some("7"),
            detail: Some("hung up"),
            device: Some("d-1"),
        };
        Event {
            first_name: Some("Ada Maria"),
            last_name: Some("Byron King"),
            email: Some("ada@example.com"),
            phone_number: Some("+43 1 555"),
            device_token: Some("token"),
            user_id: "ACME\\Ada",
            user_key: "ACME\\Ada",
            method: Some(Method::VoiceCall),
            mode: Some(Mode::Pin),
            result: AuthResult::Denied,
            denial_reason: Some(DenialReason::HungUp),
            result_code: Some("FAILED_USER_HUNGUP"),
            result_detail: Some("The user hung up"),
            stage: Stage::SecondFactor,
            assurance: Assurance::Challenged,
            prompts: Some(2),
            steps: Box::leak(Box::new([step, Step::default()])),
            unknown_values: Box::leak(Box::new(["method=Foo".to_owned()])),
            client_ip: Some("2001:db8::1"),
            application: Some("vpn"),
            client_app: Some("browser"),
            protocol: Some("RADIUS"),
            authenticator_id: Some("phone-1"),
            sender: Some("97671"),
            attempt_id: Some("attempt"),
            ..event(at("2026-03-02T08:00:00.123456Z")).event
        }
    }

    #[tokio::test]
    async fn an_export_is_read_back_as_it_was() {
        let mut book = TestBook::new().await;
        let full = event(at("2026-03-02T08:00:00Z")).with(|event| *event = full());
        let mut events = vec![full];
        for (index, result) in AuthResult::ALL.iter().enumerate() {
            for assurance in Assurance::ALL {
                for method in [None].into_iter().chain(Method::ALL.iter().copied().map(Some)) {
                    let id = format!("{result} {assurance} {method:?}").leak();
                    events.push(event(at("2026-03-02T09:00:00Z")).with(|event| {
                        (event.event_id, event.method, event.assurance) = (id, method, *assurance);
                        event.result = *result;
                        let reason = DenialReason::ALL[index];
                        event.denial_reason = (*result == AuthResult::Denied).then_some(reason);
                        event.stage = Stage::ALL[index % Stage::ALL.len()];
                    }));
                }
            }
        }
        let odd = |id: &'static str, change: fn(&mut Event<'static>)| {
            event(at("2026-03-02T10:00:00Z")).with(|event| {
                event.event_id = id;
                change(event);
            })
        };
        events.push(odd("no method", |event| {
            (event.method, event.authenticator_id, event.phone_number) =
                (None, Some("phone-1"), Some("+1 555"));
        }));
        events.push(odd("a first name", |event| event.first_name = Some("Ada")));
        events.push(odd("a last name", |event| event.last_name = Some("King")));
        events.push(odd("like a machine", |event| (event.user_id, event.user_key) = ("host$", "host$")));
        book.land(&events).await;
        let mut decoder = Decoder::new(Source::Ocsf, &Maps::default());
        let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
        let mut left: Vec<_> = events.iter().map(|made| &made.event).collect();
        for line in export(&book).await.lines() {
            let record = Record { value: Some(line.as_bytes()), timestamp_us: None };
            let mut unknown = UnknownCounts::default();
            decoder.decode(&record, &limits, &mut unknown, &mut |_, element| {
                let Element::Event(found) = element else { panic!("{element:?} of {line}") };
                let place = left.iter().position(|event| event.event_id == found.event_id);
                let expected = left.remove(place.expect("an event that was landed"));
                let names = |event: &Event<'_>| format!("{:?} {:?}", event.first_name, event.last_name);
                assert_eq!(names(&found), names(expected));
                assert_eq!(found, *expected, "{line}");
            });
        }
        assert!(left.is_empty(), "{left:?}");
    }

    #[tokio::test]
    async fn what_is_not_known_is_not_written() {
        let mut book = TestBook::new().await;
        book.land(&[event(at("2026-03-02T08:00:00Z")).with(|event| {
            (event.method, event.server_name, event.server_ip) = (None, None, None);
        })])
        .await;
        let line = export(&book).await;
        assert!(!line.contains("null") && !line.contains("{}"), "{line}");
        let event: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let has = |name: &str| event.get(name).is_some();
        // What OCSF requires of every event of the class; `service` or `dst_endpoint`, too.
        for name in [
            "activity_id",
            "category_uid",
            "class_uid",
            "metadata",
            "severity_id",
            "time",
            "type_uid",
            "user",
            "service",
        ] {
            assert!(has(name), "{name}");
        }
        for name in
            ["dst_endpoint", "src_endpoint", "auth_factors", "is_mfa", "status_code", "auth_protocol_id"]
        {
            assert!(!has(name), "{name}");
        }
        assert_eq!(event["time"], 1_772_438_400_000_i64);
    }
}
