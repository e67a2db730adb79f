use super::super::summary;
use crate::element::Element;
use crate::source::Source;

const IAM_USER: &str = r#""type":"IAMUser","principalId":"AIDAEXAMPLE","arn":"arn:aws:iam::111122223333:user/ada","accountId":"111122223333","userName":"ada""#;

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(summary::of(Source::CloudTrail, record), expected, "{record}");
}

fn record(name: &str, identity: &str, rest: &str) -> String {
    format!(
        r#"{{"eventVersion":"1.08","userIdentity":{{{identity}}},"eventTime":"2026-03-01T08:00:00Z","eventSource":"signin.amazonaws.com","eventName":"{name}","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.7","userAgent":"Mozilla/5.0","requestParameters":null,"eventID":"fed06f42-cb12-4764-8c69-121063dc79b9","eventType":"AwsConsoleSignIn","recipientAccountId":"111122223333"{rest}}}"#
    )
}

fn console(identity: &str, result: &str, additional: &str, rest: &str) -> String {
    record(
        "ConsoleLogin",
        identity,
        &format!(
            r#","responseElements":{{"ConsoleLogin":"{result}"}},"additionalEventData":{{"LoginTo":"https://console.aws.amazon.com/console/home?state=secret&isauthcode=true","MobileVersion":"No"{additional}}}{rest}"#
        ),
    )
}

