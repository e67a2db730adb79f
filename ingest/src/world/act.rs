//! What happens at a gate or to an account, before any product writes it down.

use schemas::vocabulary::Method;

use super::Feed;

/// Something that a product writes down.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) feed: Feed,
    pub(super) at_us: i64,
    /// How long after it Kafka gets it.
    pub(super) late_us: i64,
    /// Who, by their place among the people.
    pub(super) who: usize,
    pub(super) what: What,
}

#[derive(Debug, Clone)]
pub(super) enum What {
    Event(Event),
    /// Duo's record of a call or text that went out.
    Telephony {
        method: Method,
        credits: u32,
        key: u64,
    },
    Change(Change),
}

/// Somebody at a gate.
#[derive(Debug, Clone)]
pub(super) struct Event {
    pub(super) method: Method,
    pub(super) end: End,
    /// The authentication server, by its place in the list.
    pub(super) server: usize,
    pub(super) client_ip: String,
    pub(super) application: &'static str,
    /// What the records of one attempt have in common.
    pub(super) key: u64,
    /// What no other record has.
    pub(super) id: u64,
    /// A number that is not the person's own.
    pub(super) phone: Option<String>,
    /// Prompts that were declined before this end, where the product tells of all in one record.
    pub(super) declined_before: u32,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Approved,
    /// A code went out, and its check is another record.
    Sent,
    Remembered,
    TrustedPlace,
    External,
    AppPassword,
    /// A mail program of old, by a password and nothing else.
    LegacyPassword,
    /// Entra's own word where Duo asks for the second factor.
    SingleFactor,
    Bypassed,
    Declined,
    NoResponse,
    WrongCode,
    WrongPassword,
    Fraud,
    Throttled,
    Unreachable,
    NotSent,
    NotActivated,
    ServiceTimeout,
}

/// Something that happens to an account or a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    MethodAdded,
    MethodRemoved,
    Reset,
    Blocked,
    Unblocked,
    BypassGranted { seconds: i64, reason: &'static str },
    FraudReported,
    AppPasswordAdded,
}
