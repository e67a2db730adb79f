//! The small world of `gatebook demo --once`: the same book each time, and reports that find what is hidden in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;

const UNTIL: &str = "2026-11-24";
const DAY: [&str; 4] = ["--from", "2026-11-23", "--to", UNTIL];

/// A world in a folder of its own.
struct World {
    deployment: Deployment,
    folder: TempDir,
}

impl World {
    fn make(records: &str) -> Self {
        // The demo brings a broker of its own: the deployment is but a folder to start commands in.
        let deployment = Deployment::new(&Kafka::shared().brokers(), "unread");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let world = Self { deployment, folder };
        let folder = world.path("").display().to_string();
        world.plain(&["demo", "--once", &folder, "--until", UNTIL, "--seed", "1", "--events", records]);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("world").join(name)
    }

    fn plain(&self, arguments: &[&str]) -> String {
        let process = self.deployment.spawn_plain(arguments);
        let ended = process.wait(crate::harness::gatebook::ENDS);
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}: {}", ended.stderr);
        ended.stdout
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let config = self.path("gatebook.toml").display().to_string();
        self.plain(&[arguments, &["--config", &config]].concat())
    }

    fn report(&self, name: &str, more: &[&str]) -> Vec<Value> {
        let json = self.ask(&[&["report", name, "--format", "json"], &DAY[..], more].concat());
        let json: Value = serde_json::from_str(&json).expect("JSON");
        json["rows"].as_array().expect("rows").clone()
    }

    /// The planted stories: report, kind, subject, from and to in microseconds.
    fn stories(&self) -> Vec<Story> {
        let text = std::fs::read_to_string(self.path("stories.json")).expect("the stories");
        let stories: Value = serde_json::from_str(&text).expect("JSON");
        let text = |story: &Value, name: &str| story[name].as_str().expect("a text").to_owned();
        let story = |story: &Value| Story {
            report: text(story, "report"),
            kind: text(story, "kind"),
            subject: text(story, "subject"),
            from_us: story["span_us"][0].as_i64().expect("a moment"),
            to_us: story["span_us"][1].as_i64().expect("a moment"),
        };
        stories.as_array().expect("a list").iter().map(story).collect()
    }
}

#[derive(Debug)]
struct Story {
    report: String,
    kind: String,
    subject: String,
    from_us: i64,
    to_us: i64,
}

fn us(text: &Value) -> i64 {
    let text = text.as_str().expect("a moment");
    chrono::DateTime::parse_from_rfc3339(text).expect("RFC 3339").timestamp_micros()
}

impl Story {
    /// Whether a hit is about this one's subject, at its time.
    fn is_told_by(&self, hit: &Value) -> bool {
        let is_subject =
            ["person", "address", "number_range"].iter().any(|name| hit[*name] == self.subject.as_str());
        is_subject && us(&hit["first_at"]) <= self.to_us && us(&hit["last_at"]) >= self.from_us
    }
}

