//! Books of other versions of Gatebook.

use std::fs;

use serde_json::{Value, json};

use crate::harness::event::events;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;

#[test]
fn a_book_with_columns_of_a_later_version_is_left_alone() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "newer", 1, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    topic.produce(0, &events(0..10));
    deployment.catch_up();
    let next = (1..).find(|version| !deployment.log_entry(*version).exists()).expect("versions are finite");
    add_column(&deployment, "risk_score", next);

    topic.produce(0, &events(10..20));
    for command in [&["ingest", "--until-caught-up"][..], &["maintain", "--once"], &["check"]] {
        let ended = deployment.run(command);
        assert_eq!(ended.status.code(), Some(1), "{command:?}: {}", ended.stderr);
        for part in ["newer version of gatebook", "risk_score"] {
            assert!(ended.stderr.contains(part), "{command:?} does not say {part:?}: {}", ended.stderr);
        }
    }
    assert!(!deployment.log_entry(next + 1).exists(), "something was written to the book");
}

/// Adds a column to the book, as a later version of Gatebook would.
fn add_column(deployment: &Deployment, name: &str, version: u64) {
    let first = fs::read_to_string(deployment.log_entry(0)).expect("the log begins");
    let actions = first.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let mut action = actions.into_iter().find(|action| action.get("metaData").is_some()).expect("metadata");
    let schema = &mut action["metaData"]["schemaString"];
    let mut columns: Value = serde_json::from_str(schema.as_str().expect("a text")).expect("JSON");
    let fields = columns["fields"].as_array_mut().expect("columns");
    fields.push(json!({"name": name, "type": "double", "nullable": true, "metadata": {}}));
    *schema = columns.to_string().into();
    fs::write(deployment.log_entry(version), format!("{action}\n")).expect("the log is ours");
}
