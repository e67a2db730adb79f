//! SIGTERM: commit what is read, leave the group, exit 0 within ten seconds.

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
        Truth::read(&topic).assert_begins_with(&deployment.book());
    }
    feed.stop();
    deployment.catch_up();
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
