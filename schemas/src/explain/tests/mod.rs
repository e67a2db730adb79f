//! What people type, and what they are told.

mod any_text;
mod lists;

use std::collections::HashSet;

use super::*;
use crate::rejection::Reason;
use crate::source::Source;
use crate::vendor::tables::{self, Content};
use crate::vocabulary::Mode;

/// Each row as `origin code`, and how it is read: result, reason, change.
fn brief(text: &str) -> Vec<String> {
    let row = |row: &Explanation| {
        let read = [
            row.result.map(AuthResult::as_str),
            row.reason.map(DenialReason::as_str),
            row.change.map(ChangeKind::as_str),
        ];
        let read: String = read.into_iter().flatten().map(|word| format!(" {word}")).collect();
        format!("{} {}:{read}", row.origin.as_str(), row.code)
    };
    explain(text).iter().map(row).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(brief(text), expected, "{text}");
}

/// The first row alone.
#[track_caller]
fn check_first(text: &str, expected: &str) {
    assert_eq!(brief(text).first().map(String::as_str), Some(expected), "{text}");
}

#[test]
fn an_error_of_entra_is_found_with_and_without_its_prefix() {
    let expected = ["entra 50074: pending"];
    for text in ["50074", "AADSTS50074", "aadsts 50074", " AADSTS-50074 ", "0050074", "AADSTS50074:"] {
        check(text, &expected);
    }
    check_first("500121", "entra 500121: denied");
}

#[test]
fn a_status_is_found_in_every_writing() {
    let expected = ["windows 0xC000006D: denied wrong-credentials"];
    let writings = [
        "0xC000006D",
        "0xc000006d",
        "0XC000006DL",
        "0xC000006DUL",
        "0x00000000C000006D",
        "0xFFFFFFFFC000006D",
        "c000006d",
        "-1073741715",
        "3221225581",
    ];
    for text in writings {
        check(text, &expected);
    }
    check("STATUS_LOGON_FAILURE", &expected);
    for text in ["0x800434D4L", "0x800434D4", "0x800434d4l", "-2147207980", "2147759316"] {
        check(text, &["entra 0x800434D4L:"]);
    }
    // Kerberos results are not the numbers that they look like.
    check("0x00000018", &["ocsf 0x18: denied wrong-password"]);
    assert!(brief("24").iter().all(|row| !row.starts_with("ocsf 0x")));
}

#[test]
fn a_name_of_a_call_result_is_a_spelling_of_its_code() {
    let expected = ["mfa-server FAILED_USER_HUNGUP_ON_US: denied hung-up"];
    for text in
        ["FAILED_USER_HUNGUP", "failed user hungup", "FAILED_USER_HUNGUP_ON_US", "user hung up the phone"]
    {
        check(text, &expected);
    }
    let label = [
        "mfa-server SUCCESS_NO_PIN_BUT_TIMEOUT: denied voicemail",
        "entra no phone input - timed out: denied no-response",
    ];
    check("No Phone Input - Timed Out", &label);
    check("# not pressed after entry", &["mfa-server SUCCESS_WITH_PIN_BUT_TIMEOUT: denied no-response"]);
    let found = explain("failed user hungup");
    assert_eq!(found.first().map(|row| row.spelling), Some("FAILED_USER_HUNGUP"));
}

#[test]
fn texts_of_steps_are_found_as_they_stand_in_a_log() {
    check("MFA denied; phone app denied", &["entra phone app denied: denied user-declined"]);
    check("mfa denied, Phone App Denied.", &["entra phone app denied: denied user-declined"]);
    check_first(
        "MFA requirement satisfied by claim in the token",
        "ocsf MFA requirement satisfied by claim in the token: success",
    );
    assert!(brief("satisfied by claim in the token").iter().any(|row| row.starts_with("entra ")));
}

#[test]
fn codes_of_other_vendors_and_operations_are_found() {
    check_first("INVALID_CREDENTIALS", "okta INVALID_CREDENTIALS: denied wrong-credentials");
    check("invalid_user_credentials", &["keycloak invalid_user_credentials: denied wrong-password"]);
    check("user.mfa.factor.activate", &["okta user.mfa.factor.activate: method-added"]);
    check("bypass_create", &["duo bypass_create: bypass-granted"]);
    check("bypass_view", &["duo bypass_view:"]);
    check_first("OathCodeIncorrect", "nps-extension OathCodeIncorrect: denied wrong-code");
    check("Duo Push", &["duo duo_push:"]);
    check("97671", &["entra 97671:"]);
    check("enablemfadevice", &["cloudtrail EnableMFADevice: method-added"]);
}

#[test]
fn the_most_literal_spelling_comes_first() {
    let expected = [
        "duo locked_out: denied locked-out",
        "okta LOCKED_OUT: denied locked-out",
        "ocsf LOCKED_OUT: denied locked-out",
        "gatebook locked-out: denied locked-out",
    ];
    check("locked_out", &expected);
    check_first("LOCKED_OUT", expected[1]);
    check_first("locked-out", expected[3]);
}

