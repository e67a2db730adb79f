//! What a user notices of the configuration, through [`Config::read`] alone.

use super::{Config, DEFAULT_TOML, Environment, File, template};

/// What every configuration needs; three lines of a case's file come before.
const NEEDED: &str = "kafka.brokers = \"k:9092\"\ntopics = [{ name = \"t\", source = \"gatebook\" }]\nlake.location = \"/l\"\n";

fn read(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables: Environment =
        variables.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
    Config::read(Some(File { name: "f", text }), &variables).map_err(|error| error.to_string())
}

/// The lines of the message after its first, or of the configuration that holds where it is good.
#[track_caller]
fn check(lines: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let text = format!("{NEEDED}{lines}");
    let answer = match read(&text, variables) {
        Ok(config) => config.show(),
        Err(message) => message.lines().skip(1).map(|line| format!("{}\n", line.trim())).collect(),
    };
    let squeezed: Vec<String> =
        answer.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in expected {
        assert!(squeezed.iter().any(|found| found == line), "no {line:?} in:\n{answer}");
    }
}

#[test]
fn the_shortest_file_and_the_documented_one_work_as_they_stand() {
    let config = read(
        r#"
            [kafka]
            brokers = "127.0.0.1:9092"      # comma-separated, as everywhere in Kafka
            group = "gatebook"
            [kafka.properties]              # any librdkafka property
            [[topics]]
            name = "auth-events"
            source = "gatebook"
            [lake]
            location = "./lake"
            retention_days = 730
            [fields]
            first_name = false              # switched off: never stored
            [http]
            listen = "127.0.0.1:8080"       # port 0 takes a free one
        "#,
        &[],
    );
    let config = config.unwrap_or_else(|message| panic!("{message}"));
    assert!(!config.maps.fields.first_name && config.maps.fields.last_name);
    check(
        "",
        &[],
        &["brokers = \"k:9092\" # f:1", "group = \"gatebook\" # default", "backfill = false # default"],
    );
}

#[test]
fn the_default_file_holds_the_defaults() {
    let values = |config: Config| -> Vec<String> {
        let strip = |line: &str| line.split(" # ").next().unwrap_or_default().trim().to_owned();
        config.show().lines().map(strip).collect()
    };
    let whole = read(DEFAULT_TOML, &[]).unwrap_or_else(|message| panic!("{message}"));
    let required = r#"
        kafka.brokers = "127.0.0.1:9092"
        topics = [{ name = "auth-events", source = "gatebook" }]
        lake.location = "./lake"
    "#;
    let short = read(required, &[]).unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(values(whole), values(short));
}

#[test]
fn the_environment_alone_can_say_everything() {
    let variables = [
        ("GATEBOOK_KAFKA__BROKERS", "k-1:9092, k-2:9092"),
        ("GATEBOOK_KAFKA__PROPERTIES__SSL_CA_LOCATION", "/ca.pem"),
        ("GATEBOOK_TOPICS__0__NAME", "t"),
        ("GATEBOOK_TOPICS__0__SOURCE", "gatebook"),
        ("GATEBOOK_LAKE__LOCATION", "/l"),
        ("GATEBOOK_LAKE__RETENTION_DAYS", "30"),
        ("GATEBOOK_FIELDS__EMAIL", "false"),
        ("GATEBOOK_LOG", "debug"),
        ("GATEBOOK_PORT_8080_TCP_ADDR", "from Kubernetes"),
    ];
    let config = read("", &variables).unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(config.kafka.brokers, "k-1:9092,k-2:9092");
    assert_eq!(config.kafka.properties["ssl.ca.location"], "/ca.pem");
    assert_eq!(config.lake.retention_days, 30);
    assert!(!config.maps.fields.email);
}

