//! The telephony log: a text or a call went out, and cost credits. Nothing is decided by it, and it names no
//! user; the authentication record with the same `txid` says how it ended.

use std::borrow::Cow;

use super::{Keys, occurred_at, server_name, text};
use crate::rejection::Rejection;
use crate::vendor::draft::{Draft, Found};
use crate::vendor::when::Id;
use crate::vendor::{derived_id, draft};
use crate::vocabulary::{Assurance, AuthResult, Method, Mode, Stage};

/// Contexts in which nobody signs in: a phone was enrolled, or its number verified.
const NO_SIGN_IN: &[&str] = &["enrollment", "verify"];

pub(super) fn read<'t>(keys: &Keys<'t>) -> Result<Found<'t>, Rejection<'static>> {
    let (context, phone, kind) = (text(keys.context), text(keys.phone), text(keys.kind));
    let is = |name: &&&str| context.is_some_and(|context| context.eq_ignore_ascii_case(name));
    if let Some(context) = NO_SIGN_IN.iter().find(is) {
        return Ok(Found::Skipped(Cow::Owned(format!("telephony {context}"))));
    }
    let occurred_at = occurred_at(keys)?;
    let credits = keys.credits.and_then(super::Json::as_scalar);
    let event_id = text(keys.telephony_id).map_or_else(
        || {
            let at = occurred_at.id_part();
            Id::Made(derived_id(&[
                Some("telephony"),
                at.as_deref(),
                context,
                phone,
                kind,
                credits.as_deref(),
            ]))
        },
        |id| Id::Own(Cow::Borrowed(id)),
    );
    let mut draft = Draft {
        event_id: Some(event_id),
        occurred_at,
        phone_number: draft::text(phone),
        result: Some(AuthResult::Pending),
        result_code: draft::text(context),
        result_detail: credits.map(|credits| Cow::Owned(format!("credits={credits}"))),
        assurance: Some(Assurance::Unknown),
        prompts: Some(1),
        server_name: draft::text(server_name(keys)),
        sender: draft::text(text(keys.sender)),
        attempt_id: draft::text(text(keys.txid)),
        ..Draft::default()
    };
    match kind {
        Some(kind) if kind.eq_ignore_ascii_case("sms") => {
            (draft.method, draft.mode) = (Some(Method::TextMessage), Some(Mode::OneWay));
        }
        Some(kind) if kind.eq_ignore_ascii_case("phone") => draft.method = Some(Method::VoiceCall),
        Some(kind) => {
            draft.method = Some(Method::UNKNOWN);
            draft.unknown("method", kind);
        }
        None => {}
    }
    // What goes out in a context that is not known may be no second factor of a sign-in.
    let is_sign_in = |context: &&str| {
        ["authentication", "administrator login"].iter().any(|it| it.eq_ignore_ascii_case(context))
    };
    draft.stage = Some(match context {
        Some(context) if !is_sign_in(&context) => {
            draft.unknown("stage", context);
            Stage::UNKNOWN
        }
        _ => Stage::SecondFactor,
    });
    Ok(Found::Event(draft))
}