#[test]
fn the_first_known_code_of_a_message_is_explained() {
    check_first(
        "AADSTS50126: Error validating credentials. Trace ID: 3a12-77, Timestamp: 2026-01-05 10:00:00Z",
        "entra 50126: denied wrong-credentials",
    );
    check_first(
        "Call result (FAILED_PHONE_APP_DENIED) for user 17",
        "mfa-server FAILED_PHONE_APP_DENIED: denied user-declined",
    );
    check_first("MFA completed in the cloud; remark", "entra completed in the cloud: success");
}

#[test]
fn every_word_of_every_table_is_found_by_its_own_text() {
    let told: HashSet<&str> = facts::all().map(|fact| fact.explanation.code).collect();
    let is_told = |code: &str| told.contains(code);
    for table in tables::ALL {
        let texts: Vec<(&str, &str)> = match table.content {
            Content::Words(words) | Content::Methods(words) => {
                words.all().map(|word| (word.text, word.text)).collect()
            }
            Content::ChangeWords(words) => words.all().map(|word| (word.text, word.text)).collect(),
            Content::OtherNames(names) => names.all().map(|name| (name.text, name.code)).collect(),
        };
        assert!(!texts.is_empty(), "{}", table.what);
        assert!(table.url.starts_with("https://"), "{}", table.url);
        for (text, code) in texts {
            let found = explain(text);
            let is_it = |row: &&Explanation| {
                let is_of_table = row.origin == Origin::Source(table.source) && row.what == table.what;
                row.code == code && (is_of_table || is_told(code))
            };
            let row = found.iter().find(is_it);
            let row = row.unwrap_or_else(|| panic!("{text}, {code}, {}", table.what));
            assert!(row.meaning.ends_with('.'), "{text}: {}", row.meaning);
            assert!(row.url == table.url || is_told(code), "{text}: {}", row.url);
            let is_denied = row.result == Some(AuthResult::Denied);
            assert!(!is_denied || (!row.user.is_empty() && !row.administrator.is_empty()), "{text}");
        }
    }
}

#[test]
fn a_method_is_told_without_the_advice_of_a_denial() {
    let found = explain("TOKEN:SOFTWARE:TOTP");
    let [row] = found[..] else { panic!("{found:?}") };
    assert_eq!((row.method, row.reason), (Some(Method::MobileAppCode), Some(DenialReason::WrongCode)));
    assert_eq!((row.result, row.user, row.administrator), (None, "", ""));
}

#[test]
fn what_hangs_on_the_mode_and_what_says_no_reason_have_advice() {
    let found = explain("SUCCESS_WITH_PIN");
    let [row] = found[..] else { panic!("{found:?}") };
    assert_eq!((row.result, row.reason), (None, Some(DenialReason::WrongPin)));
    assert!(row.user.contains("PIN") && row.administrator.contains("PIN"));
    let found = explain("AADSTS500121");
    assert!(found.iter().all(|row| !row.user.is_empty() && !row.administrator.is_empty()), "{found:?}");
    let found = explain("AADSTS50125");
    assert!(found.iter().all(|row| row.user.is_empty() && row.administrator.is_empty()), "{found:?}");
}

#[test]
fn what_only_interrupts_has_advice_of_its_own() {
    for code in [
        "50074",
        "50076",
        "50072",
        "50079",
        "50078",
        "50055",
        "50140",
        "50158",
        "700082",
        "70043",
        "KmsiInterrupt",
        "UserStrongAuthClientAuthNRequiredInterrupt",
        "UserStrongAuthEnrollmentRequired",
        "UserStrongAuthExpired",
    ] {
        let found = explain(code);
        let first = found.first().expect("a code");
        assert!(first.result != Some(AuthResult::Denied), "{first:?}");
        assert!(!first.user.is_empty() && !first.administrator.is_empty(), "{first:?}");
    }
    // Each log reads the number in its own way.
    check("50140", &["entra 50140: pending", "o365 50140: success"]);
}

#[test]
fn who_did_not_ask_for_a_request_is_told_that_it_is_an_attack() {
    for text in [
        "MFA denied; user did not select the correct number",
        "number matching",
        "MFA fatigue",
        "anomalous_push",
        "verification_code_incorrect",
    ] {
        let found = explain(text);
        let first = found.first().expect("a text");
        assert!(first.user.contains("change your password"), "{text}: {}", first.user);
    }
    check("FastPass declined phishing attempt", &["okta FastPass declined phishing attempt: denied other"]);
}