#[test]
fn the_environment_wins_over_the_file_over_the_default() {
    check("kafka.group = \"file\"", &[], &["group = \"file\" # f:4"]);
    let variable = [("GATEBOOK_KAFKA__GROUP", "variable"), ("GATEBOOK_TOPICS__0__BACKFILL", "true")];
    check("kafka.group = \"file\"", &variable, &["group = \"variable\" # GATEBOOK_KAFKA__GROUP"]);
    check("", &variable, &["backfill = true # GATEBOOK_TOPICS__0__BACKFILL", "name = \"t\" # f:2"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known_one_and_its_place() {
    let no = "there is no such key;";
    let section = "there is no such section;";
    check("kafka.broker = \"k\"", &[], &[&format!("f:4: kafka.broker: {no} did you mean kafka.brokers?")]);
    check(
        "lake.retention = 3",
        &[],
        &[&format!("f:4: lake.retention: {no} did you mean lake.retention_days?")],
    );
    check("[lakes]\nlocation = \"l\"", &[], &[&format!("f:4: lakes: {section} did you mean [lake]?")]);
    check(
        "retention_days = 3",
        &[],
        &[&format!("f:4: retention_days: {no} did you mean lake.retention_days?")],
    );
    check("[[topics]]\nsauce = \"x\"", &[], &["f:4: topics: write this line as TOML; duplicate key"]);
    check(
        "kafka.zebra = 1",
        &[],
        &[&format!("f:4: kafka.zebra: {no} remove it, or use one of brokers, group")],
    );
    check(
        "[zebra]\nx = 1",
        &[],
        &[&format!(
            "f:4: zebra: {section} remove it, or use one of kafka, topics, lake, fields, http, tokens, ingest, maintain, attempts, query, sql, reports, suspicious, expected, tenants, domains, servers"
        )],
    );
    let variable = [("GATEBOOK_KAFKA__BROKER", "k")];
    let advice = format!("GATEBOOK_KAFKA__BROKER: kafka.broker: {no} did you mean GATEBOOK_KAFKA__BROKERS?");
    check("", &variable, &[&advice]);
}

#[test]
fn a_value_of_another_shape_is_refused_with_what_to_give() {
    let days = "lake.retention_days: give a whole number, 0 or more; it is";
    check("lake.retention_days = \"30\"", &[], &[&format!("f:4: {days} a text")]);
    check("lake.retention_days = -1", &[], &[&format!("f:4: {days} a negative number")]);
    check("lake.retention_days = 1.5", &[], &[&format!("f:4: {days} a number with a fraction")]);
    let variable = [("GATEBOOK_LAKE__RETENTION_DAYS", "a month")];
    check("", &variable, &[&format!("GATEBOOK_LAKE__RETENTION_DAYS: {days} another text")]);
    check("fields.email = 1", &[], &["f:4: fields.email: give true or false; it is a whole number"]);
    check("http = 1", &[], &["f:4: http: write it as a section, [http], with its keys below"]);
    check("kafka.properties.x = []", &[], &["f:4: kafka.properties.x: give a text, a number, true or false"]);
}

#[test]
fn a_value_that_makes_no_sense_is_refused_with_what_to_do() {
    let days = "f:4: lake.retention_days: give a number of days from 1 to 36500; it is 0";
    check("lake.retention_days = 0", &[], &[days]);
    check(
        "http.listen = \"8080\"",
        &[],
        &["f:4: http.listen: give ADDRESS:PORT, such as \"127.0.0.1:8080\" or \"[::1]:8080\""],
    );
    check("kafka.group = \" \"", &[], &["f:4: kafka.group: give a text; it is empty"]);
    check(
        "[kafka.properties]\nisolation.level = \"x\"",
        &[],
        &[
            "kafka.properties: remove isolation.level from [kafka.properties]: it is always \"read_committed\", since exactly-once rests on it",
        ],
    );
    check(
        "[kafka.properties]\ngroup.id = \"x\"",
        &[],
        &["f:5: kafka.properties.group.id: remove it, and set kafka.group instead"],
    );
    check(
        "ingest.duplicate_window = 9999",
        &[],
        &["f:4: ingest.duplicate_window: give a number of events from 10000 to 100000000; it is 9999"],
    );
    let topic = [("GATEBOOK_TOPICS__1__NAME", "t"), ("GATEBOOK_TOPICS__1__SOURCE", "gatebock")];
    check(
        "",
        &topic,
        &[
            "GATEBOOK_TOPICS__1__NAME: topics.1.name: remove this block; an earlier one has the same name",
            "GATEBOOK_TOPICS__1__SOURCE: topics.1.source: give one of gatebook, mfa-server, entra, duo, okta, keycloak, o365, cloudtrail, ocsf; it is another text",
        ],
    );
    let brokers = [("GATEBOOK_KAFKA__BROKERS", "k:port"), ("GATEBOOK_LAKE__LOCATION", "s3://bucket")];
    check(
        "",
        &brokers,
        &[
            "GATEBOOK_KAFKA__BROKERS: kafka.brokers: give HOST:PORT, comma-separated, such as \"kafka-1:9092,kafka-2:9092\"",
        ],
    );
}

#[test]
fn what_is_required_and_missing_is_named_once_and_nothing_else() {
    let message = read("", &[]).err().unwrap_or_default();
    let lines: Vec<&str> = message.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "kafka.brokers: set it; it has no default",
            "topics: write [[topics]] with name and source; no topic is configured",
            "lake.location: set it; it has no default",
        ]
    );
}

#[test]
fn a_required_key_that_was_refused_is_not_called_missing_too() {
    let topics =
        "topics = [{ name = \"t\", source = \"gatebook\" }]\nlake.location = \"/l\"\nkafka.brokers = 1";
    let message = read(topics, &[]).err().unwrap_or_default();
    let lines: Vec<&str> = message.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines, ["f:3: kafka.brokers: give a text in quotes; it is a whole number"]);
}

