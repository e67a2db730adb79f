//! The words that an event may use, one table for each column.
//!
//! On the wire and in the book a word is kebab-case text. `parse` does not mind ASCII case, since sources
//! differ in it. Names may be added to a vocabulary, never changed or taken away.
//!
//! All but [`AuthResult`] are open: a text that the table does not know becomes the vocabulary's `UNKNOWN`,
//! stands in the event's `unknown_values` as `column=text`, and is counted. An unknown result is a
//! rejection instead, because guessing it would invent a verdict.

/// Makes an enum, its wire texts and its list of all words from one table.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[doc = $meaning:literal])+ $word:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[doc = $meaning])+ $word,)+ }

        impl $name {
            /// Every word, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$word,)+];

            /// The word as it stands on the wire and in the book.
            #[inline]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text,)+ }
            }

            /// What the word means, in a sentence for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$word => concat!($($meaning),+).trim_ascii(),)+ }
            }

            /// Reads a word in any ASCII case; `None` where the table does not know it.
            #[inline]
            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$word),)+
                    _ => Self::ALL.iter().copied().find(|word| word.as_str().eq_ignore_ascii_case(text)),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use vocabulary;

vocabulary! {
    /// By which method a factor was checked (column `method`). Open.
    Method {
        /// A call to a phone, answered with `#` or with a PIN.
        VoiceCall = "voice-call",
        /// A code sent to a phone, typed at the gate (one-way) or sent back (two-way).
        TextMessage = "text-message",
        /// A push notification, approved in the mobile app.
        MobileAppNotification = "mobile-app-notification",
        /// A code shown by the mobile app.
        MobileAppCode = "mobile-app-code",
        /// A code shown by an OATH token, hardware or software.
        OathToken = "oath-token",
        /// A security key or passkey (FIDO2, WebAuthn, U2F).
        SecurityKey = "security-key",
        /// A password: a first factor.
        Password = "password",
        /// Any other method; what the source called it stands in `unknown_values`.
        Other = "other",
    }
}

vocabulary! {
    /// How the method was used (column `mode`). Open.
    Mode {
        /// Without a PIN.
        Standard = "standard",
        /// With a PIN beside the method.
        Pin = "pin",
        /// A text message whose code is typed at the gate.
        OneWay = "one-way",
        /// A text message that is answered by a text message.
        TwoWay = "two-way",
        /// Any other mode; what the source called it stands in `unknown_values`.
        Other = "other",
    }
}

vocabulary! {
    /// Whether the gate opened (column `result`). Closed: an unknown result is a rejection.
    AuthResult {
        /// The gate opened.
        Success = "success",
        /// The gate stayed shut; `denial_reason` says why.
        Denied = "denied",
        /// A code was sent, and its check comes later as another event.
        Pending = "pending",
    }
}

vocabulary! {
    /// What the event judges (column `stage`). Open. A wrong password is no denied second factor.
    Stage {
        /// The first factor alone.
        FirstFactor = "first-factor",
        /// The second factor alone.
        SecondFactor = "second-factor",
        /// The sign-in as a whole; what a source that names no stage means.
        WholeSignIn = "whole-sign-in",
        /// Any other stage; what the source called it stands in `unknown_values`.
        Other = "other",
    }
}

vocabulary! {
    /// What the event proves (column `assurance`). Open.
    Assurance {
        /// A second factor was used now.
        Challenged = "challenged",
        /// A second factor was used before: a claim, a cache, a remembered device.
        SatisfiedEarlier = "satisfied-earlier",
        /// None was asked for: a trusted place or device, an app password.
        Exempt = "exempt",
        /// An administrator let the user in without one.
        Bypassed = "bypassed",
        /// Another provider vouched.
        External = "external",
        /// Only one factor was asked for.
        FirstFactorOnly = "first-factor-only",
        /// The source does not say, or says it in a word that this table does not know.
        Unknown = "unknown",
    }
}

