//! What Gatebook itself wrote: `unmapped` holds what OCSF has no place for, so that nothing is guessed a second time.

use super::Event;
use crate::element::Step;
use crate::moment;
use crate::vendor::draft::{Draft, text};
use crate::vendor::json::Json;
use crate::vendor::when::When;
use crate::vocabulary::{Assurance, AuthResult, DenialReason, Method, Mode, Stage};

/// Whether Gatebook wrote it.
pub(super) fn is_ours(event: &Event<'_>) -> bool {
    let product = event.metadata.and_then(|metadata| metadata.get("product"));
    let is = |key| {
        product.and_then(|product| product.text(key)).is_some_and(|it| it.eq_ignore_ascii_case("gatebook"))
    };
    is("name") || is("vendor_name")
}

/// Takes over what Gatebook judged, where it wrote the event; returns whether it did.
pub(super) fn restore<'t>(event: &Event<'t>, draft: &mut Draft<'t>) -> bool {
    let Some(unmapped) = event.unmapped.filter(|_| is_ours(event)) else { return false };
    let Some(result) = unmapped.text("result").and_then(AuthResult::parse) else { return false };
    if let Some(at_us) = event.time_dt.and_then(Json::as_text).and_then(moment::parse) {
        draft.occurred_at = When::At(at_us);
    }
    draft.result = Some(result);
    draft.denial_reason = event.status_code.and_then(Json::as_text).and_then(DenialReason::parse);
    draft.result_code = text(unmapped.text("result_code"));
    draft.stage = unmapped.text("stage").and_then(Stage::parse).or(draft.stage);
    draft.assurance = unmapped.text("assurance").and_then(Assurance::parse).or(draft.assurance);
    draft.method = unmapped.text("method").and_then(Method::parse);
    draft.mode = unmapped.text("mode").and_then(Mode::parse);
    draft.prompts = unmapped.number("prompts").and_then(|prompts| i32::try_from(prompts).ok());
    draft.application = text(event.service.and_then(|service| service.text("name")));
    draft.client_app = text(unmapped.text("client_app"));
    draft.protocol = text(event.auth_protocol.and_then(Json::as_text));
    draft.device_token = text(unmapped.text("device_token"));
    draft.sender = text(unmapped.text("sender"));
    if let Some(factor) = event.auth_factors.and_then(|factors| factors.elements().next()) {
        draft.phone_number = text(factor.text("phone_number"));
        draft.authenticator_id = text(factor.text_at(&["device", "uid"]));
    }
    draft.steps = unmapped.items("steps").map(step).collect();
    draft.unknown_values =
        unmapped.items("unknown_values").filter_map(Json::as_text).map(str::to_owned).collect();
    true
}

fn step(step: Json<'_>) -> Step<'_> {
    Step {
        at_us: step.text("at").and_then(moment::parse),
        method: step.text("method").and_then(Method::parse),
        result: step.text("result").and_then(AuthResult::parse),
        reason: step.text("reason").and_then(DenialReason::parse),
        code: step.text("code"),
        detail: step.text("detail"),
        device: step.text("device"),
    }
}
