//! What a user of the command line meets before any Kafka: messages, streams and exit codes.

use std::fs;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const GOOD: &str = r#"
    kafka.brokers = "127.0.0.1:9092"
    topics = [{ name = "auth-events", source = "gatebook" }]
    lake.location = "./lake"
"#;

/// A folder with a `gatebook.toml` of this text.
fn folder(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("gatebook.toml"), text).expect("a configuration");
    folder
}

fn gatebook(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatebook"));
    command.current_dir(folder.path()).args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GATEBOOK_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs to the end: exit code, standard output, standard error.
fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("gatebook starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code().expect("an exit code"), text(stdout), text(stderr))
}

#[test]
fn the_default_configuration_starts_as_it_is_printed() {
    let empty = tempfile::tempdir().expect("a folder");
    let (code, printed, messages) = run(&mut gatebook(&empty, &["config", "show", "--default"]));
    assert_eq!((code, messages.as_str()), (0, ""));
    let (code, checked, messages) = run(&mut gatebook(&folder(&printed), &["config", "check"]));
    assert_eq!((code, messages.as_str()), (0, ""));
    assert!(checked.starts_with("good: auth-events from 127.0.0.1:9092"), "{checked}");
}

#[test]
fn what_is_shown_is_a_configuration_again() {
    let (_, shown, _) = run(&mut gatebook(&folder(GOOD), &["config", "show"]));
    let values = |shown: &str| -> Vec<String> {
        shown.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim().to_owned()).collect()
    };
    let (code, again, _) = run(&mut gatebook(&folder(&shown), &["config", "show"]));
    assert_eq!(code, 0);
    assert_eq!(values(&again), values(&shown));
}

#[test]
fn a_wrong_configuration_is_a_message_and_exit_code_2() {
    let wrong = folder("[kafka]\nbroker = \"k:9092\"");
    for arguments in [["config", "check"], ["config", "show"]] {
        let (code, data, messages) = run(&mut gatebook(&wrong, &arguments));
        assert_eq!((code, data.as_str()), (2, ""));
        assert!(messages.contains("gatebook.toml:2: kafka.broker: there is no such key"), "{messages}");
        assert!(messages.contains("did you mean kafka.brokers?"), "{messages}");
    }
}

#[test]
fn a_missing_configuration_names_the_way_to_one() {
    let empty = tempfile::tempdir().expect("a folder");
    let (code, _, messages) = run(&mut gatebook(&empty, &["config", "check"]));
    assert_eq!(code, 2);
    assert!(messages.contains("--config FILE") && messages.contains("config show --default"), "{messages}");
    let (code, _, messages) = run(&mut gatebook(&empty, &["config", "check", "--config", "none.toml"]));
    assert_eq!(code, 2);
    assert!(messages.contains("none.toml: make it a readable file"), "{messages}");
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = folder(GOOD);
    assert_eq!(run(&mut gatebook(&folder, &["frobnicate"])).0, 2);
    assert_eq!(run(&mut gatebook(&folder, &[])).0, 2);
    let (code, _, messages) = run(gatebook(&folder, &["config", "check"]).env("GATEBOOK_LOG", "loud=loud"));
    assert_eq!(code, 2);
    assert!(messages.contains("give GATEBOOK_LOG a level"), "{messages}");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = folder(GOOD);
    let mut command = gatebook(&folder, &["config", "show", "--default"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gatebook starts");
    // The only reader goes before a byte is read.
    drop(child.stdout.take());
    let Output { status, stderr, .. } = child.wait_with_output().expect("gatebook ends");
    assert_eq!((status.code(), String::from_utf8_lossy(&stderr).as_ref()), (Some(0), ""));
}

#[test]
fn no_output_shows_a_secret() {
    let folder = folder(GOOD);
    for action in ["show", "check"] {
        let mut command = gatebook(&folder, &["config", action]);
        command.env("GATEBOOK_KAFKA__PROPERTIES__SASL_PASSWORD", "geheim");
        let (code, data, messages) = run(&mut command);
        assert_eq!(code, 0);
        assert!(!data.contains("geheim") && !messages.contains("geheim"), "{data}{messages}");
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn a_configuration_that_needs_tls_says_how_to_build_with_it() {
    let folder = folder(&format!("{GOOD}\nkafka.properties.\"security.protocol\" = \"SASL_SSL\""));
    let (code, _, messages) = run(&mut gatebook(&folder, &["config", "check"]));
    assert_eq!(code, 2);
    assert!(messages.contains("kafka.properties.security.protocol: build Gatebook with TLS"), "{messages}");
}
