//! The keys that the contract has.

/// Makes an enum of keys and the way from a key's bytes to it.
macro_rules! keys {
    ($(#[$doc:meta])* $name:ident, $prefix:literal { $($key:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum $name { $($key,)+ }

        impl $name {
            pub(super) const ALL: &'static [Self] = &[$(Self::$key,)+];
            pub(super) const COUNT: usize = Self::ALL.len();

            /// The key as rejections name it.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$key => concat!($prefix, $text),)+ }
            }

            /// Finds a key by its exact name.
            #[inline]
            pub(super) fn find(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$key),)+ _ => None }
            }
        }
    };
}

keys! {
    /// The keys of a record.
    Key, "" {
        EventId = "event_id",
        OccurredAt = "occurred_at",
        TenantId = "tenant_id",
        UserId = "user_id",
        FirstName = "first_name",
        LastName = "last_name",
        Email = "email",
        PhoneNumber = "phone_number",
        DeviceToken = "device_token",
        Method = "method",
        Mode = "mode",
        Result = "result",
        DenialReason = "denial_reason",
        ResultCode = "result_code",
        ResultDetail = "result_detail",
        Stage = "stage",
        Assurance = "assurance",
        Prompts = "prompts",
        Steps = "steps",
        ServerName = "server_name",
        ServerIp = "server_ip",
        ClientIp = "client_ip",
        Application = "application",
        ClientApp = "client_app",
        Protocol = "protocol",
        AuthenticatorId = "authenticator_id",
        Sender = "sender",
        AttemptId = "attempt_id",
    }
}

keys! {
    /// The keys of a step.
    StepKey, "steps." {
        At = "at",
        Method = "method",
        Result = "result",
        Reason = "reason",
        Code = "code",
        Detail = "detail",
        Device = "device",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{COLUMNS, SetBy};
    use crate::kind::Kind;

    #[test]
    fn the_keys_are_the_columns_that_a_producer_sets() {
        let columns =
            COLUMNS.iter().filter(|column| column.is_in(Kind::Event) && column.set_by != SetBy::Gatebook);
        let columns: Vec<&str> = columns.map(|column| column.name).collect();
        let keys: Vec<&str> = Key::ALL.iter().map(|key| key.name()).collect();
        assert_eq!(keys, columns);
    }

    #[test]
    fn the_keys_of_a_step_are_its_fields_in_the_book() {
        let keys: Vec<&str> = StepKey::ALL.iter().map(|key| key.name()).collect();
        let fields = crate::column::step_fields();
        let fields: Vec<String> = fields.iter().map(|field| format!("steps.{}", field.name())).collect();
        assert_eq!(keys, fields);
    }
}
