//! What detectors look at: an event, or a change that somebody reported fraud or got a method.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use schemas::is_somebody;
use schemas::vocabulary::{AuthResult, DenialGroup, DenialReason, Method, Stage};

use crate::arrays::{Texts, column, numbers};
use crate::people::Owners;
use crate::report::changed::place;

/// An event, as far as detectors need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) tenant_id: String,
    pub(super) source: String,
    pub(super) user_key: String,
    /// Whose it is; empty until that is known.
    pub(super) person: String,
    pub(super) event_id: String,
    pub(super) at_us: i64,
    pub(super) method: Option<Method>,
    pub(super) result: AuthResult,
    pub(super) reason: Option<DenialReason>,
    pub(super) stage: Stage,
    pub(super) prompts: Option<i32>,
    pub(super) client_ip: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) attempt_id: Option<String>,
    /// TOPIC:PARTITION:OFFSET:ELEMENT
    pub(super) place: String,
}

/// The columns, in the order in which they are read.
pub(super) const TEXTS: [&str; 13] = [
    "tenant_id",
    "source",
    "user_key",
    "event_id",
    "method",
    "result",
    "denial_reason",
    "stage",
    "client_ip",
    "phone_number",
    "attempt_id",
    "kafka_topic",
    "application",
];

/// The others.
pub(super) const NUMBERS: [&str; 5] =
    ["occurred_at", "prompts", "kafka_partition", "kafka_offset", "element_index"];

impl Row {
    /// The rows of a batch.
    pub(super) fn read(batch: &RecordBatch, tell: &mut dyn FnMut(Self)) -> Result<(), ArrowError> {
        let texts = Texts::of(batch, &TEXTS)?;
        let at = numbers::<TimestampMicrosecondType>(batch, "occurred_at")?;
        let prompts = column(batch, "prompts")?.as_primitive_opt::<Int32Type>();
        for row in 0..batch.num_rows() {
            let text = |index| texts.get(index, row).map(str::to_owned);
            let needed = |index| texts.needed(index, row).to_owned();
            tell(Self {
                tenant_id: needed(0),
                source: needed(1),
                user_key: needed(2),
                person: String::new(),
                event_id: needed(3),
                at_us: at.value(row),
                method: texts.get(4, row).and_then(Method::parse),
                result: AuthResult::parse(texts.needed(5, row)).unwrap_or(AuthResult::Pending),
                reason: texts.get(6, row).and_then(DenialReason::parse),
                stage: Stage::parse(texts.needed(7, row)).unwrap_or(Stage::UNKNOWN),
                prompts: prompts.and_then(|prompts| prompts.is_valid(row).then(|| prompts.value(row))),
                client_ip: text(8),
                phone_number: text(9),
                attempt_id: text(10),
                place: place(batch, texts.needed(11, row), row)?,
            });
        }
        Ok(())
    }

    pub(super) fn find_person(&mut self, owners: &Owners) {
        let whose = owners.of(&self.tenant_id, &self.source, &self.user_key, self.at_us);
        self.person = whose.person.into_owned();
    }

    /// Whether the source says who it was.
    pub(super) fn is_of_somebody(&self) -> bool {
        is_somebody(&self.user_key)
    }

    pub(super) fn is_success(&self) -> bool {
        self.result == AuthResult::Success
    }

    /// Prompts on a phone that the person declined or left unanswered, as the event tells.
    pub(super) fn unwanted_prompts(&self) -> i64 {
        let is_prompt = matches!(self.method, Some(Method::MobileAppNotification | Method::VoiceCall))
            && self.stage != Stage::FirstFactor;
        if !is_prompt {
            return 0;
        }
        let prompts = i64::from(self.prompts.unwrap_or(1));
        match (self.result, self.reason) {
            (
                AuthResult::Denied,
                Some(
                    DenialReason::UserDeclined
                    | DenialReason::NoResponse
                    | DenialReason::HungUp
                    | DenialReason::FraudReported,
                ),
            ) => prompts.max(1),
            // The last of them was approved.
            (AuthResult::Success, _) => (prompts - 1).max(0),
            _ => 0,
        }
    }

    pub(super) fn is_wrong_code(&self) -> bool {
        matches!(self.reason, Some(DenialReason::WrongCode | DenialReason::WrongPin))
    }

    /// Whether somebody was denied who may have been guessed at: by what was typed or pressed, or since there is no such user.
    pub(super) fn is_guess(&self) -> bool {
        let is_user = |reason: DenialReason| {
            reason.group() == DenialGroup::User
                || matches!(reason, DenialReason::UnknownUser | DenialReason::LockedOut)
        };
        self.result == AuthResult::Denied && self.reason.is_some_and(is_user)
    }

    /// The range of the number that a call or a text went to: all but its last four digits, or what is stored where only
    /// a part is. None where the source masks the number.
    pub(super) fn number_range(&self) -> Option<&str> {
        if !matches!(self.method, Some(Method::TextMessage | Method::VoiceCall)) {
            return None;
        }
        number_range(self.phone_number.as_deref()?)
    }
}

/// Digits of a number whose end is left out of its range.
const LINE_DIGITS: usize = 4;

/// A number that is shorter is a range already.
const NUMBER_CHARS_MIN: usize = 9;

/// The range of a number; none where it is masked.
pub(super) fn number_range(number: &str) -> Option<&str> {
    let is_whole = number.chars().all(|char| char.is_ascii_digit() || "+ ".contains(char));
    if !is_whole || number.is_empty() {
        return None;
    }
    if number.len() < NUMBER_CHARS_MIN { Some(number) } else { number.get(..number.len() - LINE_DIGITS) }
}

/// A change of somebody's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChangeRow {
    pub(super) tenant_id: String,
    pub(super) source: String,
    pub(super) user_key: String,
    pub(super) person: String,
    pub(super) at_us: i64,
    pub(super) is_fraud: bool,
    pub(super) place: String,
}

/// The columns of a change.
const CHANGE_TEXTS: [&str; 6] = ["tenant_id", "source", "user_key", "change", "result_code", "kafka_topic"];

impl ChangeRow {
    /// The rows of a batch.
    pub(super) fn read(batch: &RecordBatch, tell: &mut dyn FnMut(Self)) -> Result<(), ArrowError> {
        let texts = Texts::of(batch, &CHANGE_TEXTS)?;
        let at = numbers::<TimestampMicrosecondType>(batch, "occurred_at")?;
        for row in 0..batch.num_rows() {
            let needed = |index| texts.needed(index, row).to_owned();
            tell(Self {
                tenant_id: needed(0),
                source: needed(1),
                user_key: needed(2),
                person: String::new(),
                at_us: at.value(row),
                is_fraud: matches!(texts.needed(3, row), "fraud-reported" | "blocked"),
                place: place(batch, texts.needed(5, row), row)?,
            });
        }
        Ok(())
    }

    pub(super) fn find_person(&mut self, owners: &Owners) {
        let whose = owners.of(&self.tenant_id, &self.source, &self.user_key, self.at_us);
        self.person = whose.person.into_owned();
    }
}
