//! One row of a report or record, its values found by what their keys mean.
//!
//! Exports write the same key as `User Name`, `username`, `UserName` or `user_name`: of a key only its
//! letters and digits count, in any case. A value of an object under `PrimaryCall`, `BackupCall` or `Overall`
//! is found as if its key stood behind that name.

use std::borrow::Cow;

use super::super::json::Json;
use super::super::key_table::KeyTable;

/// The longest key that is looked up; longer ones are none of ours.
const KEY_BYTES_MAX: usize = 64;

/// Declares what a value can be, and the names of its keys: letters and digits alone, in lower case.
macro_rules! keys {
    ($($key:ident = $($name:literal)|+,)+) => {
        /// What a value of a row is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Key { $($key,)+ }

        impl Key {
            /// How many there are.
            const COUNT: usize = [$(Key::$key,)+].len();
            const NAMES: &'static [(&'static str, Self)] = &[$($(($name, Self::$key),)+)+];
        }
    };
}

keys! {
    Timestamp = "timestamp" | "time" | "date" | "datetime" | "authtimestamp" | "calltime"
        | "authenticationtime",
    TimestampUtc = "timestamputc" | "timeutc" | "dateutc" | "datetimeutc" | "utctimestamp" | "utctime"
        | "utcdate",
    Username = "username" | "user",
    Upn = "userprincipalname" | "upn",
    UniqueId = "uniqueid" | "userid" | "uniqueuserid",
    FirstName = "firstname",
    LastName = "lastname",
    Email = "emailaddress" | "email" | "mail",
    Method = "authenticationmethod" | "authmethod" | "method",
    PhoneCallMode = "phonecallmode",
    TextMessageDirection = "textmessagedirection",
    TextMessageMode = "textmessagemode",
    MobileAppMode = "mobileappmode",
    OathTokenMode = "oathtokenmode",
    Mode = "authenticationmode" | "authmode" | "mode",
    AuthenticationType = "authenticationtype" | "authtype",
    Application = "applicationname" | "application" | "appname",
    CountryCode = "countrycode",
    PhoneNumber = "phonenumber" | "phone" | "primaryphone" | "primaryphonenumber",
    Extension = "extension",
    PrimaryCountryCode = "primarycallcountrycode",
    PrimaryPhoneNumber = "primarycallphonenumber" | "primarycallnumber",
    PrimaryExtension = "primarycallextension",
    PrimaryAuthenticated = "primarycallauthenticated",
    PrimaryResult = "primarycallresult",
    BackupCountryCode = "backupcallcountrycode",
    BackupPhoneNumber = "backupcallphonenumber" | "backupcallnumber",
    BackupExtension = "backupcallextension",
    BackupAuthenticated = "backupcallauthenticated",
    BackupResult = "backupcallresult",
    OverallAuthenticated = "overallauthenticated",
    OverallResult = "overallresult",
    Authenticated = "authenticated" | "isauthenticated" | "success" | "outcome",
    CallResult = "callresult" | "callstatus" | "resultcode" | "callresultcode",
    Result = "result" | "authenticationresult" | "authresult" | "status",
    Detail = "description" | "callresultdescription" | "resultdescription" | "resultdetail" | "resultdetails",
    ClientIp = "initiatingipaddress" | "initiatingip" | "clientip" | "clientipaddress" | "ipaddress" | "ip",
    ServerName = "servername" | "mfaservername" | "mfaserver" | "server"
        | "multifactorauthenticationservername",
    ServerIp = "serverip" | "serveripaddress" | "mfaserverip" | "mfaserveripaddress",
    DeviceToken = "devicetoken",
    DeviceType = "devicetype",
    DeviceAppVersion = "mobileappversion" | "appversion",
    DeviceOsVersion = "osversion",
    DeviceResult = "deviceresult",
    UsedCheck = "usedcheckfornotification",
    RequestId = "requestid" | "attemptid" | "transactionid" | "callid" | "correlationid" | "sessionid" | "id",
    Kind = "recordtype" | "report" | "reportname" | "type",
    Action = "action" | "operation",
    Reason = "reason",
    By = "by" | "admin" | "administrator" | "initiatedby" | "changedby",
    // An activation of the mobile app.
    AccountName = "accountname",
    ActivationCodeResult = "getactivationcoderesult",
    ActivateSuccess = "activatesuccess",
    ActivateError = "activateerror",
    ActivationStatus = "activationstatusresult",
    // A block.
    BlockTimestamp = "blocktimestamp",
    BlockTimestampUtc = "blocktimestamputc",
    BlockBy = "blockbyusername" | "blockedby" | "blockedbyusername",
    Blocked = "blocked",
    BlockReason = "blockreason",
    AccountLockout = "accountlockout",
    FraudAlert = "fraudalert",
    FraudAlertNotBlocked = "fraudalertnotblocked",
    // A bypass.
    BypassTimestamp = "bypasstimestamp",
    BypassTimestampUtc = "bypasstimestamputc",
    BypassSeconds = "bypassseconds",
    BypassBy = "bypassbyusername" | "bypassedby" | "bypassedbyusername",
    BypassReason = "bypassreason",
    BypassUsed = "bypassused",
    // How both end.
    CompletionTimestamp = "completiontimestamp",
    CompletionTimestampUtc = "completiontimestamputc",
    CompletionReason = "completionreason",
    // A change of a user.
    ChangeTimestamp = "changetimestamp",
    ChangeTimestampUtc = "changetimestamputc",
    NewCountryCode = "newcountrycode",
    NewPhoneNumber = "newphonenumber",
    NewExtension = "newextension",
    NewBackupCountryCode = "newbackupcountrycode",
    NewBackupPhoneNumber = "newbackupphonenumber",
    NewBackupExtension = "newbackupextension",
    NewPin = "newpin",
    PinChangeRequired = "pinchangerequired",
    OldDeviceToken = "olddevicetoken",
    NewDeviceToken = "newdevicetoken",
}