#[test]
fn every_word_of_gatebook_is_found() {
    fn codes<T: Copy>(words: &[T], text: fn(T) -> &'static str) -> Vec<&'static str> {
        words.iter().map(|word| text(*word)).collect()
    }
    let lists = [
        ("method", codes(Method::ALL, Method::as_str)),
        ("mode", codes(Mode::ALL, Mode::as_str)),
        ("result", codes(AuthResult::ALL, AuthResult::as_str)),
        ("stage", codes(Stage::ALL, Stage::as_str)),
        ("assurance", codes(Assurance::ALL, Assurance::as_str)),
        ("denial reason", codes(DenialReason::ALL, DenialReason::as_str)),
        ("group of denial reasons", codes(DenialGroup::ALL, DenialGroup::as_str)),
        ("change", codes(ChangeKind::ALL, ChangeKind::as_str)),
        ("reason of a rejection", codes(Reason::ALL, Reason::as_str)),
    ];
    for (what, words) in lists {
        for word in words {
            for text in [word.to_owned(), word.replace('-', " ").to_uppercase()] {
                let found = explain(&text);
                let row = found.iter().find(|row| row.what == what && row.code == word);
                let row = row.unwrap_or_else(|| panic!("{text}, {what}"));
                assert!(
                    row.origin.source() == Some(Source::Gatebook) && row.meaning.ends_with('.'),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn every_reason_has_both_advices_each_in_one_sentence() {
    let rows: Vec<Explanation> = reasons().collect();
    assert_eq!(rows.len(), DenialReason::ALL.len());
    for row in rows {
        assert!(row.group().is_some() && row.meaning.ends_with('.'), "{}", row.code);
        for advice in [row.user, row.administrator] {
            assert!(is_one_sentence(advice), "{}: {advice}", row.code);
        }
    }
}

/// A full stop at its end, and none before.
fn is_one_sentence(text: &str) -> bool {
    text.len() > 20 && text.ends_with('.') && text.matches(". ").count() == 0
}

#[test]
fn every_fact_is_whole() {
    let mut codes = HashSet::new();
    for fact in facts::all() {
        let Explanation { code, what, meaning, user, administrator, url, .. } = fact.explanation;
        assert!(codes.insert(spelling::fold(code)), "{code} stands twice");
        assert!(!what.is_empty() && meaning.ends_with('.'), "{code}: {meaning}");
        assert!(is_one_sentence(user) && is_one_sentence(administrator), "{code}: {user} {administrator}");
        assert!(url.starts_with("https://"), "{code}: {url}");
        for spelling in fact.spellings {
            let found = explain(spelling);
            assert!(found.iter().any(|row| row.code == code && row.spelling == spelling), "{spelling}");
        }
    }
    assert!(codes.len() > 50);
}

#[test]
fn a_fact_says_what_the_decoders_make_of_its_code() {
    let mut known = 0;
    for Explanation { code, method, result, reason, stage, assurance, .. } in
        facts::all().map(|fact| fact.explanation)
    {
        let Some(word) = tables::word(code) else { continue };
        known += 1;
        assert_eq!((method, result, reason), (word.method, word.result, word.reason), "{code}");
        assert_eq!((stage, assurance), (word.stage, word.assurance), "{code}");
        let found = explain(code);
        let is_it = |row: &&Explanation| {
            row.code.eq_ignore_ascii_case(code) && (row.result, row.reason) == (result, reason)
        };
        assert_eq!(found.iter().filter(is_it).count(), 1, "{code}");
    }
    assert!(known > 30, "{known}");
}

#[test]
fn what_nobody_knows_is_not_explained() {
    let unknown = [
        "",
        " ",
        ";",
        "-",
        "_",
        "xyzzy",
        "AADSTS",
        "AADSTS99999999",
        "0x",
        "0xZZ",
        "MFA denied",
        "no such code at all",
        "é",
    ];
    for text in unknown {
        check(text, &[]);
    }
    check(&"50074 ".repeat(TEXT_BYTES_MAX), &[]);
}

#[test]
fn what_is_mistyped_gets_suggestions() {
    assert_eq!(nearest("FAILED_USER_HANGUP").first(), Some(&"FAILED_USER_HUNGUP"));
    assert_eq!(nearest("INVALID_CREDENTALS").first(), Some(&"INVALID_CREDENTIALS"));
    assert_eq!(nearest("user.mfa.factor.activat").first(), Some(&"user.mfa.factor.activate"));
    assert!(nearest("AADSTS50070").contains(&"50074"), "{:?}", nearest("AADSTS50070"));
    // All the words typed, wherever they stand.
    let found = nearest("incorrect text message");
    assert!(found.contains(&"Text Message OTP Incorrect"), "{found:?}");
    assert!(nearest("5007").iter().all(|code| code.starts_with("5007")), "{:?}", nearest("5007"));
    for text in ["FAILED", "user", "5"] {
        let found = nearest(text);
        assert!(found.len() <= NEAREST_COUNT_MAX, "{found:?}");
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
    }
    for text in ["", "  ", "qqqqqqqqqqqq", "日本語日本語"] {
        assert_eq!(nearest(text), [""; 0], "{text}");
    }
}
