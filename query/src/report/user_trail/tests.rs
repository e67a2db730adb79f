//! The trail of a person, against what was made.

use chrono::{DateTime, TimeDelta, Utc};
use schemas::Step;
use schemas::vocabulary::{AuthResult, ChangeKind, DenialReason, Method};
use serde_json::Value;

use super::REPORT;
use crate::report::world::{AWKWARD, IDS, World, ask, at, rows, told};
use crate::test_book::{TestBook, change, event};

const MARCH: [(&str, &str); 2] = [("from", "2026-03-01"), ("to", "2026-04-01")];

fn of(person: &'static str) -> [(&'static str, &'static str); 3] {
    [("person", person), MARCH[0], MARCH[1]]
}

fn events(rows: &[Value]) -> Vec<(String, DateTime<Utc>)> {
    let events = rows.iter().filter(|row| row["kind"] == "event");
    events
        .map(|row| {
            (
                row["event_id"].as_str().expect("an id").to_owned(),
                told(&row["occurred_at"]).expect("a moment"),
            )
        })
        .collect()
}

#[tokio::test]
async fn each_person_has_their_events_once_and_in_order_by_whatever_they_are_called() {
    let mut world = World::new(5, 160, 24).await;
    world.land_all().await;
    for (called, tenant, person) in [
        ("ADA@acme.example", "acme", "ada@acme.example"),
        ("duo:ada", "acme", "ada@acme.example"),
        ("H'2 \"ü\"", "acme", "H'2 \"ü\""),
        ("bob", "acme", "H'2 \"ü\""),
        ("CORP\\eve", "acme", "CORP\\eve (mfa-server)"),
        (AWKWARD, "acme", "n\0l'\"; DROP é (duo)"),
        ("n\0l'\"; DROP é (duo)", "acme", "n\0l'\"; DROP é (duo)"),
        ("zoe@globex.example", "globex", "Z-1"),
    ] {
        let given = [of(called).to_vec(), vec![("tenant", tenant)]].concat();
        let found = rows(&world.book, &REPORT, &given).await;
        let theirs = world.made.iter().filter(|it| (it.tenant, it.person) == (tenant, person));
        let mut expected: Vec<_> = theirs.flat_map(|it| &it.events).collect();
        expected.sort_by_key(|(.., at, _)| *at);
        let expected: Vec<_> = expected.iter().map(|(_, _, id, at, _)| ((*id).to_owned(), *at)).collect();
        assert!(expected.len() > 5, "{person}");
        assert_eq!(events(&found), expected, "{person}");
        assert!(found.iter().all(|row| row["person"] == person && row["tenant"] == tenant));
        let ids: Vec<_> = found.iter().filter(|row| row["kind"] == "id").collect();
        for (_, source, user, ..) in IDS.iter().filter(|it| (it.0, it.4) == (tenant, person)) {
            assert!(ids.iter().any(|row| row["source"] == *source && row["user_key"] == *user), "{user}");
        }
        let with_copies = [given, vec![("duplicates", "include")]].concat();
        let all = rows(&world.book, &REPORT, &with_copies).await;
        assert!(events(&all).len() >= expected.len());
    }
}

#[tokio::test]
async fn what_is_ambiguous_or_unknown_is_refused_without_a_word_about_anybody() {
    let mut world = World::new(6, 120, 20).await;
    world.land_all().await;
    let refused =
        async |called: &'static str| ask(&world.book, &REPORT, &of(called)).await.expect_err("refused");
    let error = refused("ada").await;
    assert_eq!(error, "give the tenant, one of acme, globex: persons of 2 tenants are called so");
    let error = refused("nobody at all").await;
    assert!(error.starts_with("check the spelling") && !error.contains("nobody at all"), "{error}");
    let given = [of("ada").to_vec(), vec![("tenant", "globex")]].concat();
    assert_eq!(rows(&world.book, &REPORT, &given).await[0]["person"], "ada (duo)");
    // A person who never came is known from the directory.
    let never = rows(&world.book, &REPORT, &of("never")).await;
    assert_eq!(
        never.iter().map(|row| row["kind"].as_str().expect("a kind")).collect::<Vec<_>>(),
        ["id", "enabled"]
    );
}

#[tokio::test]
async fn two_persons_of_a_tenant_with_one_name_are_refused() {
    let mut book = TestBook::new().await;
    let day = at("2026-03-02T08:00:00Z");
    book.land(&[event(day).of("duo"), event(day).of("okta")]).await;
    let error = ask(&book, &REPORT, &of("ada")).await.expect_err("refused");
    assert!(error.ends_with("2 persons are called so"), "{error}");
    let given = [("person", "okta:ada"), MARCH[0], MARCH[1]];
    assert_eq!(events(&rows(&book, &REPORT, &given).await).len(), 1);
}

