//! Two years of history, produced today.

use chrono::{TimeDelta, Utc};

use crate::harness::event::event_at;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;

const DAYS: u64 = 800;
const EVENTS_PER_DAY: u64 = 5;

/// A topic with [`DAYS`] of events, in no order of days.
fn history() -> Topic {
    let topic = Topic::create(&Kafka::shared().brokers(), "history", 1, &[]);
    let now = Utc::now();
    let values: Vec<_> = (0..DAYS * EVENTS_PER_DAY)
        .map(|n| event_at(n, now - TimeDelta::days((n * 37 % DAYS) as i64)))
        .collect();
    topic.produce(0, &values);
    topic
}

#[test]
fn backfill_lands_history_on_its_days() {
    let topic = history();
    let deployment = Deployment::new(&Kafka::shared().brokers(), &topic.name).set_topic("backfill = true");
    deployment.catch_up();
    Truth::read(&topic).assert_is_all_of(&deployment.book());
    let days = deployment.number("select count(distinct day) from events");
    assert_eq!(days, DAYS);
}

#[test]
fn without_backfill_what_is_older_than_retention_is_rejected() {
    let topic = history();
    let deployment = Deployment::new(&Kafka::shared().brokers(), &topic.name);
    deployment.catch_up();
    let rejected = deployment.number("select count(*) from rejections where reason = 'implausible-time'");
    // The age limit is lake.retention_days, 730 unless set; day 730 itself is older by moments.
    assert_eq!(rejected, (DAYS - 730) * EVENTS_PER_DAY);
    assert_eq!(deployment.number("select count(*) from events"), 730 * EVENTS_PER_DAY);
}
