use super::words;
use crate::decoder::Decoder;
use crate::element::{Change, Element, Event};
use crate::maps::Maps;
use crate::record::Record;
use crate::source::Source;
use crate::time_limits::TimeLimits;
use crate::unknown::UnknownCounts;
use crate::vendor::tables;

fn lines(record: &str) -> Vec<String> {
    let mut decoder = Decoder::new(Source::Entra, &Maps::default());
    let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut lines = Vec::new();
    decoder.decode(&record, &limits, &mut UnknownCounts::default(), &mut |_, element| {
        lines.push(line(&element))
    });
    lines
}

fn line(element: &Element<'_>) -> String {
    match element {
        Element::Event(event) => event_line(event),
        Element::Change(change) => change_line(change),
        Element::Rejection(rejection) => {
            format!("rejected {} {}", rejection.reason.as_str(), rejection.field.unwrap_or("-"))
        }
        Element::Skipped(kind) => format!("skipped {kind}"),
    }
}

/// `result reason stage assurance method` and what else is worth looking at.
fn event_line(event: &Event<'_>) -> String {
    let mut line = event.result.to_string();
    let reason = event.denial_reason.map(|reason| format!("({reason})")).unwrap_or_default();
    line += &format!("{reason} {} {}", event.stage, event.assurance);
    line += &event.method.map(|method| format!(" by {method}")).unwrap_or_default();
    line += &event.prompts.map(|prompts| format!(" prompts={prompts}")).unwrap_or_default();
    for value in event.unknown_values {
        line += &format!(" ?{value}");
    }
    line
}

fn change_line(change: &Change<'_>) -> String {
    let method = change.method.map(|method| format!(" {method}")).unwrap_or_default();
    format!("{}{method} of {} by {}", change.change, change.user_id, change.actor.unwrap_or("-"))
}

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(lines(record), [expected], "{record}");
}

/// A sign-in as the Graph API gives it, with these keys added.
fn sign_in(keys: &str) -> String {
    format!(
        r#"{{"id":"7b1c0f0e-2f0f-4d0a-8e43-5f8c6a1d0b00","createdDateTime":"2026-03-02T08:15:30Z",
        "userPrincipalName":"ada@corp.example","userId":"0d1f6a3e-0000-4000-8000-000000000001",
        "appDisplayName":"Payroll","ipAddress":"192.0.2.10","clientAppUsed":"Browser","isInteractive":true,
        "homeTenantId":"4a5e0000-0000-4000-8000-00000000aaaa",{keys}}}"#
    )
}

/// A step of `authenticationDetails`.
fn step(method: &str, succeeded: &str, detail: &str) -> String {
    format!(
        r#"{{"authenticationStepDateTime":"2026-03-02T08:15:31Z","authenticationMethod":"{method}",
        "succeeded":{succeeded},"authenticationStepResultDetail":"{detail}"}}"#
    )
}

/// A sign-in with these steps.
fn with_steps(code: &str, requirement: &str, steps: &[String]) -> String {
    let keys = format!(
        r#""authenticationRequirement":"{requirement}FactorAuthentication",
        "status":{{"errorCode":{code},"failureReason":"Other."}},"authenticationDetails":[{}]"#,
        steps.join(",")
    );
    sign_in(&keys)
}

#[track_caller]
fn check_steps(code: &str, requirement: &str, steps: &[String], expected: &str) {
    check(&with_steps(code, requirement, steps), expected);
}

fn password() -> String {
    step("Password", "true", "Correct password")
}

