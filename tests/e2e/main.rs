//! End to end: the real `gatebook` command between a real Apache Kafka and a book on disk.
//!
//! `scripts/test` makes Kafka's jars and the Python readers ready; without them every test here
//! fails and says so. Most tests share one broker and tell their topics apart by name.
#![cfg_attr(not(feature = "tls"), expect(dead_code, reason = "the harness of security.rs"))]

mod harness;

mod attacks;
mod backfill;
mod brokers;
mod command_line;
mod demo;
mod directions;
mod directory;
mod duplicates;
mod fields;
mod first_run;
mod harness_holds;
mod http;
mod kills;
mod maintenance;
mod pages;
mod projections;
mod readers;
mod redecode;
mod rejections;
mod saved;
#[cfg(feature = "tls")]
mod security;
mod shutdown;
mod sources;
mod storage;
mod topics;
mod versions;
mod workers;