static TABLE: KeyTable<Key> = KeyTable::new(Key::NAMES);

impl Key {
    /// The key of this name in any spelling, behind a prefix.
    pub(super) fn find(prefix: &str, name: &str) -> Option<Self> {
        let mut plain = [0; KEY_BYTES_MAX];
        if prefix.len() + name.len() > KEY_BYTES_MAX {
            return None;
        }
        let mut length = 0;
        for part in [prefix, name] {
            for byte in part.as_bytes() {
                let letter = PLAIN[usize::from(*byte)];
                plain[length % KEY_BYTES_MAX] = letter;
                length += usize::from(letter != 0);
            }
        }
        TABLE.find(plain.get(..length)?)
    }
}

/// A letter or digit in lower case; 0 for what does not count.
static PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let mut byte: u8 = 0;
    while byte < 0x80 {
        if byte.is_ascii_alphanumeric() {
            plain[byte as usize] = byte.to_ascii_lowercase();
        }
        byte += 1;
    }
    plain
};

/// A value of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'t> {
    Text(&'t str),
    Number(i64),
    Flag(bool),
}

/// One row of a report or record.
#[derive(Debug)]
pub(super) struct Row<'t> {
    values: [Option<Value<'t>>; Key::COUNT],
    /// What the record tells of its steps beside the calls.
    pub(super) results: Option<Json<'t>>,
    /// The devices that got the request.
    pub(super) devices: Option<Json<'t>>,
}

impl<'t> Row<'t> {
    pub(super) const fn new() -> Self {
        Self { values: [None; Key::COUNT], results: None, devices: None }
    }

    pub(super) fn of_json(json: Json<'t>) -> Self {
        let mut row = Self::new();
        row.take(json, "");
        row
    }

