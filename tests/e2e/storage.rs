//! Disks that are full or refuse to be written.

use std::thread;
use std::time::Duration;

use crate::harness::disk::Disk;
use crate::harness::event::events;
use crate::harness::gatebook::{Deployment, ENDS};
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;

#[test]
fn a_full_disk_loses_nothing() {
    let (kafka, disk) = (Kafka::shared(), Disk::mount(32));
    let topic = Topic::create(&kafka.brokers(), "full-disk", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).at(&disk.path().join("lake"));
    topic.produce(0, &events(0..2_000));
    deployment.catch_up();
    let landed = Truth::read(&topic);

    disk.fill();
    topic.produce(1, &events(10_000..30_000));
    let worker = deployment.spawn(&["ingest", "--until-caught-up"]);
    worker.wait_for_line("No space left", ENDS);
    landed.assert_is_all_of(&deployment.book());

    // It may have given up or be trying still; either way the next one lands the rest.
    disk.free();
    worker.wait(ENDS);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn a_read_only_disk_is_named_and_harms_nothing() {
    let (kafka, disk) = (Kafka::shared(), Disk::mount(32));
    let topic = Topic::create(&kafka.brokers(), "read-only-disk", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name).at(&disk.path().join("lake"));
    topic.produce(0, &events(0..2_000));
    deployment.catch_up();
    let landed = Truth::read(&topic);

    disk.make_read_only();
    topic.produce(1, &events(10_000..12_000));
    let worker = deployment.spawn(&["ingest", "--until-caught-up"]);
    worker.wait_for_line("Read-only file system", ENDS);
    landed.assert_is_all_of(&deployment.book());
    deployment.succeed(&["check"]);
    drop(worker);

    disk.make_writable();
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn reading_pauses_while_nothing_can_be_written_and_skips_nothing() {
    let (kafka, disk) = (Kafka::shared(), Disk::mount(64));
    let topic = Topic::create(&kafka.brokers(), "pause", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .at(&disk.path().join("lake"))
        .set("ingest", "pipelines = 1\nbatch_rows_max = 5000\nbatch_bytes_max = 4194304")
        .set("kafka.properties", "\"queued.max.messages.kbytes\" = \"4096\"");
    topic.produce(1, &events(0..1_000));
    deployment.catch_up();

    // The second partition has nothing more to read, and stands at its end while the pipeline pauses.
    let worker = deployment.spawn(&["ingest"]);
    worker.wait_for_line("assigned", ENDS);
    disk.fill();
    topic.produce(0, &events(1_000..151_000));
    worker.wait_for_line("No space left", ENDS);
    let before = worker.peak_memory_mib();
    thread::sleep(Duration::from_secs(4)); // far longer than it waits before it pauses
    let after = worker.peak_memory_mib();
    assert!(after < before + 24, "with 50 MiB to read, memory grew from {before} to {after} MiB");

    disk.free();
    topic.produce(1, &events(151_000..151_010));
    deployment.wait_for_row("event-151009", ENDS);
    deployment.terminate(worker);
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}
