//! The directions between the rooms, as ARCHITECTURE.md draws them.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::MetadataCommand;

/// Each room and the rooms that it may import. A new room is a decision: it is entered here and there.
const DIRECTIONS: &[(&str, &[&str])] = &[
    ("schemas", &[]),
    ("lake", &["schemas"]),
    ("ingest", &["lake", "schemas"]),
    ("projections", &["lake", "schemas"]),
    ("query", &["lake", "projections", "schemas"]),
    ("serve", &["lake", "query", "schemas"]),
    ("gatebook", &["ingest", "lake", "projections", "query", "schemas", "serve"]),
];

#[test]
fn rooms_import_each_other_in_one_direction_only() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let rooms: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let found: BTreeMap<&str, BTreeSet<&str>> = metadata
        .packages
        .iter()
        .map(|package| {
            // Build and test dependencies count too: a test that reaches across is a reach across.
            let imports = package.dependencies.iter().map(|dependency| dependency.name.as_str());
            (package.name.as_str(), imports.filter(|name| rooms.contains(name)).collect())
        })
        .collect();
    let drawn: BTreeMap<&str, BTreeSet<&str>> =
        DIRECTIONS.iter().map(|(room, imports)| (*room, imports.iter().copied().collect())).collect();
    assert_eq!(found, drawn);
}

#[test]
fn only_the_lake_knows_delta_and_only_ingest_knows_kafka() {
    let metadata = MetadataCommand::new().no_deps().exec().expect("cargo metadata");
    let users = |library: &str| -> Vec<&str> {
        let uses = |package: &&cargo_metadata::Package| {
            let normal = cargo_metadata::DependencyKind::Normal;
            package.dependencies.iter().any(|one| one.name == library && one.kind == normal)
        };
        metadata.packages.iter().filter(uses).map(|package| package.name.as_str()).collect()
    };
    assert_eq!(users("rdkafka"), ["ingest"]);
    // The query room hands the lake's table to DataFusion, for which delta-rs brings the provider.
    assert_eq!(users("deltalake-core"), ["lake", "query"]);
}
