//! What reports expect: the thresholds of what is suspicious, and who should speak.

use serde::Serialize;

/// What reports expect of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Section `[suspicious]`.
    pub suspicious: Suspicious,
    /// Authentication servers that should speak: `expected.servers`.
    pub servers: Vec<String>,
    /// Sources that should speak: `expected.sources`.
    pub sources: Vec<String>,
}

/// From when on something is suspicious. The keys of section `[suspicious]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "each key is explained where its default stands, in the file of the configuration"
)]
pub struct Suspicious {
    pub fatigue_prompts_min: u64,
    pub fatigue_pause_s: u64,
    pub follow_s: u64,
    pub enrolment_follow_s: u64,
    pub many_persons_min: u64,
    pub many_persons_pause_s: u64,
    pub many_persons_denied_percent_min: u64,
    pub wrong_codes_min: u64,
    pub wrong_codes_pause_s: u64,
    pub fraud_pause_s: u64,
    pub number_range_messages_min: u64,
    pub number_range_pause_s: u64,
    pub number_range_verified_percent_max: u64,
    pub first_time_days: u64,
    pub first_time_successes_min: u64,
    pub first_time_known_days_min: u64,
}

impl Default for Suspicious {
    fn default() -> Self {
        Self {
            fatigue_prompts_min: 5,
            fatigue_pause_s: 600,
            follow_s: 1_800,
            enrolment_follow_s: 86_400,
            many_persons_min: 10,
            many_persons_pause_s: 600,
            many_persons_denied_percent_min: 60,
            wrong_codes_min: 8,
            wrong_codes_pause_s: 600,
            fraud_pause_s: 3_600,
            number_range_messages_min: 30,
            number_range_pause_s: 300,
            number_range_verified_percent_max: 20,
            first_time_days: 30,
            first_time_successes_min: 5,
            first_time_known_days_min: 7,
        }
    }
}