vocabulary! {
    /// Why the gate stayed shut (column `denial_reason`, present exactly when the result is denied). Open.
    DenialReason {
        /// The user declined the request.
        UserDeclined = "user-declined",
        /// The user did not answer in time.
        NoResponse = "no-response",
        /// The user answered the call and hung up.
        HungUp = "hung-up",
        /// The code was wrong.
        WrongCode = "wrong-code",
        /// The PIN was wrong.
        WrongPin = "wrong-pin",
        /// The password was wrong.
        WrongPassword = "wrong-password",
        /// User name or password was wrong; the source does not say which.
        WrongCredentials = "wrong-credentials",
        /// The user reported the request as fraud.
        FraudReported = "fraud-reported",
        /// The user is blocked by an administrator or after a fraud report.
        UserBlocked = "user-blocked",
        /// The account is locked after too many attempts.
        LockedOut = "locked-out",
        /// The user has no second factor.
        NotEnrolled = "not-enrolled",
        /// The method or the account is not activated.
        NotActivated = "not-activated",
        /// No such user.
        UnknownUser = "unknown-user",
        /// The account is disabled.
        UserDisabled = "user-disabled",
        /// Too many requests in a short time.
        Throttled = "throttled",
        /// Not from this place.
        LocationRestricted = "location-restricted",
        /// Not from this device.
        DeviceRestricted = "device-restricted",
        /// Not with this version of the app or system.
        VersionRestricted = "version-restricted",
        /// A bypass was asked for and refused.
        BypassRefused = "bypass-refused",
        /// A rule of access refused, and the source does not say more.
        DeniedByPolicy = "denied-by-policy",
        /// The phone could not be reached.
        PhoneUnreachable = "phone-unreachable",
        /// The phone was busy.
        PhoneBusy = "phone-busy",
        /// The call ended in voicemail.
        Voicemail = "voicemail",
        /// The number is not valid.
        InvalidNumber = "invalid-number",
        /// The text message could not be sent.
        MessageNotSent = "message-not-sent",
        /// The notification could not be sent.
        NotificationFailed = "notification-failed",
        /// The authentication server failed.
        ServerError = "server-error",
        /// The server or the gate is set up wrongly.
        Misconfigured = "misconfigured",
        /// The service did not answer in time.
        ServiceTimeout = "service-timeout",
        /// Another server had sent the code and alone could check it.
        OtherServer = "other-server",
        /// The source says that it was denied and not why.
        Unspecified = "unspecified",
        /// Any other reason; what the source called it stands in `unknown_values`.
        Other = "other",
    }
}

vocabulary! {
    /// What changed (column `change`). Open.
    ChangeKind {
        /// The user got a second factor, or began to get one.
        Enrolled = "enrolled",
        /// A method or device was added.
        MethodAdded = "method-added",
        /// A method or device was removed.
        MethodRemoved = "method-removed",
        /// A method was changed: another number, another default, activated again.
        MethodChanged = "method-changed",
        /// All methods of the user were taken away, to be registered anew.
        Reset = "reset",
        /// The user was blocked, locked or disabled.
        Blocked = "blocked",
        /// The user was unblocked, unlocked or enabled.
        Unblocked = "unblocked",
        /// Somebody was let past the second factor: a bypass code, a one-time bypass, a status.
        BypassGranted = "bypass-granted",
        /// A bypass was used up, ran out or was taken back.
        BypassEnded = "bypass-ended",
        /// An app password was made.
        AppPasswordAdded = "app-password-added",
        /// App passwords were deleted.
        AppPasswordRemoved = "app-password-removed",
        /// The second factor is asked for from now on.
        MfaEnabled = "mfa-enabled",
        /// The second factor is not asked for any more.
        MfaDisabled = "mfa-disabled",
        /// The password was set or changed.
        PasswordChanged = "password-changed",
        /// The user reported a request as fraud.
        FraudReported = "fraud-reported",
        /// A rule of who is asked for what was made, changed or deleted.
        PolicyChanged = "policy-changed",
        /// The account was made, by hand or by a directory.
        AccountCreated = "account-created",
        /// The account was deleted.
        AccountDeleted = "account-deleted",
        /// Any other change of an account or a method; `result_code` says which.
        Other = "other",
    }
}

vocabulary! {
    /// Denial reasons grouped for people.
    DenialGroup {
        /// What the user did or did not do.
        User = "user",
        /// The state of the account.
        Account = "account",
        /// A rule that refused.
        Policy = "policy",
        /// The way to the user's phone or device.
        Delivery = "delivery",
        /// The authentication service itself.
        Service = "service",
        /// Not known.
        Other = "other",
    }
}

impl Method {
    /// What a method becomes that the table does not know.
    pub const UNKNOWN: Self = Self::Other;
}

impl Mode {
    /// What a mode becomes that the table does not know.
    pub const UNKNOWN: Self = Self::Other;
}

impl Stage {
    /// What a stage becomes that the table does not know.
    pub const UNKNOWN: Self = Self::Other;
}

impl Assurance {
    /// What an assurance becomes that the table does not know.
    pub const UNKNOWN: Self = Self::Unknown;
}

impl DenialReason {
    /// What a reason becomes that the table does not know.
    pub const UNKNOWN: Self = Self::Other;

    /// The group under which reports show the reason.
    pub const fn group(self) -> DenialGroup {
        use DenialReason::*;
        match self {
            UserDeclined | NoResponse | HungUp | WrongCode | WrongPin | WrongPassword | WrongCredentials
            | FraudReported => DenialGroup::User,
            UserBlocked | LockedOut | NotEnrolled | NotActivated | UnknownUser | UserDisabled => {
                DenialGroup::Account
            }
            Throttled | LocationRestricted | DeviceRestricted | VersionRestricted | BypassRefused
            | DeniedByPolicy => DenialGroup::Policy,
            PhoneUnreachable | PhoneBusy | Voicemail | InvalidNumber | MessageNotSent
            | NotificationFailed => DenialGroup::Delivery,
            ServerError | Misconfigured | ServiceTimeout | OtherServer => DenialGroup::Service,
            Unspecified | Other => DenialGroup::Other,
        }
    }
}