    /// Takes the values of an object; the first of several with one meaning stays.
    fn take(&mut self, json: Json<'t>, prefix: &str) {
        for (name, value) in json.entries() {
            if value.is_object() {
                if prefix.is_empty()
                    && let Some(prefix) =
                        ["primarycall", "backupcall", "overall"].iter().find(|it| same(it, name))
                {
                    self.take(value, prefix);
                }
            } else if value.is_list() {
                if same("results", name) {
                    self.results = Some(value);
                } else if same("devices", name) {
                    self.devices = Some(value);
                }
            } else if let Some(key) = Key::find(prefix, name)
                && let Some(value) = Value::of_json(value)
            {
                self.set(key, value);
            }
        }
    }

    pub(super) fn set(&mut self, key: Key, value: Value<'t>) {
        let slot = &mut self.values[key as usize];
        if slot.is_none() {
            *slot = Some(value);
        }
    }

    pub(super) fn value(&self, key: Key) -> Option<Value<'t>> {
        self.values[key as usize]
    }

    pub(super) fn has(&self, key: Key) -> bool {
        self.value(key).is_some()
    }

    pub(super) fn has_any(&self, keys: &[Key]) -> bool {
        keys.iter().any(|key| self.has(*key))
    }

    /// A text, number or flag as text.
    pub(super) fn text(&self, key: Key) -> Option<Cow<'t, str>> {
        Some(match self.value(key)? {
            Value::Text(text) => Cow::Borrowed(text),
            Value::Number(number) => Cow::Owned(number.to_string()),
            Value::Flag(flag) => Cow::Borrowed(if flag { "true" } else { "false" }),
        })
    }

    /// The first text of these.
    pub(super) fn first_text(&self, keys: &[Key]) -> Option<Cow<'t, str>> {
        keys.iter().find_map(|key| self.text(*key))
    }

    /// Yes or no; none where it is neither.
    pub(super) fn flag(&self, key: Key) -> Option<bool> {
        self.value(key)?.flag()
    }

    /// A number of a phone as one text: `+1 5550100 x23`.
    pub(super) fn phone(&self, country_code: Key, number: Key, extension: Key) -> Option<Cow<'t, str>> {
        let number = self.text(number)?;
        let country_code = self.text(country_code).filter(|_| !number.starts_with('+'));
        let extension = self.text(extension);
        if country_code.is_none() && extension.is_none() {
            return Some(number);
        }
        let mut phone = String::new();
        if let Some(code) = country_code {
            phone = format!("+{} ", code.trim_start_matches('+'));
        }
        phone.push_str(&number);
        if let Some(extension) = extension {
            phone = format!("{phone} x{extension}");
        }
        Some(Cow::Owned(phone))
    }
}

impl<'t> Value<'t> {
    pub(super) fn of_json(json: Json<'t>) -> Option<Self> {
        match json.as_text() {
            Some(text) => Self::of_text(text),
            None if json.is_empty() => None,
            None => json.as_flag().map(Self::Flag).or_else(|| json.as_number().map(Self::Number)),
        }
    }

    /// A text, if it says something.
    pub(super) fn of_text(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let is_absent = text.len() <= 4
            && ["", "-", "null", "n/a", "none"].iter().any(|absent| text.eq_ignore_ascii_case(absent));
        (!is_absent).then_some(Self::Text(text))
    }

    /// Yes or no; none where it is neither.
    pub(super) fn flag(self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(flag),
            Self::Number(number) => {
                [Some(false), Some(true)].get(usize::try_from(number).ok()?).copied().flatten()
            }
            Self::Text(text) => {
                let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
                if is(&[
                    "true",
                    "yes",
                    "y",
                    "1",
                    "success",
                    "succeeded",
                    "successful",
                    "authenticated",
                    "allowed",
                ]) {
                    Some(true)
                } else if is(&["false", "no", "n", "0", "denied", "failed", "failure", "not authenticated"]) {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }
}

/// Whether a name in any spelling is this one.
pub(super) fn same(plain: &str, name: &str) -> bool {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase());
    letters.eq(plain.bytes())
}
