//! Sign-ins and persons, as SQL shows them.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::vocabulary::{Assurance, Method, Stage};

use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event};

fn at(seconds: i64) -> DateTime<Utc> {
    "2026-03-02T08:00:00Z".parse::<DateTime<Utc>>().expect("a moment") + TimeDelta::seconds(seconds)
}

fn of(source: &'static str, user: &'static str, seconds: i64, id: &'static str) -> TestEvent {
    event(at(seconds)).of(source).with(|event| {
        (event.event_id, event.user_id, event.user_key) = (id, user, user);
        event.client_ip = Some("192.0.2.1");
    })
}

async fn check(book: &TestBook, sql: &str, expected: &[&str]) {
    let found = book.ask(sql, Format::Csv).await;
    assert_eq!(found.lines().skip(1).map(str::trim).collect::<Vec<_>>(), expected, "{sql}");
}

/// Ada signs in to Entra, which Microsoft 365 logs too, and Duo asks for the second factor by her short name; Bob comes from
/// the same address at the same time.
async fn book() -> TestBook {
    let mut book = TestBook::new().await;
    let duo = of("duo", "ada", 5, "d-1").with(|event| {
        (event.stage, event.assurance) = (Stage::SecondFactor, Assurance::Challenged);
        (event.method, event.email) = (Some(Method::MobileAppNotification), Some("Ada@acme.example"));
    });
    let entra = |user, seconds, id| {
        of("entra", user, seconds, id).with(|event| {
            (event.method, event.assurance) = (Some(Method::Password), Assurance::FirstFactorOnly);
            event.application = Some("Office");
        })
    };
    book.land(&[
        entra("ada@acme.example", 0, "r-1"),
        entra("bob@acme.example", 3, "r-2"),
        duo,
        of("o365", "ada@acme.example", 20, "r-1").with(|event| event.application = Some("Teams")),
        of("mfa-server", "carol", 900, "m-1"),
    ])
    .await;
    book
}

#[tokio::test]
async fn what_three_sources_logged_is_one_sign_in_of_one_person() {
    check(
        &book().await,
        "SELECT person, sources, attempts, application, result, assurance, joined_by FROM sign_ins ORDER BY first_at",
        &[
            r#"ada@acme.example,"[""duo"",""entra"",""o365""]",3,Teams,success,challenged,inferred"#,
            r#"bob@acme.example,"[""entra""]",1,Office,success,first-factor-only,"#,
            r#"carol (mfa-server),"[""mfa-server""]",1,,success,unknown,"#,
        ],
    )
    .await;
}

#[tokio::test]
async fn persons_have_the_ids_that_are_theirs() {
    let book = book().await;
    check(
        &book,
        "SELECT person, source, user_key, rule, events FROM identities ORDER BY person, source",
        &[
            "ada@acme.example,duo,ada,email,1",
            "ada@acme.example,entra,ada@acme.example,address,1",
            "ada@acme.example,o365,ada@acme.example,address,1",
            "bob@acme.example,entra,bob@acme.example,address,1",
            "carol (mfa-server),mfa-server,carol,unmatched,1",
        ],
    )
    .await;
    check(
        &book,
        "SELECT person, user_keys, matched, events FROM persons WHERE tenant_id = 'acme' ORDER BY person",
        &[
            r#"ada@acme.example,"[""ada"",""ada@acme.example""]",true,3"#,
            r#"bob@acme.example,"[""bob@acme.example""]",true,1"#,
            r#"carol (mfa-server),"[""carol""]",false,1"#,
        ],
    )
    .await;
    check(&book, "SELECT count(*) FROM persons WHERE tenant_id = 'globex'", &["0"]).await;
}

#[tokio::test]
async fn conditions_choose_whole_sign_ins() {
    let book = book().await;
    for (condition, expected) in [
        ("person = 'ada@acme.example'", "1"),
        ("first_at > '2026-03-02T08:00:02Z'", "2"),
        ("array_has(sources, 'duo')", "1"),
        ("joined_by IS NULL", "2"),
        ("day = '2026-03-03'", "0"),
    ] {
        check(&book, &format!("SELECT count(*) FROM sign_ins WHERE {condition}"), &[expected]).await;
    }
}
