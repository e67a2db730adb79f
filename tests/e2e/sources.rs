//! Topics that carry the logs of other products.

use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;

const DUO: &[&str] = &[
    r#"{"txid":"t-1","isotimestamp":"2026-11-20T08:00:00.120000+00:00","timestamp":1795161600,"event_type":"authentication",
        "user":{"name":"ada@acme.example"},"factor":"duo_push","result":"fraud","reason":"user_marked_fraud",
        "access_device":{"ip":"192.0.2.7"},"application":{"name":"VPN"}}"#,
    r#"{"txid":"t-2","isotimestamp":"2026-11-20T08:05:00+00:00","event_type":"authentication","user":{"name":"bob@acme.example"},
        "factor":"remembered_device","result":"success","reason":"remembered_device"}"#,
    r#"{"action":"bypass_create","isotimestamp":"2026-11-20T09:00:00+00:00","timestamp":1795165200,"object":"ada@acme.example",
        "username":"Grace Admin","description":"{\"count\": 1, \"valid_secs\": 3600}"}"#,
    r#"{"action":"integration_create","isotimestamp":"2026-11-20T09:01:00+00:00","timestamp":1795165260,"object":"VPN",
        "username":"Grace Admin"}"#,
    r#"{"txid":"t-3","event_type":"authentication","isotimestamp":"yesterday","result":"success","factor":"duo_push"}"#,
];

/// Two sign-ins in one record, and a record without any.
const ENTRA: &[&str] = &[
    r#"{"records":[
        {"time":"2026-11-20T10:00:00Z","category":"SignInLogs","tenantId":"11111111-2222-4333-8444-555555555555",
         "resultType":"500121","properties":{"id":"s-1","createdDateTime":"2026-11-20T10:00:00Z",
         "userPrincipalName":"Ada@acme.example","authenticationRequirement":"multiFactorAuthentication",
         "status":{"errorCode":500121,"failureReason":"Authentication failed during strong authentication request."},
         "authenticationDetails":[{"authenticationMethod":"Password","succeeded":true},
          {"authenticationMethod":"Mobile app notification","succeeded":false,
           "authenticationStepResultDetail":"MFA denied; user declined the authentication"}]}},
        {"time":"2026-11-20T10:01:00Z","category":"SignInLogs","tenantId":"11111111-2222-4333-8444-555555555555",
         "resultType":"0","properties":{"id":"s-2","createdDateTime":"2026-11-20T10:01:00Z",
         "userPrincipalName":"bob@acme.example","authenticationRequirement":"singleFactorAuthentication",
         "status":{"errorCode":0}}}]}"#,
    r#"{"records":[]}"#,
];

fn values(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The answer to a question, without its head line.
fn rows(deployment: &Deployment, sql: &str) -> Vec<String> {
    let printed = deployment.succeed(&["sql", "--format", "csv", sql]);
    printed.lines().skip(1).map(str::to_owned).collect()
}

#[test]
fn each_element_lands_as_what_it_is_under_the_names_of_the_deployment() {
    let brokers = Kafka::shared().brokers();
    let ours = Topic::create(&brokers, "sources-ours", 1, &[]);
    let duo = Topic::create(&brokers, "sources-duo", 1, &[]);
    let entra = Topic::create(&brokers, "sources-entra", 1, &[]);
    duo.produce(0, &values(DUO));
    entra.produce(0, &values(ENTRA));
    let topics = format!(
        "[[topics]]\nname = \"{}\"\nsource = \"duo\"\ntenant = \"acme\"\nbackfill = true\n\
         [[topics]]\nname = \"{}\"\nsource = \"entra\"\nbackfill = true\n\
         [tenants]\n\"11111111-2222-4333-8444-555555555555\" = \"acme\"\n",
        duo.name, entra.name
    );
    let deployment = Deployment::new(&brokers, &ours.name).append(&topics);
    deployment.catch_up();
    let rows = |sql: &str| rows(&deployment, sql);
    assert_eq!(
        rows(
            "SELECT source, tenant_id, user_key, method, result, denial_reason, stage, assurance FROM events \
             ORDER BY occurred_at"
        ),
        [
            "duo,acme,ada@acme.example,mobile-app-notification,denied,fraud-reported,second-factor,challenged",
            "duo,acme,bob@acme.example,,success,,second-factor,satisfied-earlier",
            "entra,acme,ada@acme.example,mobile-app-notification,denied,user-declined,second-factor,challenged",
            "entra,acme,bob@acme.example,,success,,whole-sign-in,first-factor-only",
        ]
    );
    assert_eq!(
        rows("SELECT tenant_id, user_id, actor, change, day FROM changes"),
        ["acme,ada@acme.example,Grace Admin,bypass-granted,2026-11-20"]
    );
    assert_eq!(rows("SELECT reason, source FROM rejections"), ["bad-time,duo"]);
    assert_eq!(
        rows(
            "SELECT sum(records), sum(empty_records), sum(elements), sum(events), sum(changes), sum(rejections) \
             FROM segments"
        ),
        ["7,1,7,4,1,1"]
    );
    assert_eq!(
        rows(
            "SELECT map_keys(skipped_by_kind) AS kinds FROM segments WHERE cardinality(skipped_by_kind) > 0"
        ),
        ["\"[\"\"integration_create\"\"]\""]
    );
}

/// A deployment with one topic of Entra beside an empty one.
fn entra_alone(theme: &str, partitions: i32) -> (Deployment, Topic) {
    let brokers = Kafka::shared().brokers();
    let ours = Topic::create(&brokers, &format!("{theme}-ours"), 1, &[]);
    let entra = Topic::create(&brokers, theme, partitions, &[]);
    let topics = format!("[[topics]]\nname = \"{}\"\nsource = \"entra\"\nbackfill = true\n", entra.name);
    (Deployment::new(&brokers, &ours.name).append(&topics), entra)
}

fn sign_in(id: &str, code: u32) -> Vec<u8> {
    format!(
        r#"{{"id":"{id}","createdDateTime":"2026-11-20T10:00:00Z","userPrincipalName":"ada@acme.example",
            "authenticationRequirement":"multiFactorAuthentication","status":{{"errorCode":{code}}}}}"#
    )
    .into_bytes()
}

