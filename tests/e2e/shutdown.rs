//! SIGTERM: commit what is read, leave the group, exit 0 within ten seconds.

use std::time::Duration;

use crate::harness::event::events;
use crate::harness::feed::Feed;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;
use crate::harness::wait::SOON;

#[test]
fn a_terminated_worker_leaves_nothing_half_done() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "terminated", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    let feed = Feed::start(&topic, 2);
    for _ in 0..3 {
        let worker = deployment.spawn(&["ingest"]);
        deployment.wait_for_work(SOON);
        deployment.terminate(worker);
        Truth::assert_is_begun(&topic, &deployment.book());
    }
    feed.stop();
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn what_was_read_is_landed_on_the_way_out() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "way-out", 1, &[]);
    topic.produce(0, &events(0..5_000));
    // Nothing else would land within this test; a second pipeline would, by joining the group.
    let deployment = Deployment::new(&kafka.brokers(), &topic.name)
        .set("ingest", "commit_interval_ms = 600000\npipelines = 1");
    let worker = deployment.spawn(&["ingest"]);
    worker.wait_for_line("assigned", SOON);
    std::thread::sleep(Duration::from_secs(3)); // far longer than it takes to read them
    assert_eq!(deployment.number("select count(*) from events"), 0);
    deployment.terminate(worker);
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}

#[test]
fn catching_up_twice_lands_nothing_the_second_time() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "twice", 2, &[]);
    topic.produce(0, &events(0..5_000));
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.catch_up();
    let files = deployment.files();
    deployment.catch_up();
    assert_eq!(deployment.files(), files, "no records, no commit");
    Truth::read(&topic).assert_is_all_of(&deployment.book());
}
