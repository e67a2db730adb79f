//! Persons, identities and sign-ins beside a directory, as SQL shows them.

use chrono::{DateTime, Utc};
use schemas::{DirectoryFile, Maps, read_directory_file};

use crate::output::Format;
use crate::test_book::{TestBook, TestEvent, event};

fn at(text: &str) -> DateTime<Utc> {
    format!("{text}T08:00:00Z").parse().expect("a day")
}

fn of(source: &'static str, user: &'static str, day: &str) -> TestEvent {
    event(at(day))
        .of(source)
        .with(|event| (event.event_id, event.user_id, event.user_key) = ("e", user, user))
}

fn file(text: &str) -> DirectoryFile {
    read_directory_file(text.as_bytes(), Some("hr"), &Maps::default()).expect("a file")
}

/// `short` is Ada's until May and Bob's from June on; Cy never comes; somebody unknown does.
async fn book() -> TestBook {
    let mut book = TestBook::new().await;
    book.land(&[
        of("duo", "short", "2026-04-01"),
        of("duo", "short", "2026-05-15"),
        of("duo", "short", "2026-06-01"),
        of("entra", "ada@acme.example", "2026-04-02"),
        of("okta", "who", "2026-04-03"),
        of("duo", "zoe", "2026-04-04").with(|event| event.tenant_id = "globex"),
    ])
    .await;
    let hr = "person,ids,enabled_from,enabled_to\n\
              ada@acme.example,short,2026-01-01,2026-05-01\n\
              B7,short,2026-06-01,\n\
              C9,duo:cy,2026-01-01,2026-02-01\n\
              C9,duo:cy,2026-03-01,\n";
    book.directory.import("acme", &file(hr), "op", 0).await.expect("imports");
    book.directory.import("globex", &file("person,ids\nZ1,nobody\n"), "op", 0).await.expect("imports");
    book
}

async fn check(book: &TestBook, sql: &str, expected: &[&str]) {
    let found = book.ask(sql, Format::Csv).await;
    assert_eq!(found.lines().skip(1).map(str::trim).collect::<Vec<_>>(), expected, "{sql}");
}

#[tokio::test]
async fn an_id_that_is_used_again_is_whose_it_was_at_that_time() {
    let book = book().await;
    check(
        &book,
        "SELECT person, user_key, rule, valid_from, valid_to, events FROM identities WHERE tenant_id = 'acme' \
         ORDER BY user_key, valid_from NULLS FIRST",
        &[
            "ada@acme.example,ada@acme.example,directory,,,1",
            "ada@acme.example,short,directory,,2026-06-01T00:00:00Z,2",
            "B7,short,directory,2026-06-01T00:00:00Z,,1",
            "who (okta),who,unmatched,,,1",
        ],
    )
    .await;
    check(
        &book,
        "SELECT person, first_at FROM sign_ins WHERE array_has(sources, 'duo') AND tenant_id = 'acme' ORDER BY first_at",
        &[
            "ada@acme.example,2026-04-01T08:00:00Z",
            "ada@acme.example,2026-05-15T08:00:00Z",
            "B7,2026-06-01T08:00:00Z",
        ],
    )
    .await;
}

#[tokio::test]
async fn persons_who_never_came_are_told_with_when_they_are_enabled() {
    check(
        &book().await,
        "SELECT person, user_keys, matched, directories, enabled, events FROM persons WHERE tenant_id = 'acme' ORDER BY person",
        &[
            r#"B7,"[""short""]",true,"[""hr""]","[""2026-06-01T00:00:00Z/..""]",1"#,
            r#"C9,[],true,"[""hr""]","[""2026-01-01T00:00:00Z/2026-02-01T00:00:00Z"",""2026-03-01T00:00:00Z/..""]",0"#,
            r#"ada@acme.example,"[""ada@acme.example"",""short""]",true,"[""hr""]","[""2026-01-01T00:00:00Z/2026-05-01T00:00:00Z""]",3"#,
            r#"who (okta),"[""who""]",false,[],[],1"#,
        ],
    )
    .await;
}

#[tokio::test]
async fn a_condition_on_the_tenant_holds_for_the_directory_too() {
    let book = book().await;
    check(&book, "SELECT person FROM persons WHERE tenant_id = 'globex' ORDER BY 1", &["Z1", "zoe (duo)"])
        .await;
    check(&book, "SELECT count(*) FROM persons", &["6"]).await;
    check(
        &book,
        "SELECT ids FROM directory WHERE person = 'C9' AND enabled_to IS NULL",
        &[r#""[""duo:cy""]""#],
    )
    .await;
    check(&book, "SELECT person FROM directory WHERE tenant_id = 'globex' LIMIT 1", &["Z1"]).await;
}

#[tokio::test]
async fn an_answer_names_the_version_of_the_directory_where_it_depends_on_it() {
    let book = book().await;
    for (sql, expected) in [
        ("SELECT count(*) AS n FROM persons", true),
        ("SELECT count(*) AS n FROM sign_ins", true),
        ("SELECT (SELECT count(*) FROM directory) AS n", true),
        ("SELECT count(*) AS n FROM counted_events", false),
    ] {
        let answer = book.ask(sql, Format::Json).await;
        assert_eq!(answer.contains(r#""directory_version":2,"#), expected, "{sql}: {answer}");
    }
}

#[tokio::test]
async fn ids_are_counted_by_the_rule_that_says_whose_they_are() {
    let book = book().await;
    let session = book.session(crate::Limits::default());
    let told = async |tenant: Option<&str>| {
        let counts = crate::identity_counts(&session, tenant).await.expect("counts");
        let told = counts.iter().map(|it| format!("{} {} {} {}", it.tenant_id, it.rule, it.ids, it.events));
        told.collect::<Vec<_>>()
    };
    assert_eq!(told(None).await, ["acme directory 3 4", "acme unmatched 1 1", "globex unmatched 1 1"]);
    assert_eq!(told(Some("globex")).await, ["globex unmatched 1 1"]);
    let seen = async |tenant, source, id| crate::is_seen(&session, tenant, source, id).await.expect("seen");
    assert!(seen("acme", "okta", "who").await && !seen("acme", "duo", "who").await);
}
