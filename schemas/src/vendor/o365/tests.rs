use super::super::summary;
use crate::element::Element;
use crate::source::Source;

/// A record of the token service; `keys` are JSON behind the last of its own, `extended` entries of `ExtendedProperties`.
fn sign_in(operation: &str, keys: &str, extended: &[(&str, &str)]) -> String {
    let extended: Vec<String> =
        extended.iter().map(|(name, value)| format!(r#"{{"Name":"{name}","Value":"{value}"}}"#)).collect();
    format!(
        r#"{{"CreationTime":"2026-03-01T08:00:00","Id":"5f6c0a52-7a0e-4c65-9d0b-4f0d6c1f2300","Operation":"{operation}","OrganizationId":"b1d7a9c4-52c1-4a7e-8a0d-90f3f6f0a001","RecordType":15,"UserKey":"c0a8b1d2-0000-4000-8000-00000000ada0","UserType":0,"Version":1,"Workload":"AzureActiveDirectory","ClientIP":"203.0.113.7:50123","UserId":"Ada@example.org","AzureActiveDirectoryEventType":1,"ExtendedProperties":[{}],"ModifiedProperties":[],"Actor":[{{"ID":"c0a8b1d2-0000-4000-8000-00000000ada0","Type":0}},{{"ID":"Ada@example.org","Type":5}}],"ActorIpAddress":"203.0.113.7","InterSystemsId":"1d2c3b4a-0000-4000-8000-0000000000a1","IntraSystemId":"5f6c0a52-7a0e-4c65-9d0b-4f0d6c1f2300","SupportTicketId":"","Target":[{{"ID":"00000002-0000-0ff1-ce00-000000000000","Type":0}}],"ApplicationId":"d3590ed6-52b3-4102-aeff-aad2292ab01c","DeviceProperties":[{{"Name":"OS","Value":"Windows 10"}},{{"Name":"BrowserType","Value":"Edge"}}]{keys}}}"#,
        extended.join(",")
    )
}

/// A record of the directory.
fn directory(operation: &str, status: &str, modified: &str) -> String {
    format!(
        r#"{{"CreationTime":"2026-03-01T08:00:00","Id":"9a8b7c6d-0000-4000-8000-000000000001","Operation":"{operation}","OrganizationId":"b1d7a9c4-52c1-4a7e-8a0d-90f3f6f0a001","RecordType":8,"ResultStatus":"{status}","UserKey":"10032000@example.org","UserType":0,"Workload":"AzureActiveDirectory","ClientIP":"","ObjectId":"Bob@example.org","UserId":"admin@example.org","ExtendedProperties":[{{"Name":"extendedAuditEventCategory","Value":"User"}}],"ModifiedProperties":[{modified}],"Actor":[{{"ID":"admin@example.org","Type":5}}],"Target":[{{"ID":"User_0b0b","Type":2}},{{"ID":"User","Type":2}},{{"ID":"Bob@example.org","Type":5}},{{"ID":"1003","Type":3}}]}}"#
    )
}

#[track_caller]
fn check(record: &str, expected: &str) {
    assert_eq!(summary::of(Source::O365, record), expected, "{record}");
}

/// A record with an error's number and name.
#[track_caller]
fn check_error(operation: &str, number: &str, name: &str, expected: &str) {
    let keys = match (number, name) {
        ("", name) => format!(r#","LogonError":"{name}""#),
        (number, "") => format!(r#","ErrorNumber":"{number}""#),
        (number, name) => format!(r#","LogonError":"{name}","ErrorNumber":"{number}""#),
    };
    let extended = [("ResultStatusDetail", "Success"), ("RequestType", "Login:login")];
    check(&sign_in(operation, &format!(r#","ResultStatus":"Success"{keys}"#), &extended), expected);
}

#[test]
fn a_failed_sign_in_can_say_success() {
    check_error(
        "UserLoginFailed",
        "50126",
        "InvalidUserNameOrPassword",
        "denied/wrong-credentials first-factor unknown password Ada@example.org 50126 InvalidUserNameOrPassword",
    );
    check_error(
        "UserLoginFailed",
        "50053",
        "IdsLocked",
        "denied/locked-out first-factor unknown password Ada@example.org 50053 IdsLocked",
    );
}

#[test]
fn the_error_decides_whatever_the_operation_says() {
    // Older records give no number.
    check_error(
        "UserLoggedIn",
        "",
        "InvalidUserNameOrPassword",
        "denied/wrong-credentials first-factor unknown password Ada@example.org Success InvalidUserNameOrPassword",
    );
    check_error(
        "UserLoggedIn",
        "500121",
        "",
        "denied/unspecified second-factor challenged - Ada@example.org 500121 Success",
    );
    check_error("UserLoggedIn", "50089", "", "skipped 50089");
    check_error("UserLoggedIn", "50089", "FlowTokenExpired", "skipped FlowTokenExpired");
}

#[test]
fn interrupts_are_no_failures() {
    check_error("UserLoggedIn", "50140", "", "success whole-sign-in unknown - Ada@example.org 50140 Success");
    for (number, name) in [
        ("50074", "UserStrongAuthClientAuthNRequiredInterrupt"),
        ("50076", "UserStrongAuthClientAuthNRequired"),
    ] {
        let expected = format!("pending second-factor unknown - Ada@example.org {number} {name}");
        check_error("UserLoginFailed", number, name, &expected);
    }
    for (number, name) in [
        ("50058", "UserInformationNotProvided"),
        ("50125", "PasswordResetRegistrationRequiredInterrupt"),
        ("50133", "SsoArtifactRevoked"),
        ("65001", "DelegationDoesNotExist"),
    ] {
        let expected = format!("pending whole-sign-in unknown - Ada@example.org {number} {name}");
        check_error("UserLoginFailed", number, name, &expected);
    }
    check_error(
        "UserLoginFailed",
        "50158",
        "ExternalSecurityChallenge",
        "pending second-factor unknown - Ada@example.org 50158 ExternalSecurityChallenge",
    );
}

#[test]
fn a_page_that_asks_for_consent_decides_nothing() {
    let page = |operation: &str, keys: &str| {
        sign_in(operation, keys, &[("RequestType", "PrivacyConsent:guestconsentset")])
    };
    check(
        &page("UserLoginFailed", r#","ErrorNumber":"500142""#),
        "pending whole-sign-in unknown - Ada@example.org 500142 -",
    );
    check(
        &page("UserLoginFailed", r#","ErrorNumber":"59999""#),
        "pending whole-sign-in unknown - Ada@example.org 59999 - [result_code=59999]",
    );
    check(&page("UserLoginFailed", ""), "pending whole-sign-in unknown - Ada@example.org - -");
    // A known error decides there, too, and so does a success.
    check(
        &page("UserLoginFailed", r#","ErrorNumber":"50126""#),
        "denied/wrong-credentials first-factor unknown password Ada@example.org 50126 -",
    );
    check(
        &page("UserLoggedIn", r#","ErrorNumber":"0""#),
        "success whole-sign-in unknown - Ada@example.org 0 -",
    );
}

#[test]
fn an_operation_can_be_the_name_of_the_error() {
    let record = sign_in("UserStrongAuthClientAuthNRequiredInterrupt", "", &[]);
    check(
        &record,
        "pending second-factor unknown - Ada@example.org - UserStrongAuthClientAuthNRequiredInterrupt",
    );
}

#[test]
fn what_judges_nobody_is_skipped_by_its_name() {
    for (number, name) in [
        ("50011", "InvalidReplyTo"),
        ("50061", "SignoutInvalidRequest"),
        ("50089", "FlowTokenExpired"),
        ("700016", "UnauthorizedClient_DoesNotMatchRequest"),
    ] {
        check_error("UserLoginFailed", number, name, &format!("skipped {name}"));
    }
    let sign_out = [("RequestType", "OAuth2:Logout")];
    check(&sign_in("UserLoggedIn", r#","ErrorNumber":"0""#, &sign_out), "skipped OAuth2:Logout");
    check(&directory("Add member to role.", "Success", ""), "skipped Add member to role.");
    check(r#"{"Workload":"Exchange","RecordType":50}"#, "skipped Exchange");
}

#[test]
fn an_unknown_error_is_noted_and_invents_no_verdict() {
    check_error(
        "UserLoginFailed",
        "59999",
        "BrandNewError",
        "denied/other whole-sign-in unknown - Ada@example.org 59999 BrandNewError [denial_reason=BrandNewError]",
    );
    check_error(
        "UserLoggedIn",
        "59999",
        "",
        "pending whole-sign-in unknown - Ada@example.org 59999 Success [result_code=59999]",
    );
    check(
        &sign_in("UserLoginFailed", "", &[]),
        "denied/unspecified whole-sign-in unknown - Ada@example.org - -",
    );
    let user_error = [("ResultStatusDetail", "UserError")];
    check(
        &sign_in("UserLoggedIn", r#","ResultStatus":"Failed""#, &user_error),
        "denied/unspecified whole-sign-in unknown - Ada@example.org Failed UserError",
    );
}

/// A success with these bits and this request.
#[track_caller]
fn check_method(bits: &str, request_type: &str, agent: &str, expected: &str) {
    let extended = [("UserAgent", agent), ("UserAuthenticationMethod", bits), ("RequestType", request_type)];
    let record = sign_in("UserLoggedIn", r#","ErrorNumber":"0""#, &extended);
    check(&record, &format!("success whole-sign-in {expected}"));
}

#[test]
fn a_success_proves_no_more_than_it_says() {
    check_method("1", "Login:login", "Mozilla/5.0", "unknown password Ada@example.org 0 -");
    check_method("272", "Login:login", "Mozilla/5.0", "unknown password Ada@example.org 0 -");
    check_method("33554432", "Login:login", "Mozilla/5.0", "challenged security-key Ada@example.org 0 -");
    check_method("33554432", "OAuth2:Authorize", "Mozilla/5.0", "satisfied-earlier - Ada@example.org 0 -");
    check_method(
        "64",
        "Login:login",
        "Mozilla/5.0",
        "challenged mobile-app-notification Ada@example.org 0 -",
    );
    check_method("1", "SAS:ProcessAuth", "Mozilla/5.0", "challenged - Ada@example.org 0 -");
    check_method("1", "OAuth2:Token", "BAV2ROPC", "first-factor-only password Ada@example.org 0 -");
    check_method("2", "Login:login", "Mozilla/5.0", "unknown other Ada@example.org 0 -");
    check_method(
        "1073741824",
        "Login:login",
        "Mozilla/5.0",
        "unknown - Ada@example.org 0 - [method=1073741824]",
    );
    let begun = sign_in("UserLoggedIn", r#","ErrorNumber":"0""#, &[("RequestType", "SAS:BeginAuth")]);
    check(&begun, "pending second-factor unknown - Ada@example.org 0 -");
}

#[test]
fn the_older_service_says_how_in_its_operation() {
    let record = |operation: &str, rest: &str| {
        format!(
            r#"{{"CreationTime":"2026-03-01T08:00:00","Id":"1","Operation":"{operation}","OrganizationId":"b1d7","RecordType":9,"UserId":"ada@example.org","ClientIP":"203.0.113.7","Client":"Exchange","UserDomain":"example.org"{rest}}}"#
        )
    };
    check(
        &record(
            "PasswordLogonInitialAuthUsingPassword",
            r#","ResultStatus":"failed","LoginStatus":-2147217390,"ExtendedProperties":[{"Name":"LoginError","Value":"-2147217390;PP_E_BAD_PASSWORD;The entered and stored passwords do not match."}]"#,
        ),
        "denied/wrong-password first-factor unknown password ada@example.org -2147217390 \
         -2147217390;PP_E_BAD_PASSWORD;The entered and stored passwords do not match.",
    );
    check(
        &record(
            "ForeignRealmIndexLogonInitialAuthUsingADFSFederatedToken",
            r#","ResultStatus":"success","LoginStatus":0"#,
        ),
        "success whole-sign-in external - ada@example.org 0 ForeignRealmIndexLogonInitialAuthUsingADFSFederatedToken",
    );
    check(
        &record("PasswordLogonInitialAuthUsingPassword", ""),
        "rejected ResultStatus: found nothing, expected a value",
    );
}

#[test]
fn ids_times_and_addresses_are_read() {
    let record = sign_in("UserLoggedIn", r#","ErrorNumber":"0""#, &[("RequestType", "OAuth2:Authorize")]);
    let mut seen = 0;
    summary::decode(Source::O365, &record, |element| {
        let Element::Event(event) = element else { panic!("an event") };
        assert_eq!(event.event_id, "5f6c0a52-7a0e-4c65-9d0b-4f0d6c1f2300");
        assert_eq!(event.occurred_at_us, 1_772_352_000_000_000);
        assert_eq!(event.tenant_id, "b1d7a9c4-52c1-4a7e-8a0d-90f3f6f0a001");
        assert_eq!(event.user_key, "ada@example.org");
        assert_eq!(event.client_ip, Some("203.0.113.7"));
        assert_eq!(event.application, Some("d3590ed6-52b3-4102-aeff-aad2292ab01c"));
        assert_eq!(event.client_app, Some("Edge"));
        assert_eq!(event.protocol, Some("oidc"));
        assert_eq!(event.attempt_id, Some("1d2c3b4a-0000-4000-8000-0000000000a1"));
        seen += 1;
    });
    assert_eq!(seen, 1);
    check(
        &record.replace("2026-03-01T08:00:00", "3/1/2026 8:00:00 AM"),
        "rejected CreationTime: found another text, expected a date and time in UTC",
    );
    // A shipper's spelling.
    check(
        &record.replace("2026-03-01T08:00:00", "2026-03-01 08:00:00"),
        "success whole-sign-in unknown - Ada@example.org 0 -",
    );
}

#[test]
fn somebody_unknown_is_named_by_what_is_left() {
    let record = sign_in("UserLoggedIn", r#","ErrorNumber":0"#, &[]);
    let unnamed = record.replace(r#""UserId":"Ada@example.org""#, r#""UserId":"Not Available""#);
    check(&unnamed, "success whole-sign-in unknown - Ada@example.org 0 -");
    let keyed = unnamed.replace(r#"{"ID":"Ada@example.org","Type":5}"#, "");
    check(
        &keyed.replace(",]", "]"),
        "success whole-sign-in unknown - c0a8b1d2-0000-4000-8000-00000000ada0 0 -",
    );
}

#[test]
fn a_row_around_the_record_is_taken_off() {
    let record = sign_in("UserLoggedIn", r#","ErrorNumber":"0""#, &[]);
    let expected = "success whole-sign-in unknown - Ada@example.org 0 -";
    let text = format!("{record:?}");
    check(
        &format!(
            r#"{{"RecordType":"AzureActiveDirectoryStsLogon","CreationDate":"3/1/2026 8:00:00 AM","Operations":"UserLoggedIn","AuditData":{text}}}"#
        ),
        expected,
    );
    check(
        &format!(r#"[{{"AuditData":{text}}},{{"AuditData":{record}}}]"#),
        &format!("{expected}\n{expected}"),
    );
    check(
        &format!(r#"{{"value":[{{"id":"1","operation":"UserLoggedIn","auditData":{record}}}]}}"#),
        expected,
    );
    check(&format!(r#"{{"@timestamp":"2026-03-01T08:00:00Z","o365audit":{record}}}"#), expected);
    check(&format!(r#"{{"message":{text}}}"#), expected);
    check(&format!("[{record},{record}]"), &format!("{expected}\n{expected}"));
    check(
        r#"{"AuditData":"{\"Operation\":"}"#,
        "rejected AuditData: found another text, expected a record in JSON",
    );
    check(r#"{"message":"started"}"#, "skipped unknown-shape");
    // The portal's export names the operation beside the record.
    check(&format!(r#"{{"Operation":"UserLoggedIn","AuditData":{text}}}"#), expected);
    check(&record.replacen('{', r#"{"message":"hello","#, 1), expected);
}

/// `Update user` with one property changed; values are JSON within JSON.
#[track_caller]
fn check_update(name: &str, old: &str, new: &str, expected: &str) {
    let modified = format!(r#"{{"Name":"{name}","NewValue":{new:?},"OldValue":{old:?}}}"#);
    check(&directory("Update user.", "Success", &modified), expected);
}

#[test]
fn an_updated_user_is_a_change_where_methods_or_states_change() {
    let on = "[\r\n  {\r\n    \"RelyingParty\": \"*\",\r\n    \"State\": 1\r\n  }\r\n]";
    let enforced = r#"[{"RelyingParty":"*","State":2}]"#;
    let by = "of Bob@example.org by admin@example.org";
    let requirement = "StrongAuthenticationRequirement";
    check_update(requirement, "[]", on, &format!("change mfa-enabled {by} - {requirement}"));
    check_update(requirement, on, "[]", &format!("change mfa-disabled {by} - {requirement}"));
    check_update(requirement, on, enforced, &format!("change mfa-enabled {by} - {requirement}"));
    check_update(requirement, on, on, "skipped Update user.");
    let methods = "StrongAuthenticationMethod";
    let (sms, both) = (r#"[{"MethodType":5,"Default":true}]"#, r#"[{"MethodType":5},{"MethodType": 6}]"#);
    check_update(methods, "[]", sms, &format!("change enrolled {by} text-message {methods}"));
    check_update(methods, sms, both, &format!("change method-added {by} mobile-app-notification {methods}"));
    check_update(
        methods,
        both,
        sms,
        &format!("change method-removed {by} mobile-app-notification {methods}"),
    );
    check_update(methods, both, "[]", &format!("change reset {by} - {methods}"));
    check_update(methods, both, both, &format!("change method-changed {by} - {methods}"));
    let app = "StrongAuthenticationPhoneAppDetail";
    check_update(
        app,
        r#"[{"DeviceName":"a","LastAuthenticatedTimestamp":1}]"#,
        r#"[{"DeviceName":"a"}]"#,
        "skipped Update user.",
    );
    check_update(app, "[]", r#"[{"DeviceName":"a"}]"#, &format!("change method-added {by} - {app}"));
    check_update(
        "AccountEnabled",
        "[\r\n  true\r\n]",
        "[\r\n  false\r\n]",
        &format!("change blocked {by} - AccountEnabled"),
    );
    check_update("Department", "[]", "[]", "skipped Update user.");
    // Parsed by a shipper.
    let parsed = r#"{"Name":"StrongAuthenticationRequirement","NewValue":[],"OldValue":[{"State":1}]}"#;
    check(
        &directory("Update user.", "Success", parsed),
        &format!("change mfa-disabled {by} - {requirement}"),
    );
}

#[test]
fn operations_of_the_directory_are_changes() {
    for (operation, change) in [
        ("Disable Strong Authentication.", "mfa-disabled"),
        ("Enable Strong Authentication.", "mfa-enabled"),
        ("Reset user password.", "password-changed password"),
        ("Change user password.", "password-changed password"),
        ("Set force change user password.", "other"),
        ("Update StsRefreshTokenValidFrom Timestamp.", "other"),
        ("Disable account.", "blocked"),
        ("Enable account.", "unblocked"),
        ("Add app password for user.", "app-password-added password"),
        ("User registered security info.", "method-added"),
        ("Add user.", "account-created"),
        ("Delete user.", "account-deleted"),
        ("Hard Delete user.", "account-deleted"),
        ("Restore user.", "account-created"),
        ("Invite external user.", "other"),
        ("Admin deleted security info", "method-removed"),
    ] {
        let (change, method) = change.split_once(' ').unwrap_or((change, "-"));
        let expected = format!("change {change} of Bob@example.org by admin@example.org {method} -");
        check(&directory(operation, "Success", ""), &expected);
        check(&directory(operation, "Failure", ""), &format!("skipped {operation}"));
    }
    let policy = directory("Update conditional access policy.", "Success", "")
        .replace(r#"{"ID":"User","Type":2}"#, r#"{"ID":"Ask everybody","Type":1}"#);
    check(&policy, "change policy-changed of unknown by admin@example.org - Ask everybody");
    for operation in ["Set domain authentication.", "Set federation settings on domain."] {
        let domain = directory(operation, "Success", "")
            .replace(r#"{"ID":"User","Type":2}"#, r#"{"ID":"example.org","Type":1}"#);
        check(&domain, "change policy-changed of unknown by admin@example.org - example.org");
    }
    let deleted = directory("Delete user.", "Success", "")
        .replace(r#""ID":"Bob@"#, r#""ID":"0b0b6a3e000040008000000000000001Bob@"#);
    check(&deleted, "change account-deleted of Bob@example.org by admin@example.org - -");
}

#[test]
fn numbers_and_names_of_errors_agree() {
    for (number, name) in [
        ("50126", "InvalidUserNameOrPassword"),
        ("50034", "UserAccountNotFound"),
        ("50053", "IdsLocked"),
        ("50055", "InvalidPasswordExpiredPassword"),
        ("50057", "UserDisabled"),
        ("50072", "UserStrongAuthEnrollmentRequiredInterrupt"),
        ("50074", "UserStrongAuthClientAuthNRequiredInterrupt"),
        ("50076", "UserStrongAuthClientAuthNRequired"),
        ("50078", "UserStrongAuthExpired"),
        ("50079", "UserStrongAuthEnrollmentRequired"),
        ("50087", "SasRetryableError"),
        ("50089", "FlowTokenExpired"),
        ("50140", "KmsiInterrupt"),
        ("50158", "ExternalSecurityChallenge"),
        ("53000", "DeviceNotCompliant"),
        ("53003", "BlockedByConditionalAccess"),
        ("500121", "AuthenticationFailedSasError"),
    ] {
        let judged = |keys: &str| {
            let line = summary::of(Source::O365, &sign_in("UserLoginFailed", keys, &[]));
            assert!(!line.contains("[denial_reason="), "{line}");
            line.split(" Ada@").next().map(|judged| judged.replace(number, name))
        };
        let by_number = judged(&format!(r#","ErrorNumber":"{number}""#));
        assert_eq!(by_number, judged(&format!(r#","LogonError":"{name}""#)), "{number}");
    }
}
