//! Switched-off fields: stored nowhere, not even in what a rejection keeps.

use chrono::Utc;

use crate::harness::event::event_at;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::python::python;
use crate::harness::topic::Topic;

const SWITCHES: [&str; 7] =
    ["first_name", "last_name", "email", "phone_number", "device_token", "client_ip", "application"];

/// Stands in every value that must not be stored.
const SECRET: &str = "Zaphod";

/// An event whose switched-off fields all hold the secret, with `change` applied to its text.
fn value(n: u64, change: impl Fn(String) -> String) -> Vec<u8> {
    let event = String::from_utf8(event_at(n, Utc::now())).expect("text");
    let bare = event.split(",\"client_ip\"").next().expect("text before the optional fields").to_owned();
    let secrets: String = SWITCHES.iter().map(|name| format!(",\"{name}\":\"{SECRET}\"")).collect();
    change(format!("{bare}{secrets}}}")).into_bytes()
}

/// What lands all of `values` with every switch off.
fn landed(theme: &str, values: &[Vec<u8>]) -> Deployment {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), theme, 1, &[]);
    topic.produce(0, values);
    let off: Vec<String> = SWITCHES.iter().map(|name| format!("{name} = false")).collect();
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("fields", &off.join("\n"))
        .set("ingest", "keep_unparsed = false");
    deployment.catch_up();
    deployment
}

/// The cells of the book, and the files of its log, that hold a text.
fn found(deployment: &Deployment, text: &str) -> String {
    python("find_text.py", &[deployment.book().as_os_str(), text.as_ref()])
}

#[test]
fn a_switched_off_field_stands_nowhere_in_the_book() {
    let as_it_is = |text| text;
    let deployment = landed(
        "switched-off",
        &[
            value(1, as_it_is),
            value(2, as_it_is),
            // Rejections: another result, other types, an escaped key, a key twice, no JSON at all.
            value(3, |text| text.replace("\"result\":\"success\"", "\"result\":\"perhaps\"")),
            value(4, |text| text.replace("\"email\":\"Zaphod\"", "\"email\":{\"work\":[\"Zaphod\", 4]}")),
            value(6, |text| {
                text.replace("\"email\"", "\"em\\u0061il\"").replace("\"tenant_id\"", "\"tenant\"")
            }),
            value(7, |text| text.replace("\"email\"", "\"result\":1,\"email\"")),
            value(8, |text| text.trim_end_matches('}').to_owned()),
        ],
    );
    assert_eq!(found(&deployment, SECRET), "");
    // The search itself finds what is there.
    assert!(found(&deployment, "event-1").contains("event_id"));
    assert_ne!(deployment.number("select count(*) from rejections where reason = 'not-json'"), 0);
    let kept = deployment.number("select count(*) from rejections where reason <> 'not-json'");
    let redacted =
        deployment.number("select count(*) from rejections where redacted and reason <> 'not-json'");
    assert_eq!(redacted, kept, "a rejection that parses is kept with nulls, and says so");
    assert_eq!(deployment.number("select count(*) from events") + kept, 6);
}

#[test]
fn of_phone_numbers_the_prefix_alone_is_stored_where_that_is_asked_for() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "phone-prefix", 1, &[]);
    let with_phone = |text: String| {
        text.replace("\"phone_number\":\"Zaphod\"", "\"phone_number\":\"+1 555 0100777\"")
            .replace("\"client_ip\":\"Zaphod\"", "\"client_ip\":\"192.0.2.1\"")
    };
    let broken = |text: String| with_phone(text).replace("\"result\":\"success\"", "\"result\":\"perhaps\"");
    topic.produce(0, &[value(1, with_phone), value(2, broken)]);
    let deployment =
        Deployment::new(&kafka.brokers(), &topic.name).set("fields", "phone_number = \"prefix\"");
    deployment.catch_up();
    let printed = deployment.succeed(&["sql", "--format", "csv", "SELECT phone_number FROM events"]);
    assert_eq!(printed.lines().nth(1), Some("'+1 555"), "a spreadsheet runs no formula");
    assert_eq!(found(&deployment, "0100777"), "");
}