#[test]
fn a_sign_in_that_comes_again_counts_once_and_with_its_last_state() {
    let (deployment, entra) = entra_alone("sources-states", 2);
    entra.produce(0, &[sign_in("s-1", 50_074), sign_in("s-2", 0)]);
    deployment.catch_up();
    // Later states and copies, in the other partition too, where the window of duplicates does not reach.
    entra.produce(1, &[sign_in("s-1", 500_121), sign_in("s-2", 0), sign_in("s-2", 0)]);
    deployment.catch_up();
    assert_eq!(
        rows(&deployment, "SELECT event_id, result, denial_reason FROM counted_events ORDER BY event_id"),
        ["s-1,denied,unspecified", "s-2,success,"]
    );
    assert_eq!(rows(&deployment, "SELECT count(*) FROM events"), ["5"]);
    let range = ["--from", "2026-11-20", "--to", "2026-11-21"];
    let report = |more: &[&str]| {
        let asked = [&["report", "usage"], range.as_slice(), more, &["--format", "csv"]].concat();
        let told = deployment.succeed(&asked);
        let events: Option<Vec<&str>> = told.lines().nth(1).map(|row| row.split(',').take(4).collect());
        events.map(|events| events.join(","))
    };
    assert_eq!(report(&[]).as_deref(), Some("2,1,1,0"));
    assert_eq!(report(&["--duplicates", "include"]).as_deref(), Some("5,3,1,1"));
    // Upkeep puts the rows into other files.
    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(report(&[]).as_deref(), Some("2,1,1,0"));
    let exported = deployment.succeed(&[&["export", "--as", "ocsf"], range.as_slice()].concat());
    let exported: Vec<serde_json::Value> =
        exported.lines().map(|line| serde_json::from_str(line).expect("an event a line")).collect();
    let mut told: Vec<_> = exported
        .iter()
        .map(|event| (event["metadata"]["uid"].as_str(), event["status_id"].as_i64()))
        .collect();
    told.sort();
    assert_eq!(told, [(Some("s-1"), Some(2)), (Some("s-2"), Some(1))]);
}

#[test]
fn with_all_bytes_kept_each_row_can_be_read_anew_from_its_own() {
    let (deployment, entra) = entra_alone("sources-raw", 1);
    let deployment = deployment.set("ingest", "keep_raw = \"all\"").set("maintain", "compact_files_min = 2");
    let broken = r#"{"id":"s-9","createdDateTime":"yesterday","status":{"errorCode":0}}"#;
    let wrapped = format!(
        r#"{{"records":[{},{broken},{}]}}"#,
        String::from_utf8(sign_in("s-1", 0)).expect("text"),
        String::from_utf8(sign_in("s-2", 50_126)).expect("text"),
    );
    entra.produce(0, &[wrapped.into_bytes(), sign_in("s-3", 0)]);
    deployment.catch_up();
    let raw =
        |sql: &str| -> Vec<Vec<u8>> { rows(&deployment, sql).iter().map(|hex| hex_bytes(hex)).collect() };
    let kept = raw("SELECT raw FROM events ORDER BY event_id");
    assert_eq!(kept, [sign_in("s-1", 0), sign_in("s-2", 50_126), sign_in("s-3", 0)]);
    // Upkeep puts the bytes into other files, and nothing else.
    entra.produce(0, &[sign_in("s-4", 0)]);
    deployment.catch_up();
    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(raw("SELECT raw FROM events WHERE event_id < 's-4' ORDER BY event_id"), kept);
    // A rejection keeps its own part of the record, so that to produce it again brings no other element again.
    assert_eq!(raw("SELECT raw FROM rejections"), [broken.as_bytes()]);
    // The decoder of today reads them as they were read.
    let range = ["--from", "2026-11-20", "--to", "2026-11-21"];
    let told = deployment.succeed(&[&["redecode"], range.as_slice()].concat());
    for line in [
        "4  in the range",
        "4  read the same",
        "0  would read differently",
        "read by entra/2, now by entra/2",
    ] {
        assert!(told.contains(line), "{told}");
    }
    let told = deployment.succeed(&[&["redecode", "--source", "okta"], range.as_slice()].concat());
    assert!(told.contains("0  in the range"), "{told}");
    // Without being told, events keep no bytes.
    let (plain, entra) = entra_alone("sources-no-raw", 1);
    entra.produce(0, &[sign_in("s-1", 0)]);
    plain.catch_up();
    assert_eq!(rows(&plain, "SELECT count(*), count(raw) FROM events"), ["1,0"]);
    let told = plain.succeed(&[&["redecode"], range.as_slice()].concat());
    assert!(told.contains("1  of them without kept bytes"), "{told}");
}

fn hex_bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(digits).collect()
}
