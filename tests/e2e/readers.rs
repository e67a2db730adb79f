//! Other Delta readers find the same rows: the Python deltalake package, Polars and DuckDB.

use crate::harness::feed::produce_mixed;
use crate::harness::gatebook::Deployment;
use crate::harness::kafka::Kafka;
use crate::harness::python::python;
use crate::harness::topic::Topic;
use crate::harness::truth::Truth;

#[test]
fn every_reader_finds_the_same_rows() {
    let kafka = Kafka::shared();
    let topic = Topic::create(&kafka.brokers(), "readers", 2, &[]);
    let deployment = Deployment::new(&kafka.brokers(), &topic.name);
    deployment.catch_up();
    assert_eq!(readers_agree_on(&deployment), 0, "the book exists before the first record");

    let writer = topic.writer();
    for batch in 0..4 {
        produce_mixed(&writer, 2, batch, 1_000);
        deployment.catch_up();
    }
    let truth = Truth::read(&topic);
    assert_eq!(readers_agree_on(&deployment), truth.len());

    deployment.succeed(&["maintain", "--once"]);
    assert_eq!(readers_agree_on(&deployment), truth.len());
}

/// The number of elements that every reader finds.
fn readers_agree_on(deployment: &Deployment) -> usize {
    let printed = python("readers.py", &[deployment.book()]);
    // "deltalake 4000 5f1c…" a line
    let found: Vec<(&str, &str)> = printed.lines().filter_map(|line| line.split_once(' ')).collect();
    assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["deltalake", "polars", "duckdb"]);
    assert!(found.iter().all(|(_, rows)| *rows == found[0].1), "the readers differ:\n{printed}");
    found[0].1.split(' ').next().and_then(|count| count.parse().ok()).expect("a count")
}