#[test]
fn a_console_login_says_whether_a_second_factor_was_used() {
    check(
        &console(IAM_USER, "Success", r#","MFAUsed":"No""#, ""),
        "success whole-sign-in first-factor-only password ada Success -",
    );
    for used in ["Yes", "YES"] {
        let key = format!(
            r#","MFAUsed":"{used}","MFAIdentifier":"arn:aws:iam::111122223333:u2f/user/ada/default-A""#
        );
        check(
            &console(IAM_USER, "Success", &key, ""),
            "success whole-sign-in challenged security-key ada Success -",
        );
    }
    let app = r#","MFAUsed":"Yes","MFAIdentifier":"arn:aws:iam::111122223333:mfa/ada""#;
    check(
        &console(IAM_USER, "Success", app, ""),
        "success whole-sign-in challenged oath-token ada Success -",
    );
    let unnamed = r#","MFAUsed":"Yes""#;
    check(&console(IAM_USER, "Success", unnamed, ""), "success whole-sign-in challenged - ada Success -");
    check(&console(IAM_USER, "Success", "", ""), "success whole-sign-in unknown - ada Success -");
    let root = r#""type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333","accessKeyId":"""#;
    check(
        &console(root, "Success", r#","MFAUsed":"No""#, ""),
        "success whole-sign-in first-factor-only password root Success -",
    );
}

#[test]
fn for_federated_people_no_means_that_another_provider_vouched() {
    let role = r#""type":"AssumedRole","principalId":"AROAEXAMPLE:ada@example.org","arn":"arn:aws:sts::111122223333:assumed-role/Admin/ada@example.org","accountId":"111122223333","sessionContext":{"sessionIssuer":{"type":"Role","userName":"Admin"},"attributes":{"mfaAuthenticated":"false"}}"#;
    let expected = "success whole-sign-in external - ada@example.org Success -";
    check(&console(role, "Success", r#","MFAUsed":"No""#, ""), expected);
    let saml = r#","MFAUsed":"No","SamlProviderArn":"arn:aws:iam::111122223333:saml-provider/Idp""#;
    check(&console(role, "Success", saml, ""), expected);
    let no_arn = role.replace(r#""arn":"arn:aws:sts::111122223333:assumed-role/Admin/ada@example.org","#, "");
    check(&console(&no_arn, "Success", r#","MFAUsed":"No""#, ""), expected);
}

#[test]
fn a_failed_console_login_has_its_reason() {
    let failed = r#","errorMessage":"Failed authentication""#;
    check(
        &console(IAM_USER, "Failure", r#","MFAUsed":"No""#, failed),
        "denied/wrong-credentials first-factor unknown password ada Failure Failed authentication",
    );
    check(
        &console(IAM_USER, "Failure", r#","MFAUsed":"Yes""#, failed),
        "denied/unspecified whole-sign-in challenged - ada Failure Failed authentication",
    );
    // What was typed for a name may be a password: the source hides it, and it is nobody.
    let hidden = r#""type":"IAMUser","accountId":"111122223333","accessKeyId":"","userName":"HIDDEN_DUE_TO_SECURITY_REASONS""#;
    let nobody = r#","errorMessage":"No username found in supplied account""#;
    check(
        &console(hidden, "Failure", r#","MFAUsed":"No""#, nobody),
        "denied/unknown-user first-factor unknown password unknown Failure No username found in supplied account",
    );
    check(
        &console(IAM_USER, "Failure", r#","MFAUsed":"No""#, r#","errorMessage":"Something new""#),
        "denied/other whole-sign-in unknown password ada Failure Something new [denial_reason=Something new]",
    );
}

#[test]
fn a_login_without_an_outcome_is_rejected() {
    let login = console(IAM_USER, "Success", "", "");
    check(
        &login.replace("responseElements", "response"),
        "rejected responseElements.ConsoleLogin: found nothing, expected a value",
    );
    let odd = login.replace(r#""ConsoleLogin":"Success""#, r#""ConsoleLogin":"Maybe""#);
    check(&odd, "rejected responseElements.ConsoleLogin: found nothing, expected a value");
}

#[test]
fn a_shown_challenge_is_pending_though_it_says_success() {
    let shown = |kind: &str| {
        let rest = format!(
            r#","responseElements":{{"CheckMfa":"Success"}},"additionalEventData":{{"MfaType":"{kind}"}}"#
        );
        record("CheckMfa", IAM_USER, &rest)
    };
    check(&shown("U2F MFA"), "pending second-factor unknown security-key ada Success -");
    check(&shown("Virtual MFA"), "pending second-factor unknown oath-token ada Success -");
    check(&shown("Multiple MFA Devices"), "pending second-factor unknown - ada Success -");
    check(&shown("Telepathy"), "pending second-factor unknown other ada Success - [method=Telepathy]");
    check(&shown("U2F MFA").replace(r#""Success""#, r#""Failure""#), "skipped CheckMfa");
}

/// An event of IAM Identity Center.
#[track_caller]
fn check_center(name: &str, result: &str, factors: &str, expected: &str) {
    let identity = r#""type":"Unknown","principalId":"111122223333","arn":"","accountId":"111122223333","userName":"ada@example.org""#;
    let rest = format!(
        r#","responseElements":null,"additionalEventData":{{"AuthWorkflowID":"9de74b32","CredentialType":"{factors}"}},"serviceEventDetails":{{"{name}":"{result}"}}"#
    );
    check(&record(name, identity, &rest), expected);
}

#[test]
fn identity_center_logs_each_factor_and_then_the_whole() {
    let user = "ada@example.org";
    check_center(
        "CredentialChallenge",
        "Success",
        "PASSWORD",
        &format!("pending first-factor unknown password {user} Success -"),
    );
    check_center(
        "CredentialChallenge",
        "Success",
        "TOTP",
        &format!("pending second-factor unknown oath-token {user} Success -"),
    );
    check_center(
        "CredentialVerification",
        "Success",
        "PASSWORD",
        &format!("success first-factor first-factor-only password {user} Success -"),
    );
    check_center(
        "CredentialVerification",
        "Failure",
        "PASSWORD",
        &format!("denied/wrong-credentials first-factor unknown password {user} Failure -"),
    );
    check_center(
        "CredentialVerification",
        "Failure",
        "TOTP",
        &format!("denied/wrong-code second-factor challenged oath-token {user} Failure -"),
    );
    check_center(
        "CredentialVerification",
        "Success",
        "WEBAUTHN",
        &format!("success second-factor challenged security-key {user} Success -"),
    );
    check_center(
        "UserAuthentication",
        "Success",
        "PASSWORD",
        &format!("success whole-sign-in first-factor-only password {user} Success -"),
    );
    check_center(
        "UserAuthentication",
        "Success",
        "PASSWORD,TOTP",
        &format!("success whole-sign-in challenged oath-token {user} Success -"),
    );
    check_center(
        "UserAuthentication",
        "Success",
        "TOTP, PASSWORD",
        &format!("success whole-sign-in challenged oath-token {user} Success -"),
    );
    check_center(
        "UserAuthentication",
        "Success",
        "EXTERNAL_IDP",
        &format!("success whole-sign-in external - {user} Success -"),
    );
    check_center(
        "UserAuthentication",
        "Success",
        "NEW",
        &format!("success whole-sign-in unknown other {user} Success - [method=NEW]"),
    );
    check_center(
        "CredentialVerification",
        "Success",
        "EMAIL_OTP",
        &format!("success second-factor challenged other {user} Success -"),
    );
    for (name, shown) in [
        ("CredentialChallenge", "pending whole-sign-in unknown other"),
        ("CredentialVerification", "success whole-sign-in challenged other"),
        ("UserAuthentication", "success whole-sign-in challenged other"),
    ] {
        check_center(name, "Success", "SMARTCARD", &format!("{shown} {user} Success -"));
    }
}

#[test]
fn ids_places_and_steps_are_read() {
    summary::decode(Source::CloudTrail, &console(IAM_USER, "Success", "", ""), |element| {
        let Element::Event(event) = element else { panic!("an event") };
        assert_eq!(
            (event.event_id, event.tenant_id),
            ("fed06f42-cb12-4764-8c69-121063dc79b9", "111122223333")
        );
        assert_eq!(event.occurred_at_us, 1_772_352_000_000_000);
        // The query carries codes: it is left out.
        assert_eq!(event.application, Some("console.aws.amazon.com/console/home"));
        assert_eq!(event.client_ip, Some("203.0.113.7"));
    });
    let rest = r#","additionalEventData":{"AuthWorkflowID":"9de7","CredentialType":"PASSWORD,TOTP"},"serviceEventDetails":{"UserAuthentication":"Success"}"#;
    summary::decode(Source::CloudTrail, &record("UserAuthentication", IAM_USER, rest), |element| {
        let Element::Event(event) = element else { panic!("an event") };
        assert_eq!(event.attempt_id, Some("9de7"));
        let codes: Vec<_> = event.steps.iter().map(|step| step.code).collect();
        assert_eq!(codes, [Some("PASSWORD"), Some("TOTP")]);
    });
}

#[test]
fn records_come_in_many_wrappings() {
    let login = console(IAM_USER, "Success", r#","MFAUsed":"No""#, "");
    let text = format!("{login:?}");
    let expected = "success whole-sign-in first-factor-only password ada Success -";
    check(&format!(r#"{{"Records":[{login},{login}]}}"#), &format!("{expected}\n{expected}"));
    check(
        &format!(
            r#"{{"version":"0","detail-type":"AWS Console Sign In via CloudTrail","source":"aws.signin","detail":{login}}}"#
        ),
        expected,
    );
    check(
        &format!(
            r#"{{"messageType":"DATA_MESSAGE","logEvents":[{{"id":"1","timestamp":1772352000000,"message":{text}}}]}}"#
        ),
        expected,
    );
    check(
        &format!(r#"{{"Events":[{{"EventId":"1","EventName":"ConsoleLogin","CloudTrailEvent":{text}}}]}}"#),
        expected,
    );
    check(&format!(r#"{{"Type":"Notification","Message":{text}}}"#), expected);
    check(&format!("[{login}]"), expected);
    let flat = login.replace(
        r#""responseElements":{"ConsoleLogin":"Success"}"#,
        r#""responseElements":"{ConsoleLogin=Success}""#,
    );
    check(&flat, expected);
    check(
        r#"{"messageType":"CONTROL_MESSAGE","logEvents":[{"id":"","message":"CWL CONTROL MESSAGE"}]}"#,
        "skipped unknown-shape",
    );
    check(r#"{"detail-type":"GuardDuty Finding","detail":{"id":"1"}}"#, "skipped GuardDuty Finding");
    check(&format!(r#"[{{"Records":[{login}]}}]"#), expected);
    check(
        &format!(r#"{{"records":[{{"records":[{login},{{"Records":[{login}]}}]}}]}}"#),
        &format!("{expected}\n{expected}"),
    );
    let internal = login.replace(r#""203.0.113.7""#, r#""AWS Internal""#);
    summary::decode(Source::CloudTrail, &internal, |element| {
        let Element::Event(event) = element else { panic!("an event") };
        assert_eq!((event.client_ip, event.unknown_values.len()), (None, 0));
    });
    check(
        r#"{"eventVersion":"1.07","eventType":"AwsCloudTrailInsight","insightDetails":{}}"#,
        "skipped AwsCloudTrailInsight",
    );
}

/// An event of IAM by an administrator about a user.
fn change(name: &str, request: &str, rest: &str) -> String {
    record(name, &IAM_USER.replace("ada", "admin"), rest)
        .replace("signin.amazonaws.com", "iam.amazonaws.com")
        .replace(r#""requestParameters":null"#, &format!(r#""requestParameters":{request}"#))
}

#[test]
fn devices_passwords_and_rules_change() {
    let bob = r#"{"userName":"bob","serialNumber":"arn:aws:iam::111122223333:mfa/bob"}"#;
    let device = "oath-token arn:aws:iam::111122223333:mfa/bob";
    check(&change("EnableMFADevice", bob, ""), &format!("change method-added of bob by admin {device}"));
    check(
        &change("DeactivateMFADevice", bob, ""),
        &format!("change method-removed of bob by admin {device}"),
    );
    check(&change("ResyncMFADevice", bob, ""), &format!("change method-changed of bob by admin {device}"));
    let created =
        r#","responseElements":{"virtualMFADevice":{"serialNumber":"arn:aws:iam::111122223333:mfa/bob"}}"#;
    let name = r#"{"virtualMFADeviceName":"bob"}"#;
    check(
        &change("CreateVirtualMFADevice", name, created),
        &format!("change other of unknown by admin {device}"),
    );
    let serial = r#"{"serialNumber":"arn:aws:iam::111122223333:mfa/bob"}"#;
    check(
        &change("DeleteVirtualMFADevice", serial, ""),
        &format!("change other of unknown by admin {device}"),
    );
    check(
        &change("UpdateLoginProfile", r#"{"userName":"bob"}"#, ""),
        "change password-changed of bob by admin password -",
    );
    check(&change("DeleteLoginProfile", r#"{"userName":"bob"}"#, ""), "change other of bob by admin - -");
    check(&change("ChangePassword", "null", ""), "change password-changed of admin by admin password -");
    let rules = r#"{"minimumPasswordLength":12}"#;
    check(&change("UpdateAccountPasswordPolicy", rules, ""), "change policy-changed of unknown by admin - -");
    let root = r#"{"userName":"AWS ROOT USER","serialNumber":"arn:aws:iam::111122223333:mfa/root-account-mfa-device"}"#;
    check(
        &change("EnableMFADevice", root, ""),
        "change method-added of root by admin oath-token arn:aws:iam::111122223333:mfa/root-account-mfa-device",
    );
}

#[test]
fn accounts_are_made_and_deleted() {
    let bob = r#"{"userName":"bob"}"#;
    check(&change("CreateUser", bob, ""), "change account-created of bob by admin - -");
    check(&change("DeleteUser", bob, ""), "change account-deleted of bob by admin - -");
    let center = |name: &str, request: &str, response: &str| {
        change(name, request, response).replace("iam.amazonaws.com", "sso-directory.amazonaws.com")
    };
    // Identity Center hides the name of a user who is made.
    let hidden = r#"{"userName":"HIDDEN_DUE_TO_SECURITY_REASONS","identityStoreId":"d-1"}"#;
    let made = r#","responseElements":{"user":{"userId":"90676b1c"}}"#;
    check(&center("CreateUser", hidden, made), "change account-created of 90676b1c by admin - -");
    let id = r#"{"userId":"90676b1c","identityStoreId":"d-1"}"#;
    check(&center("DeleteUser", id, ""), "change account-deleted of 90676b1c by admin - -");
    let other = change("CreateUser", bob, "").replace("iam.amazonaws.com", "transfer.amazonaws.com");
    check(&other, "skipped CreateUser");
}

#[test]
fn what_failed_or_means_something_else_is_skipped_by_name() {
    let bob = r#"{"userName":"bob"}"#;
    check(&change("EnableMFADevice", bob, r#","errorCode":"AccessDenied""#), "skipped EnableMFADevice");
    check(&change("CreateAccessKey", bob, ""), "skipped CreateAccessKey");
    let other_service =
        change("DisableUser", bob, "").replace("iam.amazonaws.com", "appstream2.amazonaws.com");
    check(&other_service, "skipped DisableUser");
    for name in ["SwitchRole", "ExitRole", "RenewRole", "GetSigninToken", "PasswordRecoveryRequested"] {
        check(&record(name, IAM_USER, ""), &format!("skipped {name}"));
    }
}
