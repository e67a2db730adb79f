//! What decides which events are one attempt.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::attempter::Step;

/// Rules of attempts.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rules {
    /// The longest pause within an attempt, in microseconds.
    pub gap_us: i64,
    /// How long a challenge can be answered, in microseconds, by authentication server; and where none is named.
    pub life_us: BTreeMap<String, i64>,
    /// On a server of the organisation's own: sources `mfa-server` and `gatebook`.
    pub life_own_us: i64,
    /// In the cloud: every other source.
    pub life_cloud_us: i64,
}

const SECOND_US: i64 = 1_000_000;

/// Changes with the rules in [`Attempter`](crate::Attempter), and with what else is kept, so that what an earlier program made
/// is made again.
const VERSION: u32 = 5;

impl Default for Rules {
    fn default() -> Self {
        Self {
            gap_us: 600 * SECOND_US,
            life_us: BTreeMap::new(),
            life_own_us: 300 * SECOND_US,
            life_cloud_us: 180 * SECOND_US,
        }
    }
}

impl Rules {
    /// After how long without any event of a person nothing of before matters, in microseconds.
    #[must_use]
    pub fn silence_us(&self) -> i64 {
        let lives = self.life_us.values().chain([&self.life_own_us, &self.life_cloud_us]);
        lives.copied().fold(self.gap_us, i64::max)
    }

    /// What stands for these rules: others have another one.
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        let digest = Sha256::digest(format!("{VERSION} {self:?}"));
        digest.iter().take(8).fold(0, |all, byte| all << 8 | i64::from(*byte)) & i64::MAX
    }

    /// How long a challenge of this event can be answered.
    pub(crate) fn life_us(&self, step: &Step<'_>) -> i64 {
        let by_server = step.server.and_then(|server| self.life_us.get(server));
        let by_source = if matches!(step.source, "mfa-server" | "gatebook") {
            self.life_own_us
        } else {
            self.life_cloud_us
        };
        by_server.copied().unwrap_or(by_source)
    }
}