#[test]
fn planted_attacks_are_found_and_what_looks_like_them_is_not() {
    let world = World::make("40000");
    let stories: Vec<Story> =
        world.stories().into_iter().filter(|story| story.report == "suspicious").collect();
    let hits = world.report("suspicious", &[]);
    // By kind: planted, found, hits, right ones.
    let mut counts: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
    for story in &stories {
        let counts = counts.entry(&story.kind).or_default();
        counts[0] += 1;
        counts[1] += usize::from(hits.iter().any(|hit| hit["kind"] == *story.kind && story.is_told_by(hit)));
    }
    for hit in &hits {
        let counts = counts.entry(hit["kind"].as_str().expect("a kind")).or_default();
        counts[2] += 1;
        counts[3] += usize::from(stories.iter().any(|story| story.is_told_by(hit)));
    }
    let all = counts.values().fold([0; 4], |all, counts| std::array::from_fn(|at| all[at] + counts[at]));
    let mut table = "| kind | planted | found | hits | right |\n|---|---|---|---|---|\n".to_owned();
    for (kind, [planted, found, hits, right]) in
        counts.iter().map(|(kind, it)| (*kind, *it)).chain([("all", all)])
    {
        table += &format!("| {kind} | {planted} | {found} | {hits} | {right} |\n");
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reports/suspicious.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let told: Vec<String> = hits
        .iter()
        .map(|hit| format!("{} {} {} {}", hit["kind"], hit["person"], hit["address"], hit["what"]))
        .collect();
    assert!(
        page.contains(&table),
        "docs/reports/suspicious.md says otherwise than\n{table}\n{told:#?}\n{stories:#?}"
    );
    // The one with an enrolment after it is the worst.
    assert_eq!(hits[0]["severity"], "critical", "{hits:#?}");
    // Whatever the range, the same hits have the same ids.
    let month =
        world.ask(&["report", "suspicious", "--format", "json", "--from", "2026-11-01", "--to", UNTIL]);
    let month: Value = serde_json::from_str(&month).expect("JSON");
    let ids = |hits: &[Value]| hits.iter().map(|hit| hit["id"].to_string()).collect::<Vec<_>>();
    let of_month = ids(month["rows"].as_array().expect("rows"));
    assert!(ids(&hits).iter().all(|id| of_month.contains(id)), "{hits:#?}\n{of_month:?}");

    other_reports_tell_their_stories(&world);
}

fn other_reports_tell_their_stories(world: &World) {
    let throttled = world.report("throttling", &[]);
    for (kind, column) in
        [("throttled", "limited"), ("expired-code", "expired_codes"), ("other-server", "other_server_codes")]
    {
        let stories = world.stories();
        let story = stories.iter().find(|story| story.kind == kind).expect("planted");
        let row = throttled.iter().find(|row| row["person"] == story.subject.as_str());
        assert!(row.is_some_and(|row| row[column].as_i64() > Some(0)), "{kind}: {row:?}");
    }
    let servers = world.report("server-status", &[]);
    let of = |server: &str| servers.iter().find(|row| row["server"] == server).expect("a row");
    assert_eq!(of("mfa-syd-01")["state"], "not-seen");
    assert_eq!((&of("mfa-nyc-01")["state"], &of("mfa-nyc-01")["outages"]), (&"speaking".into(), &1.into()));
    let quiet = servers.iter().filter(|row| row["server"] != "mfa-nyc-01");
    assert!(quiet.clone().all(|row| row["outages"] == 0), "{servers:#?}");
    let prefixes = world.report("telephony", &["--per", "prefix"]);
    let dear = prefixes.iter().find(|row| row["prefix"] == "+1876").expect("a row");
    assert_eq!((&dear["country"], &dear["sent"], &dear["verified"]), (&"JM".into(), &150.into(), &0.into()));
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let month =
        world.ask(&["report", "migration", "--format", "json", "--from", "2026-10-21", "--to", UNTIL]);
    let month: Value = serde_json::from_str(&month).expect("JSON");
    for row in month["rows"].as_array().expect("rows") {
        *states.entry(row["state"].to_string()).or_default() += 1;
    }
    // A fifth of the bank's 160 people is on the server, a fifth on the move.
    assert_eq!(states.into_values().collect::<Vec<_>>(), [32, 96, 32]);
    // Persons are joined over products: nobody is counted by a short name.
    let persons = world.ask(&[
        "sql",
        "--format",
        "csv",
        "SELECT count(*), count(*) FILTER (WHERE person LIKE '%(duo)') FROM persons",
    ]);
    let line = persons.lines().nth(1).expect("a row").to_owned();
    assert_eq!(
        line, "272,0",
        "260 people and 12 who never came; telephone calls of nobody who is named are none"
    );
}

#[test]
fn the_same_seed_and_end_make_the_same_book() {
    let worlds = [World::make("6000"), World::make("6000")];
    // Everything that Kafka and the products say; not when it was committed, nor the ids of topics.
    let sql = "SELECT kafka_topic, kafka_partition, kafka_offset, event_id, occurred_at, received_at, user_id, result FROM events \
               ORDER BY 1, 2, 3";
    let [one, other] = worlds.each_ref().map(|world| world.ask(&["sql", "--format", "csv", sql]));
    assert!(one.lines().count() > 5_000, "{} lines", one.lines().count());
    assert!(one == other, "two books differ");
    let [one, other] = worlds.each_ref().map(|world| {
        world.ask(&[
            "sql",
            "--format",
            "csv",
            "SELECT occurred_at, user_id, change, actor FROM changes ORDER BY 1, 2, 3",
        ])
    });
    assert_eq!(one, other);
    worlds[0].ask(&["check"]);
    // A folder that holds something is left alone.
    let folder = worlds[0].path("").display().to_string();
    let again =
        worlds[0].deployment.spawn_plain(&["demo", "--once", &folder]).wait(crate::harness::gatebook::ENDS);
    assert_eq!(again.status.code(), Some(2));
    assert!(again.stderr.contains("choose another folder for --once"), "{}", again.stderr);
}
