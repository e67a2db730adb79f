//! kill -9, at random instants and at named points: nothing is lost, doubled or invented.
//!
//! `GATEBOOK_KILLS=500` asks for that many random kills instead of fifty.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use rand::Rng;

use crate::harness::event::rubbish;
use crate::harness::feed::produce_mixed;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::process::Process;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::until;

const PARTITIONS: i32 = 3;

/// Records that each kill finds to land, a partition.
const RECORDS: u64 = 4_000;

/// A fresh topic and book after so many kills, so that each comparison stays quick.
const KILLS_PER_BOOK: u32 = 25;

/// After the sign of work the kill comes within this time: about what landing the records takes.
const KILL_WITHIN_MS: u64 = 400;

/// Settings by which each run of maintenance has something to merge and little to wait for.
const EAGER_UPKEEP: &str =
    "compact_files_min = 2\ncheckpoint_commits = 3\nvacuum_after_hours = 1\nlease_s = 5";

/// At least `checkpoint_commits` of [`EAGER_UPKEEP`].
const COMMITS_A_CHECKPOINT: u64 = 3;

#[test]
fn random_kills_lose_and_double_nothing() {
    let kills: u32 = std::env::var("GATEBOOK_KILLS").map_or(50, |n| n.parse().expect("a number of kills"));
    let mut done = 0;
    while done < kills {
        let due = KILLS_PER_BOOK.min(kills - done);
        kill_one_book(due);
        done += due;
    }
}

/// Kills a process that works on one book `kills` times.
fn kill_one_book(kills: u32) {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "kills", PARTITIONS, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("kafka.properties", "\"session.timeout.ms\" = \"2000\"\n\"heartbeat.interval.ms\" = \"500\"")
        .set("maintain", EAGER_UPKEEP);
    let writer = topic.writer();
    let mut killed = 0;
    let mut attempts = 0;
    while killed < kills {
        assert!(attempts < kills * 3, "{attempts} attempts gave only {killed} kills");
        produce_mixed(&writer, PARTITIONS, attempts.into(), RECORDS);
        let arguments: &[&str] = match attempts % 5 {
            3 => &["ingest"],
            4 => &["maintain", "--once"],
            _ => &["ingest", "--until-caught-up"],
        };
        attempts += 1;
        if kill_at_random(&deployment, arguments) {
            killed += 1;
            Truth::assert_is_begun(&topic, &deployment.book());
            deployment.succeed(&["check"]);
        }
    }
    prove(&deployment, &topic);
}

/// Runs a command and kills it at a random instant after a sign of work. False when it ended by
/// itself before, which does not count.
fn kill_at_random(deployment: &Deployment, arguments: &[&str]) -> bool {
    let before = deployment.files();
    let mut process = deployment.spawn(arguments);
    until("a sign of work, or the end", ENDS, || {
        (deployment.files() != before || !process.running()).then_some(())
    });
    std::thread::sleep(Duration::from_millis(rand::rng().random_range(0..KILL_WITHIN_MS)));
    died(process.kill())
}

#[test]
fn kills_at_named_points_of_ingest() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "kills-ingest", PARTITIONS, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let writer = topic.writer();
    let points = ["before-file", "mid-file", "after-file", "before-commit", "after-commit"];
    for (batch, point) in (0..).zip(points) {
        produce_mixed(&writer, PARTITIONS, batch, RECORDS);
        kill_at(&deployment, point, &["ingest", "--until-caught-up"]);
        Truth::assert_is_begun(&topic, &deployment.book());
    }
    prove(&deployment, &topic);
}

#[test]
fn kills_at_named_points_of_maintenance() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "kills-maintain", PARTITIONS, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).set("maintain", EAGER_UPKEEP);
    let writer = topic.writer();
    let points = [
        "compact-before-commit",
        "compact-after-commit",
        "checkpoint-before",
        "checkpoint-after",
        "vacuum-before",
        "vacuum-after",
    ];
    for (round, point) in (0..).zip(points) {
        for commit in 0..COMMITS_A_CHECKPOINT {
            produce_mixed(&writer, PARTITIONS, round * COMMITS_A_CHECKPOINT + commit, 200);
            deployment.succeed(&["ingest", "--until-caught-up"]);
        }
        // Files that no commit names, left by a kill long ago: vacuum has something to delete.
        topic.produce(0, &[rubbish(round)]);
        kill_at(&deployment, "before-commit", &["ingest", "--until-caught-up"]);
        deployment.age_files(Duration::from_secs(2 * 60 * 60));
        deployment.succeed(&["ingest", "--until-caught-up"]);
        let before = deployment.files();
        kill_at(&deployment, point, &["maintain", "--once"]);
        let after = deployment.files();
        assert!(
            point != "vacuum-after" || before.iter().any(|file| !after.contains(file)),
            "vacuum deleted nothing"
        );
        Truth::read(&topic).assert_is_all_of(&deployment.book());
        deployment.succeed(&["check"]);
    }
    prove(&deployment, &topic);
}

/// Runs a command that must die at a named point.
fn kill_at(deployment: &Deployment, point: &str, arguments: &[&str]) {
    let process: Process = deployment.spawn_failing_at(point, 1, arguments);
    let ended = process.wait(ENDS);
    assert!(ended.status.signal().is_some(), "never came to {point}:\n{}", ended.stderr);
}

/// Lands the rest and compares, before and after maintenance.
fn prove(deployment: &Deployment, topic: &Topic) {
    deployment.catch_up();
    let truth = Truth::read(topic);
    truth.assert_is_all_of(&deployment.book());
    deployment.succeed(&["maintain", "--once"]);
    deployment.succeed(&["check"]);
    truth.assert_is_all_of(&deployment.book());
}

fn died(ended: crate::harness::process::Ended) -> bool {
    ended.status.signal() == Some(9)
}