#[track_caller]
fn check_status(status: &str, expected: &str) {
    check(&sign_in(&format!(r#""status":{status}"#)), expected);
}

#[test]
fn a_challenge_that_was_met_is_named_by_its_method() {
    for (method, expected) in [
        ("Mobile app notification", "mobile-app-notification"),
        ("OATH verification code", "oath-token"),
        ("Text message", "text-message"),
        ("Phone call approval (Office phone)", "voice-call"),
        ("FIDO2 security key", "security-key"),
    ] {
        let steps = [password(), step(method, "true", "MFA successfully completed")];
        check_steps(
            "0",
            "multi",
            &steps,
            &format!("success whole-sign-in challenged by {expected} prompts=1"),
        );
    }
    let steps = [password(), step("Mobile app notification", "true", "MFA completed in Azure AD")];
    check_steps(
        "0",
        "multi",
        &steps,
        "success whole-sign-in challenged by mobile-app-notification prompts=1",
    );
}

#[test]
fn a_strong_method_is_a_challenge_by_itself() {
    for method in ["Windows Hello for Business", "Passkey (device-bound)", "Passkey (synced)"] {
        let steps = [step(method, "true", "User approved")];
        check_steps("0", "single", &steps, "success whole-sign-in challenged by security-key prompts=1");
    }
    let steps = [step("Passwordless phone sign-in", "true", "")];
    check_steps(
        "0",
        "multi",
        &steps,
        "success whole-sign-in challenged by mobile-app-notification prompts=1",
    );
}

#[test]
fn a_success_without_a_challenge_has_no_method_of_one() {
    let earlier = "Previously satisfied";
    for (detail, expected) in [
        ("MFA requirement satisfied by claim in the token", "satisfied-earlier"),
        ("MFA requirement skipped due to remembered device", "satisfied-earlier"),
        ("MFA requirement skipped due to IP address", "exempt"),
        ("MFA requirement skipped due to registered device", "exempt"),
        ("MFA requirement skipped due to app password", "exempt"),
        (
            "MFA requirement skipped due to ADFS-issued InsideCorpNet claim; tenant was configured to skip MFA",
            "exempt",
        ),
        ("MFA requirement satisfied by claim provided by external provider", "external"),
    ] {
        let steps = [
            step(earlier, "true", "First factor requirement satisfied by claim in the token"),
            step(earlier, "true", detail),
        ];
        check_steps("0", "multi", &steps, &format!("success whole-sign-in {expected} prompts=0"));
        // The method of an earlier challenge may stand beside it.
        let keys = format!(
            r#""authenticationRequirement":"multiFactorAuthentication","mfaDetail":{{"authMethod":"PhoneAppNotification",
            "authDetail":""}},"status":{{"errorCode":0,"additionalDetails":"{detail}"}}"#
        );
        check(&sign_in(&keys), &format!("success whole-sign-in {expected}"));
    }
    let pass = [step("Temporary Access Pass", "true", "MFA requirement satisfied by strong authentication")];
    check_steps("0", "multi", &pass, "success whole-sign-in bypassed prompts=0");
    let duo = [password(), step("External authentication method", "true", "MFA completed in Azure AD")];
    check_steps("0", "multi", &duo, "success whole-sign-in external by password prompts=0");
}

#[test]
fn one_factor_is_one_factor() {
    check_steps(
        "0",
        "single",
        &[password()],
        "success whole-sign-in first-factor-only by password prompts=0",
    );
    let sso =
        [step("Previously satisfied", "true", "First factor requirement satisfied by claim in the token")];
    check_steps("0", "single", &sso, "success whole-sign-in first-factor-only prompts=0");
    // A code in a text message in place of the password.
    let text = [step("Text message", "true", "")];
    check_steps("0", "single", &text, "success whole-sign-in first-factor-only by text-message prompts=0");
    check_steps("0", "single", &[], "success whole-sign-in first-factor-only");
}

#[test]
fn a_session_that_is_used_again_proved_its_second_factor_before() {
    let keys = r#""authenticationRequirement":"multiFactorAuthentication","authenticationDetails":[],
        "incomingTokenType":"primaryRefreshToken","status":{"errorCode":0}"#;
    check(&sign_in(keys), "success whole-sign-in satisfied-earlier");
    let keys = r#""authenticationRequirement":"multiFactorAuthentication","incomingTokenType":"none",
        "status":{"errorCode":0}"#;
    check(&sign_in(keys), "success whole-sign-in unknown");
}

#[test]
fn a_failed_second_factor_is_explained_by_its_step() {
    for (method, detail, expected) in [
        ("Mobile app notification", "user declined the authentication", "user-declined"),
        ("Mobile app notification", "user did not respond to mobile app notification", "no-response"),
        ("Mobile app notification", "user did not select the correct number", "wrong-code"),
        ("Mobile app notification", "Phone App Reported Fraud", "fraud-reported"),
    ] {
        let steps = [password(), step(method, "false", &format!("MFA denied; {detail}"))];
        let expected =
            format!("denied({expected}) second-factor challenged by mobile-app-notification prompts=1");
        check_steps("500121", "multi", &steps, &expected);
        // Until 2020, and in some recent records, the reason stands in the status alone.
        let keys = format!(
            r#""mfaDetail":{{"authMethod":"Mobile app notification"}},
            "status":{{"errorCode":"500121","additionalDetails":"MFA Denied; {detail}."}}"#
        );
        check(&sign_in(&keys), &expected.replace(" prompts=1", ""));
    }
    check_status(
        r#"{"errorCode":500121,"additionalDetails":"MFA denied, Fraud Code Entered"}"#,
        "denied(fraud-reported) second-factor challenged by voice-call",
    );
    check_status(r#"{"errorCode":500121}"#, "denied(unspecified) second-factor challenged");
    check_status(
        r#"{"errorCode":500121,"additionalDetails":"MFA denied; the dog ate the phone"}"#,
        "denied(other) second-factor challenged ?denial_reason=MFA denied; the dog ate the phone",
    );
}

#[test]
fn a_challenge_that_never_reached_the_person_is_no_prompt() {
    let unable = "MFA denied; unable to send the mobile app notification to the device";
    let steps = [password(), step("Mobile app notification", "false", unable)];
    let expected = "denied(notification-failed) second-factor unknown by mobile-app-notification prompts=0";
    check_steps("500121", "multi", &steps, expected);
    for (method, why, expected) in [
        ("Mobile app notification", "unable to send the mobile app notification", "notification-failed"),
        ("Text message", "unable to send the text message", "message-not-sent"),
        ("Text message", "text message could not be sent", "message-not-sent"),
        ("Phone call", "authentication in-progress", "phone-busy"),
        ("Phone call", "authentication in progress", "phone-busy"),
        ("Phone call", "duplicate authentication attempt", "throttled"),
    ] {
        let steps = [password(), step(method, "false", &format!("MFA denied; {why}"))];
        let lines = lines(&with_steps("500121", "multi", &steps));
        let is_it = |line: &String| {
            line.starts_with(&format!("denied({expected}) second-factor unknown"))
                && line.ends_with(" prompts=0")
        };
        assert!(lines.iter().all(is_it), "{why}: {lines:?}");
    }
}

#[test]
fn declines_and_an_approval_stand_in_one_element() {
    let declined =
        || step("Mobile app notification", "false", "MFA denied; user declined the authentication");
    let approved = step("Mobile app notification", "true", "MFA completed in Azure AD");
    let steps = [password(), declined(), declined(), declined(), approved];
    check_steps(
        "0",
        "multi",
        &steps,
        "success whole-sign-in challenged by mobile-app-notification prompts=4",
    );
}

#[test]
fn the_status_decides_and_the_steps_explain() {
    let approved = || step("Mobile app notification", "true", "MFA successfully completed");
    let declined =
        || step("Mobile app notification", "false", "MFA denied; user declined the authentication");
    let pending = "pending second-factor challenged by mobile-app-notification prompts=1";
    check_steps("50074", "multi", &[password(), declined()], pending);
    check_steps("50158", "multi", &[password(), approved()], pending);
    check_steps(
        "500121",
        "multi",
        &[password(), approved()],
        "denied(unspecified) second-factor challenged by mobile-app-notification prompts=1",
    );
    check_steps(
        "0",
        "multi",
        &[password(), declined()],
        "success whole-sign-in unknown by password prompts=1",
    );
    // The flag says success, the text says denied.
    let lying = step("Mobile app notification", "true", "MFA denied; user declined the authentication");
    check_steps(
        "500121",
        "multi",
        &[password(), lying],
        "denied(user-declined) second-factor challenged by mobile-app-notification prompts=1",
    );
    // The message of another code beside a failure.
    check_status(
        r#"{"errorCode":50126,"additionalDetails":"MFA requirement satisfied by claim in the token"}"#,
        "denied(wrong-credentials) first-factor unknown by password",
    );
}

#[test]
fn interrupts_are_pending() {
    for code in [50074, 50076, 50078, 50079, 50072] {
        check_status(&format!(r#"{{"errorCode":{code}}}"#), "pending second-factor unknown");
    }
    check_status(r#"{"errorCode":50158}"#, "pending second-factor unknown");
    for code in [50058, 50097, 50125, 50140, 50155, 65001, 50199, 70044] {
        check_status(&format!(r#"{{"errorCode":{code}}}"#), "pending whole-sign-in unknown");
    }
    // Kept signed in, after a second factor.
    let steps = [password(), step("Text message", "true", "MFA successfully completed")];
    check_steps("50140", "multi", &steps, "pending whole-sign-in challenged by text-message prompts=1");
    // The challenge is on its way.
    let steps = [password(), step("Text message", "false", "Authentication in progress")];
    check_steps("50074", "multi", &steps, "pending second-factor challenged by text-message prompts=1");
    let steps = [password(), step("", "false", "MFA required in Azure AD")];
    check_steps("50074", "multi", &steps, "pending second-factor unknown prompts=0");
    // Before 2020 the interrupt's own status could say how it ended.
    check_status(
        r#"{"errorCode":50074,"additionalDetails":"MFA denied; phone call went to voicemail"}"#,
        "denied(voicemail) second-factor challenged by voice-call",
    );
}

#[test]
fn a_denied_first_factor_is_one_also_where_a_second_was_given() {
    let approved = step("Mobile app notification", "true", "MFA completed in Azure AD");
    for (code, reason) in [("50053", "locked-out"), ("50126", "wrong-credentials"), ("50144", "other")] {
        let expected = format!("denied({reason}) first-factor unknown by password prompts=1");
        check_steps(code, "multi", &[password(), approved.clone()], &expected);
    }
    check_steps(
        "50126",
        "single",
        &[password(), approved],
        "denied(wrong-credentials) first-factor first-factor-only by password prompts=1",
    );
}

#[test]
fn first_factors_and_policies_are_no_denied_second_factors() {
    check_status(r#"{"errorCode":50126}"#, "denied(wrong-credentials) first-factor unknown by password");
    check_status(r#"{"errorCode":50034}"#, "denied(unknown-user) first-factor unknown");
    check_status(r#"{"errorCode":50057}"#, "denied(user-disabled) first-factor unknown");
    check_status(r#"{"errorCode":53003}"#, "denied(denied-by-policy) whole-sign-in unknown");
    check_status(r#"{"errorCode":50053}"#, "denied(locked-out) first-factor unknown by password");
    check_status(
        r#"{"errorCode":50053,"failureReason":"Sign-in was blocked: an IP address with malicious activity."}"#,
        "denied(location-restricted) first-factor unknown by password",
    );
    let steps = [step(
        "Password",
        "false",
        "Invalid username or password or Invalid on-premise username or password.",
    )];
    check_steps(
        "50126",
        "single",
        &steps,
        "denied(wrong-credentials) first-factor first-factor-only by password prompts=0",
    );
}

#[test]
fn codes_of_the_reference_are_known() {
    for code in [
        120_004, 120_005, 120_008, 120_011, 120_012, 120_013, 120_014, 120_015, 120_016, 120_020, 120_021,
        160_021, 17_003, 230_109, 50_029, 50_032, 50_042, 50_043, 50_050, 50_099, 50_120, 50_124, 501_241,
        501_461, 501_491, 501_621, 50_169, 51_000, 51_001, 650_054, 67_003, 900_971, 90_051, 90_081, 90_082,
        90_085, 90_087, 90_120, 90_121, 90_124, 90_126, 90_130, 165_004, 165_900, 100_007, 140_001, 221_000,
        240_002,
    ] {
        check_status(&format!(r#"{{"errorCode":{code}}}"#), &format!("skipped AADSTS{code}"));
    }
    for (code, expected) in [
        (81_005, "pending first-factor unknown"),
        (52_004, "pending whole-sign-in unknown"),
        (90_086, "pending whole-sign-in unknown"),
        (500_142, "pending whole-sign-in unknown"),
        (90_084, "denied(denied-by-policy) whole-sign-in unknown"),
        (1_000_104, "denied(denied-by-policy) whole-sign-in unknown"),
        (90_099, "denied(other) whole-sign-in unknown"),
        (1_000_031, "denied(other) whole-sign-in unknown"),
        (220_450, "denied(version-restricted) whole-sign-in unknown"),
        (220_501, "denied(server-error) first-factor unknown by other"),
    ] {
        check_status(&format!(r#"{{"errorCode":{code}}}"#), expected);
    }
}

#[test]
fn a_refusal_after_a_second_factor_names_it() {
    let approved = step("Mobile app notification", "true", "MFA completed in Azure AD");
    check_steps(
        "53003",
        "multi",
        &[password(), approved],
        "denied(denied-by-policy) whole-sign-in challenged by mobile-app-notification prompts=1",
    );
    check_steps(
        "53003",
        "multi",
        &[password()],
        "denied(denied-by-policy) whole-sign-in unknown by password prompts=0",
    );
}

#[test]
fn a_mail_protocol_with_a_password_proves_one_factor() {
    let claim = "MFA requirement satisfied by claim in the token";
    let record = |client: &str, agent: &str, steps: &[String]| {
        sign_in(&format!(
            r#""userAgent":"{agent}","authenticationRequirement":"singleFactorAuthentication",
            "status":{{"errorCode":0,"additionalDetails":"{claim}"}},"authenticationDetails":[{}]"#,
            steps.join(",")
        ))
        .replace("\"Browser\"", &format!("{client:?}"))
    };
    let one_factor = "success whole-sign-in first-factor-only by password prompts=0";
    check(&record("Authenticated SMTP", "", &[password()]), one_factor);
    check(&record("Other clients", "BAV2ROPC", &[password()]), one_factor);
    check(&record("Mobile Apps and Desktop clients", "BAV2ROPC", &[password()]), one_factor);
    let steps = [password(), step("Previously satisfied", "true", claim)];
    check(&record("IMAP4", "", &steps), one_factor);
    let earlier = "success whole-sign-in satisfied-earlier by password prompts=0";
    check(&record("Browser", "Mozilla/5.0", &[password()]), earlier);
    // No password was given, or a step proves more.
    let token = [step("Previously satisfied", "true", claim)];
    check(&record("IMAP4", "", &token), "success whole-sign-in satisfied-earlier prompts=0");
    let approved = [password(), step("Mobile app notification", "true", "MFA completed in Azure AD")];
    let challenged = "success whole-sign-in challenged by mobile-app-notification prompts=1";
    check(&record("IMAP4", "", &approved), challenged);
}

#[test]
fn a_certificate_alone_meets_the_demand_for_two_factors() {
    let certificate = || step("X.509 Certificate", "true", "");
    check_steps("0", "multi", &[certificate()], "success whole-sign-in challenged by other prompts=0");
    check_steps(
        "0",
        "single",
        &[certificate()],
        "success whole-sign-in first-factor-only by other prompts=0",
    );
    // What else was asked for is not told.
    check_steps(
        "0",
        "multi",
        &[password(), certificate()],
        "success whole-sign-in unknown by other prompts=0",
    );
}

#[test]
fn codes_come_as_numbers_and_texts_and_flags_as_texts() {
    let expected = "denied(wrong-credentials) first-factor unknown by password";
    check_status(r#"{"errorCode":"50126"}"#, expected);
    check_status(r#"{"errorCode":"AADSTS50126"}"#, expected);
    check_status(r#"50126"#, expected);
    check_status(r#""{\"errorCode\":50126,\"failureReason\":\"Invalid\"}""#, expected);
    check_status(r#""Success""#, "success whole-sign-in unknown");
    check_status(r#"{"errorCode":59999}"#, "denied(other) whole-sign-in unknown ?denial_reason=59999");
    check_status(r#"{"errorCode":"perhaps"}"#, "rejected unknown-result status.errorCode");
    check_status(r#"{}"#, "rejected missing-field status.errorCode");
    for flag in ["false", "\"False\"", "\"failed\""] {
        let steps = [password(), step("Text message", flag, "")];
        let expected = "denied(unspecified) second-factor challenged by text-message prompts=1";
        check_steps("500121", "multi", &steps, expected);
    }
    let keys = r#""authenticationRequirement":"multiFactorAuthentication","isInteractive":"False","status":{"errorCode":"0"}"#;
    check(&sign_in(keys).replace(r#""isInteractive":true,"#, ""), "success whole-sign-in satisfied-earlier");
}

#[test]
fn what_a_client_did_wrong_judges_no_person() {
    for code in ["7000215", "50011", "700016", "70016", "54005", "7000999"] {
        check_status(&format!(r#"{{"errorCode":{code}}}"#), &format!("skipped AADSTS{code}"));
    }
}

#[test]
fn programs_are_no_persons() {
    let kinds = r#""signInEventTypes":["servicePrincipal"],"status":{"errorCode":0}"#;
    check(&sign_in(kinds), "skipped servicePrincipal");
    let kinds = r#""signInEventTypes":["nonInteractiveUser"],"status":{"errorCode":0}"#;
    check(&sign_in(kinds), "success whole-sign-in unknown");
    for category in ["ServicePrincipalSignInLogs", "ManagedIdentitySignInLogs"] {
        let record = format!(r#"{{"category":"{category}","properties":{{"status":{{"errorCode":0}}}}}}"#);
        check(&record, &format!("skipped {category}"));
    }
    check(
        r#"{"id":"1","createdDateTime":"2026-03-02T08:15:30Z","userPrincipalName":"","userId":"",
        "servicePrincipalId":"9c1d","status":{"errorCode":0}}"#,
        "skipped servicePrincipal",
    );
}

#[test]
fn a_service_may_sign_in_for_a_person() {
    let row = |names: &str| {
        streamed(
            "MicrosoftServicePrincipalSignInLogs",
            r#""resultType":"50053""#,
            &format!(
                r#""id":"1",{names},"userId":"","userType":"Member","servicePrincipalId":"9c1d","isInteractive":false,
                "appDisplayName":"Office 365 Exchange Online","signInEventTypes":["servicePrincipal"],
                "status":{{"errorCode":50053}},"authenticationDetails":[],"authenticationRequirement":"""#
            ),
        )
        .replace(r#""userPrincipalName":"ada@corp.example""#, r#""userPrincipalName":"""#)
    };
    let denied = "denied(locked-out) first-factor unknown by password";
    for key in ["signInIdentifier", "alternateSignInName"] {
        let record = row(&format!(r#""{key}":"ada@corp.example""#));
        check(&record, denied);
        with_event(&record, |event| assert_eq!(event.user_id, "ada@corp.example"));
    }
    check(&row(r#""signInIdentifier":"9c1d""#), "skipped MicrosoftServicePrincipalSignInLogs");
}

#[test]
fn a_step_by_password_does_not_name_the_second_factor() {
    let steps = [step("Password", "true", "MFA completed in Azure AD")];
    check_steps("0", "multi", &steps, "success whole-sign-in challenged prompts=0");
    let steps = [step("Password", "true", "MFA requirement satisfied by claim in the token")];
    check_steps("0", "multi", &steps, "success whole-sign-in satisfied-earlier by password prompts=0");
    let steps = [step("Password", "true", "MFA required in Azure AD")];
    check_steps("50074", "multi", &steps, "pending second-factor unknown prompts=0");
}

#[test]
fn some_records_call_every_step_primary() {
    let primary =
        |step: String| step.replacen('{', r#"{"authenticationStepRequirement":"Primary authentication","#, 1);
    let steps = [primary(password()), primary(step("Text message", "true", ""))];
    check_steps("0", "multi", &steps, "success whole-sign-in challenged by text-message prompts=1");
    check_steps(
        "0",
        "single",
        &steps[1..],
        "success whole-sign-in first-factor-only by text-message prompts=0",
    );
}

#[test]
fn a_step_that_says_it_was_the_second_factor_is_one() {
    let second = |step: String| {
        step.replacen('{', r#"{"authenticationStepRequirement":"Multifactor authentication","#, 1)
    };
    let steps = [password(), second(step("X.509 Certificate", "true", ""))];
    check_steps("0", "multi", &steps, "success whole-sign-in challenged by other prompts=1");
    // The name of a policy stands with the password, too.
    check_steps("0", "multi", &[second(password())], "success whole-sign-in unknown by password prompts=0");
    let steps = [password(), second(step("Carrier pigeon", "true", ""))];
    let expected = "success whole-sign-in challenged by other prompts=1 ?steps.method=Carrier pigeon";
    check_steps("0", "multi", &steps, expected);
}

#[test]
fn unknown_methods_and_texts_are_kept_and_counted() {
    let steps = [password(), step("Carrier pigeon", "true", "It flew home")];
    check_steps(
        "0",
        "multi",
        &steps,
        "success whole-sign-in unknown by password prompts=1 ?steps.method=Carrier pigeon ?steps.reason=It flew home",
    );
}

#[test]
fn rows_of_the_second_factor_alone_judge_it_alone() {
    let keys = r#""appId":"981f26a1-7f43-403b-a875-f8b09b8cd720","authenticationRequirement":"singleFactorAuthentication",
        "authenticationDetails":[{"authenticationMethod":"Mobile app notification","succeeded":true}],
        "status":{"errorCode":0}"#;
    check(&sign_in(keys), "success second-factor challenged by mobile-app-notification prompts=1");
}

#[test]
fn the_nps_extension_is_a_second_factor_by_radius() {
    let keys = r#""tokenIssuerType":"NPSExtension","status":{"errorCode":500121,
        "additionalDetails":"SMSAuthFailedWrongCodeEntered"}"#;
    check(&sign_in(keys), "denied(wrong-code) second-factor challenged by text-message");
    with_event(&sign_in(keys), |event| assert_eq!(event.protocol, Some("radius")));
}

/// A sign-in in the envelope of Azure Monitor.
fn streamed(category: &str, envelope: &str, properties: &str) -> String {
    format!(
        r#"{{"time":"3/2/2026 8:17:00 AM","resourceId":"/tenants/4a5e/providers/Microsoft.aadiam",
        "operationName":"Sign-in activity","category":"{category}","tenantId":"4a5e","callerIpAddress":"192.0.2.77",
        "correlationId":"c0",{envelope},"properties":{{"userPrincipalName":"ada@corp.example",{properties}}}}}"#
    )
}

#[test]
fn a_stream_wraps_many() {
    let rows = [
        streamed("SignInLogs", r#""resultType":"0""#, r#""id":"1","status":{"errorCode":50126}"#),
        streamed("NonInteractiveUserSignInLogs", r#""resultType":50173"#, r#""id":"2""#),
        streamed("ManagedIdentitySignInLogs", r#""resultType":"0""#, r#""id":"3""#),
        streamed("RiskyUsers", r#""resultType":"0""#, r#""id":"4""#),
        streamed("SignInLogs", r#""resultType":"Failure""#, r#""id":"5""#),
    ];
    let expected = [
        "denied(wrong-credentials) first-factor unknown by password",
        "pending whole-sign-in unknown",
        "skipped ManagedIdentitySignInLogs",
        "skipped RiskyUsers",
        "denied(unspecified) whole-sign-in unknown",
    ];
    assert_eq!(lines(&format!(r#"{{"records":[{}]}}"#, rows.join(","))), expected);
    assert_eq!(lines(&format!(r#"{{"value":[{}]}}"#, rows[0])), expected[..1]);
    assert_eq!(lines(&format!("[{}]", rows[0])), expected[..1]);
    assert!(lines(r#"{"records":[]}"#).is_empty());
    check(r#"{"records":["text"]}"#, "rejected wrong-type -");
}

#[test]
fn keys_come_in_any_case_and_objects_as_texts() {
    let lower = streamed("SignInLogs", r#""resulttype":50126"#, r#""id":"1""#)
        .replace("callerIpAddress", "calleripaddress");
    check(&lower, "denied(wrong-credentials) first-factor unknown by password");
    let table = r#"{"Type":"AADNonInteractiveUserSignInLogs","Category":"NonInteractiveUserSignInLogs","TenantId":"workspace",
        "AADTenantId":"4a5e","TimeGenerated":"2026-03-02T08:15:30Z","Id":"9","UserPrincipalName":"ada@corp.example",
        "ResultType":"500121","Status":"{\"errorCode\":500121}","AuthenticationDetails":"[{\"authenticationMethod\":\"Text message\",\"succeeded\":false,\"authenticationStepResultDetail\":\"MFA denied; user entered incorrect code\"}]"}"#;
    check(table, "denied(wrong-code) second-factor challenged by text-message prompts=1");
}

#[test]
fn ad_fs_rows_name_their_server() {
    let properties = r#""id":"1","tokenIssuerType":"ADFederationServices","tokenIssuerName":"adfs.corp.example",
        "authenticationRequirement":"","createdDateTime":"2026-03-02T08:15:30+00:00","status":{"errorCode":0},
        "authenticationDetails":[{"authenticationMethod":"Password","authenticationMethodDetail":"Forms Authentication",
        "authenticationStepRequirement":"","succeeded":true}],
        "authenticationProcessingDetails":[{"key":"Server name","value":"ADFS01"}]"#;
    let row = streamed("ADFSSignInLogs", r#""resultType":"0""#, properties);
    check(&row, "success whole-sign-in first-factor-only by password prompts=0");
    with_event(&row, |event| {
        assert_eq!((event.server_name, event.protocol), (Some("ADFS01"), Some("adfs")));
    });
}

#[track_caller]
fn with_event(record: &str, look: impl Fn(&Event<'_>)) {
    let mut decoder = Decoder::new(Source::Entra, &Maps::default());
    let limits = TimeLimits { max_age_us: None, max_ahead_us: i64::MAX, now_us: 0 };
    let record = Record { value: Some(record.as_bytes()), timestamp_us: None };
    let mut count = 0;
    decoder.decode(&record, &limits, &mut UnknownCounts::default(), &mut |_, element| {
        let Element::Event(event) = &element else { panic!("no event: {element:?}") };
        look(event);
        count += 1;
    });
    assert_eq!(count, 1);
}

#[test]
fn the_columns_of_a_row() {
    let steps = [
        password(),
        step("Text message", "false", "MFA denied; user entered incorrect code")
            .replace("\"succeeded\"", "\"authenticationMethodDetail\":\"+1 XXXXXXXX21\",\"succeeded\""),
    ];
    let properties = format!(
        r#""id":"r-2","originalRequestId":"r-1","correlationId":"c1","createdDateTime":"2026-03-02T08:15:30.1234567Z",
        "appDisplayName":"Payroll","clientAppUsed":"Browser","ipAddress":"2001:DB8::1","authenticationProtocol":"saml20",
        "status":{{"errorCode":500121,"failureReason":"Authentication failed during strong authentication request."}},
        "authenticationRequirement":"multiFactorAuthentication","authenticationDetails":[{}]"#,
        steps.join(",")
    );
    with_event(&streamed("SignInLogs", r#""resultType":"500121""#, &properties), |event| {
        assert_eq!((event.event_id, event.attempt_id), ("r-2", Some("r-1")));
        assert_eq!((event.tenant_id, event.user_id), ("4a5e", "ada@corp.example"));
        assert_eq!(event.occurred_at_us, 1_772_439_330_123_456);
        assert_eq!(event.result_code, Some("500121"));
        assert_eq!(event.result_detail, Some("MFA denied; user entered incorrect code"));
        assert_eq!((event.client_ip, event.protocol), (Some("2001:db8::1"), Some("saml")));
        assert_eq!((event.application, event.client_app), (Some("Payroll"), Some("Browser")));
        assert_eq!(event.phone_number, Some("+1 XXXXXXXX21"));
        assert_eq!(event.steps.len(), 2);
        assert_eq!(event.steps[1].detail, event.result_detail);
        assert_eq!(event.steps[1].at_us, Some(1_772_439_331_000_000));
    });
}

#[test]
fn whose_log_it_is() {
    for (keys, expected) in [
        (r#""homeTenantId":"home","resourceTenantId":"here","userType":"Guest""#, "here"),
        (r#""homeTenantId":"home","resourceTenantId":"there","userType":"member""#, "home"),
        (r#""tenantId":"own","homeTenantId":"home""#, "own"),
        (r#""homeTenantId":"""#, "unknown"),
    ] {
        let record = format!(
            r#"{{"id":"1","createdDateTime":"2026-03-02T08:15:30Z","userId":"u","status":{{"errorCode":0}},{keys}}}"#
        );
        with_event(&record, |event| assert_eq!(event.tenant_id, expected, "{record}"));
    }
}

#[test]
fn a_person_is_named_by_what_the_record_has() {
    for (keys, expected) in [
        (
            r#""userPrincipalName":"","signInIdentifier":"ghost@corp.example","userId":"""#,
            "ghost@corp.example",
        ),
        (r#""userId":"00000000-0000-0000-0000-000000000000""#, "unknown"),
        (r#""userId":"0d1f""#, "0d1f"),
    ] {
        let record = format!(
            r#"{{"id":"1","createdDateTime":"2026-03-02T08:15:30Z","status":{{"errorCode":50034}},{keys}}}"#
        );
        with_event(&record, |event| assert_eq!(event.user_id, expected, "{record}"));
    }
}

#[test]
fn times_are_utc_in_each_of_their_forms() {
    for time in [
        "2026-03-02T08:15:30.0000000Z",
        "2026-03-02T09:15:30+01:00",
        "2026-03-02 08:15:30.000000000",
        "2026-03-02T08:15:30",
        "3/2/2026 8:15:30 AM",
        "03/02/2026 08:15:30",
        "3/2/2026 9:15:30 AM +01:00",
    ] {
        let record = format!(
            r#"{{"category":"SignInLogs","time":"{time}","resultType":"0","properties":{{"userId":"u","id":"1"}}}}"#
        );
        with_event(&record, |event| assert_eq!(event.occurred_at_us, 1_772_439_330_000_000, "{time}"));
    }
    let late = r#"{"category":"SignInLogs","time":"3/2/2026 12:05:00 PM","resultType":"0","properties":{"userId":"u"}}"#;
    with_event(late, |event| assert_eq!(event.occurred_at_us, 1_772_453_100_000_000));
    let record =
        r#"{"category":"SignInLogs","time":"yesterday","resultType":"0","properties":{"userId":"u"}}"#;
    check(record, "rejected bad-time createdDateTime");
}

/// An entry of the audit log.
fn audit(operation: &str, reason: &str, target: &str) -> String {
    format!(
        r#"{{"time":"2026-03-02T08:15:30Z","operationName":"{operation}","category":"AuditLogs","tenantId":"4a5e",
        "callerIpAddress":"192.0.2.77","properties":{{"id":"Directory_1","category":"UserManagement","result":"success",
        "resultReason":"{reason}","activityDisplayName":"{operation}","activityDateTime":"2026-03-02T08:15:29+00:00",
        "initiatedBy":{{"user":{{"id":"a","userPrincipalName":"root@corp.example","ipAddress":"192.0.2.9"}}}},
        "targetResources":[{target}]}}}}"#
    )
}

const ADA: &str =
    r#"{"id":"u","type":"User","userPrincipalName":"ada@corp.example","modifiedProperties":[]}"#;

#[test]
fn changes_of_methods_and_accounts() {
    for (operation, reason, expected) in [
        ("User registered security info", "User registered Mobile Phone SMS", "method-added text-message"),
        (
            "User registered security info",
            "User registered Authenticator App with Notification and Code",
            "method-added mobile-app-notification",
        ),
        ("User registered security info", "User registered app password", "app-password-added password"),
        ("User registered all required security info", "", "enrolled"),
        ("User deleted security info", "User deleted Fido", "method-removed security-key"),
        ("User changed default security info", "", "method-changed"),
        ("Admin deleted security info", "Admin deleted Phone Method for User", "method-removed voice-call"),
        (
            "Admin registered security info",
            "Admin registered temporary access pass method for user",
            "bypass-granted",
        ),
        (
            "Admin deleted security info",
            "Admin deleted temporary access pass method for user",
            "bypass-ended",
        ),
        ("Disable Strong Authentication", "", "mfa-disabled"),
        ("Enable Strong Authentication", "", "mfa-enabled"),
        ("Create application password for user", "", "app-password-added password"),
        ("Delete application password for user", "", "app-password-removed password"),
        ("Disable account", "", "blocked"),
        ("Enable account", "", "unblocked"),
        ("Fraud reported - user is blocked for MFA", "", "fraud-reported"),
        ("Reset user password", "", "password-changed password"),
        ("Unlock user account (self-service)", "", "unblocked"),
        ("Update per-user multifactor authentication state", "", "other"),
        ("Set force change user password", "", "other"),
        ("Update StsRefreshTokenValidFrom Timestamp", "", "other"),
        ("Add user", "", "account-created"),
        ("Delete user", "", "account-deleted"),
        ("Hard Delete user", "", "account-deleted"),
        ("Restore user", "", "account-created"),
        ("Invite external user", "", "other"),
    ] {
        check(
            &audit(operation, reason, ADA),
            &format!("{expected} of ada@corp.example by root@corp.example"),
        );
    }
}

#[test]
fn a_deleted_account_keeps_its_name() {
    let deleted = ADA.replace("ada@corp", "0d1f6a3e000040008000000000000001ada@corp");
    for (operation, expected) in [("Delete user", "account-deleted"), ("Restore user", "account-created")] {
        check(
            &audit(operation, "", &deleted),
            &format!("{expected} of ada@corp.example by root@corp.example"),
        );
    }
}

#[test]
fn who_vouches_for_a_domain_is_a_policy() {
    let domain = r#"{"id":"d","type":"Domain","displayName":"corp.example"}"#;
    for operation in ["Set domain authentication", "Set federation settings on domain"] {
        check(&audit(operation, "", domain), "policy-changed of unknown by root@corp.example");
    }
}

#[test]
fn policies_are_changes_of_nobody() {
    let policy = r#"{"id":"p","type":"Policy","displayName":"Everyone"}"#;
    let expected = "policy-changed of unknown by root@corp.example";
    check(&audit("Update conditional access policy", "", policy), expected);
    check(&audit("Authentication Methods Policy Update", "", policy), expected);
}

#[test]
fn the_demand_for_a_second_factor_stands_in_an_update_of_the_user() {
    let user = |name: &str, old: &str, new: &str| {
        format!(
            r#"{{"type":"User","userPrincipalName":"ada@corp.example","modifiedProperties":[
            {{"displayName":"{name}","oldValue":"{old}","newValue":"{new}"}}]}}"#
        )
    };
    let on = r#"[{\"RelyingParty\":\"*\",\"State\":1}]"#;
    for (name, old, new, expected) in [
        ("StrongAuthenticationRequirement", "[]", on, "mfa-enabled of ada@corp.example by root@corp.example"),
        (
            "StrongAuthenticationRequirement",
            on,
            "[]",
            "mfa-disabled of ada@corp.example by root@corp.example",
        ),
        (
            "StrongAuthenticationMethod",
            r#"[{\"MethodType\":6}]"#,
            "[]",
            "reset of ada@corp.example by root@corp.example",
        ),
        ("Department", "[]", "[1]", "skipped Update user"),
    ] {
        check(&audit("Update user", "", &user(name, old, new)), expected);
    }
}

#[test]
fn other_operations_and_failed_ones_are_skipped_by_name() {
    check(&audit("Add member to role", "", ADA), "skipped Add member to role");
    let failed = audit("User registered security info", "", ADA)
        .replace(r#""result":"success""#, r#""result":"failure""#);
    check(&failed, "skipped User registered security info (failure)");
    let fraud = audit("Suspicious activity reported", "", "");
    check(&fraud, "fraud-reported of root@corp.example by root@corp.example");
    let graph = r#"{"id":"1","activityDateTime":"2026-03-02T08:15:29Z","activityDisplayName":"Disable account","result":"success",
        "initiatedBy":{"app":{"displayName":"Leavers"}},"targetResources":[{"type":"User","id":"u"}]}"#;
    check(graph, "blocked of u by Leavers");
}

const DENIED: &[&str] = &[
    "authentication in-progress",
    "duplicate authentication attempt",
    "entered incorrect code too many times",
    "invalid authentication",
    "invalid mobile app verification code",
    "misconfiguration",
    "phone call went to voicemail",
    "phone number has an invalid format",
    "service error",
    "unable to reach the user's phone",
    "unable to send the mobile app notification to the device",
    "unable to send the mobile app notification",
    "user declined the authentication",
    "user did not respond to mobile app notification",
    "user does not have any verification methods registered",
    "user entered incorrect code",
    "user entered incorrect PIN",
    "user hung up the phone call without succeeding the authentication",
    "user is blocked",
    "user never entered the verification code",
    "user not found",
    "verification code already used once",
];

const SATISFIED: &[&str] = &[
    "completed in the cloud",
    "has expired due to the policies configured on tenant",
    "registration prompted",
    "satisfied by claim in the token",
    "satisfied by claim provided by external provider",
    "satisfied by strong authentication",
    "skipped as flow exercised was Windows broker logon flow",
    "skipped due to app password",
    "skipped due to location",
    "skipped due to registered device",
    "skipped due to remembered device",
    "successfully completed",
];

#[test]
fn every_listed_text_is_known() {
    for text in DENIED {
        let lines = lines(&sign_in(&format!(
            r#""status":{{"errorCode":500121,"additionalDetails":"MFA denied; {text}"}}"#
        )));
        assert!(lines[0].starts_with("denied(") && !lines[0].contains('?'), "{text}: {lines:?}");
        assert!(!lines[0].starts_with("denied(other)"), "{text}: {lines:?}");
    }
    for text in SATISFIED {
        for beginning in ["MFA requirement ", "MFA ", ""] {
            let said = words::Said::read(&format!("{beginning}{text}"));
            assert!(said.word().is_some(), "{beginning}{text}");
        }
    }
}

#[test]
fn every_table_can_be_read_and_is_explained() {
    assert!(tables::ENTRA_ERRORS.all().count() > 250);
    for table in
        [&tables::ENTRA_ERRORS, &tables::ENTRA_DENIED, &tables::ENTRA_SATISFIED, &tables::ENTRA_METHODS]
    {
        for word in table.all() {
            assert!(word.meaning.ends_with('.'), "{}: {}", word.text, word.meaning);
            let is_denied = word.result == Some(crate::vocabulary::AuthResult::Denied);
            assert!(word.reason.is_none() || is_denied, "{}", word.text);
        }
    }
}
