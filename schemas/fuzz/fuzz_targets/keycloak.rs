//! Any bytes as a record of source `keycloak`: what holds stands in `properties.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use schemas::Source;

#[path = "../properties.rs"]
mod properties;

fuzz_target!(|value: &[u8]| {
    properties::check(Source::Keycloak, value);
});