#[test]
fn every_text_and_number_of_the_default_file_is_read_and_checked() {
    for key in template::keys() {
        let variable = format!("GATEBOOK_{}", key.path.replace('#', "0").replace('.', "__").to_uppercase());
        for nonsense in [" ", "18446744073709551615", "neither true nor false"] {
            if nonsense.trim().is_empty() || key.shape != super::value::Shape::Text {
                let answer = read(NEEDED, &[(&variable, nonsense)]);
                assert!(answer.is_err(), "{variable} = {nonsense:?} was taken");
            }
        }
    }
}

#[test]
fn properties_take_texts_numbers_and_switches_quoted_or_not() {
    let lines = "[kafka.properties]\n\"security.protocol\" = \"PLAINTEXT\"\nsocket.timeout.ms = 5000\nsocket.keepalive.enable = true";
    let config = read(&format!("{NEEDED}{lines}"), &[]).unwrap_or_else(|message| panic!("{message}"));
    let found: Vec<(&str, &str)> =
        config.kafka.properties.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(
        found,
        [
            ("security.protocol", "PLAINTEXT"),
            ("socket.keepalive.enable", "true"),
            ("socket.timeout.ms", "5000"),
        ]
    );
}

#[test]
fn secrets_come_from_the_environment_or_a_file_and_are_never_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("password");
    std::fs::write(&path, "geheim\n").expect("a secret");
    let path = path.display().to_string();
    let password = |value: &str| format!("{NEEDED}[kafka.properties]\n\"sasl.password\" = \"{value}\"");
    let check = |value: &str, variables: &[(&str, &str)], shown: &str| {
        let config = read(&password(value), variables).unwrap_or_else(|message| panic!("{message}"));
        assert_eq!(config.kafka.properties["sasl.password"], "geheim");
        assert!(config.show().contains(&format!("\"sasl.password\" = \"{shown}\"")), "{}", config.show());
        assert!(!config.show().contains("geheim"), "{}", config.show());
    };
    check("geheim", &[], "********");
    check("x", &[("GATEBOOK_KAFKA__PROPERTIES__SASL_PASSWORD", "geheim")], "********");
    check("${env:SECRET}", &[("SECRET", "geheim")], "${env:SECRET}");
    check(&format!("${{file:{path}}}"), &[], &format!("${{file:{path}}}"));
}

#[test]
fn a_secret_that_cannot_be_had_is_named_and_no_message_shows_one() {
    let at = "f:5: kafka.properties.sasl.password:";
    let check_message = |line: &str, expected: &str| {
        check(&format!("[kafka.properties]\n{line}"), &[], &[expected]);
        let message = read(&format!("{NEEDED}[kafka.properties]\n{line}"), &[]).err().unwrap_or_default();
        assert!(!message.contains("geheim"), "{message}");
    };
    let set = format!("{at} set the environment variable NOWHERE; it is not set");
    check_message("sasl.password = \"${env:NOWHERE}\"", &set);
    let file = format!("{at} make /no/such a readable file of text; No such file or directory (os error 2)");
    check_message("sasl.password = \"${file:/no/such}\"", &file);
    let neither = format!("{at} write ${{env:NAME}} or ${{file:PATH}}; it is neither");
    check_message("sasl.password = \"${geheim}\"", &neither);
    check_message(
        "sasl.password = \"geheim",
        "f:5: kafka.properties: write this line as TOML; invalid basic string, expected `\"`",
    );
}