#[tokio::test]
async fn an_id_that_was_used_again_is_of_whom_it_was_at_the_time() {
    let mut book = TestBook::new().await;
    let on = |day| at(&format!("2026-03-{day:02}T08:00:00Z"));
    book.land(&[event(on(2)).of("duo"), event(on(20)).of("duo").with(|event| event.event_id = "f")]).await;
    let csv = "person,ids,enabled_from,enabled_to\nA1,ada,,2026-03-10\nB2,ada,2026-03-10,\n";
    let file = schemas::read_directory_file(csv.as_bytes(), Some("hr"), &schemas::Maps::default());
    book.directory.import("acme", &file.expect("a file"), "op", 0).await.expect("imports");
    for (person, id) in [("A1", "e"), ("B2", "f")] {
        let found = events(&rows(&book, &REPORT, &of(person)).await);
        assert_eq!(found.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), [id], "{person}");
    }
    assert!(ask(&book, &REPORT, &of("ada")).await.expect_err("refused").contains("2 persons"));
    let early = [("person", "ada"), ("from", "2026-03-01"), ("to", "2026-03-09")];
    assert_eq!(rows(&book, &REPORT, &early).await[0]["person"], "A1");
}

#[tokio::test]
async fn steps_and_changes_stand_in_order_and_say_by_whom_and_why() {
    let mut book = TestBook::new().await;
    let on = |hour| at(&format!("2026-03-02T{hour:02}:00:00Z"));
    let steps: &'static [Step<'static>] = Box::leak(Box::new([
        Step {
            method: Some(Method::MobileAppNotification),
            result: Some(AuthResult::Denied),
            reason: Some(DenialReason::UserDeclined),
            ..Step::default()
        },
        Step { method: Some(Method::TextMessage), result: Some(AuthResult::Success), ..Step::default() },
    ]));
    let ada = |at| {
        event(at).of("entra").with(|event| {
            (event.user_id, event.user_key) = ("Ada@acme.example", "ada@acme.example");
            (event.application, event.attempt_id) = (Some("Payroll"), Some("c-1"));
            event.result_code = Some("500121");
        })
    };
    book.land(&[ada(on(9)).with(|event| event.steps = steps)]).await;
    let to_ada = |at, kind| {
        change(at, kind).of("entra", "ada@acme.example").with(|it| it.actor = Some("help@acme.example"))
    };
    let granted = to_ada(on(8), ChangeKind::BypassGranted)
        .with(|it| (it.reason, it.until_us) = (Some("lost phone"), Some(on(12).timestamp_micros())));
    let by_ada = change(on(10), ChangeKind::Blocked)
        .of("entra", "other@acme.example")
        .with(|it| (it.actor, it.reason) = (Some("ADA@acme.example"), Some("other@acme.example left")));
    let others = change(on(11), ChangeKind::Blocked).of("entra", "other@acme.example");
    book.land_changes(&[by_ada, granted.clone(), others]).await;
    // The same change again.
    book.land_changes(&[granted]).await;
    let given = [
        ("person", "ada@acme.example"),
        ("from", "2026-03-02"),
        ("to", "2026-03-03"),
        ("tz", "Asia/Kathmandu"),
    ];
    let found = rows(&book, &REPORT, &given).await;
    let lines: Vec<String> = found
        .iter()
        .map(|row| format!("{} {} {}", row["kind"], row["local_time"], row["sentence"]).replace('"', ""))
        .collect();
    assert_eq!(
        lines,
        [
            "id null Is ada@acme.example in entra: it is an address, and that is the person's.",
            "address null Has the address ada@acme.example.",
            "change 2026-03-02T13:45:00+05:45 Somebody was let past the second factor: a bypass code, a one-time bypass, a \
             status (by help@acme.example, until 2026-03-02T17:45:00+05:45, because: lost phone).",
            "event 2026-03-02T14:45:00+05:45 Let in by a request in the mobile app; whether a second factor was used, the \
             source does not say (application Payroll, server gate-1).",
            "step 2026-03-02T14:45:00+05:45 Step 1 of 2: mobile-app-notification, denied: The user declined the request.",
            "step 2026-03-02T14:45:00+05:45 Step 2 of 2: text-message, success.",
            "act 2026-03-02T15:45:00+05:45 Did to another account: The user was blocked, locked or disabled.",
        ]
    );
    assert!(
        !found.iter().any(|row| row.to_string().contains("other@acme.example")),
        "another person is named"
    );
    assert_eq!(
        found[3]["support"],
        "Page or application: Payroll; Error code: 500121; Session or correlation id: c-1; Event id: e; User id: \
         Ada@acme.example; Time: 2026-03-02T14:45:00+05:45; Told by: entra"
    );
    let one = [&given[..], &[("event", "c-1")]].concat();
    let kinds: Vec<_> = rows(&book, &REPORT, &one).await.iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["event", "step", "step"]);
}

#[tokio::test]
async fn somebody_whom_only_changes_name_is_found() {
    let mut book = TestBook::new().await;
    let noon = at("2026-03-02T12:00:00Z");
    // Duo gives the address beside its own id; the change names the address alone.
    book.land(&[event(noon).of("duo").with(|event| event.email = Some("ada@acme.example"))]).await;
    book.land_changes(&[
        change(noon + TimeDelta::hours(1), ChangeKind::Enrolled).of("entra", "ada@acme.example"),
        change(noon, ChangeKind::Enrolled).of("okta", "newcomer"),
    ])
    .await;
    let found = rows(&book, &REPORT, &of("ada")).await;
    let kinds: Vec<_> = found.iter().map(|row| row["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["id", "address", "event", "change"]);
    assert_eq!(found[3]["linked_by"], "address");
    for called in ["newcomer", "newcomer (okta)", "okta:newcomer"] {
        let found = rows(&book, &REPORT, &of(called)).await;
        assert_eq!((found.len(), &found[0]["person"]), (1, &Value::from("newcomer (okta)")), "{called}");
    }
}
