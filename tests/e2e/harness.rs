//! What the tests stand on: brokers, topics, the command under test, and an independent truth.

pub(crate) mod broker;
pub(crate) mod certificates;
pub(crate) mod disk;
pub(crate) mod event;
pub(crate) mod feed;
pub(crate) mod gatebook;
pub(crate) mod http;
pub(crate) mod kafka;
pub(crate) mod process;
pub(crate) mod python;
pub(crate) mod topic;
pub(crate) mod truth;
pub(crate) mod wait;
