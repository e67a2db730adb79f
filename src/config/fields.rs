//! Section `[fields]`: which optional fields of an event are stored.

use schemas::{Fields, PhoneNumber};

use super::reader::Reader;

pub(super) fn read(reader: &mut Reader<'_>) -> Fields {
    Fields {
        first_name: reader.switch("fields.first_name"),
        last_name: reader.switch("fields.last_name"),
        email: reader.switch("fields.email"),
        phone_number: match reader.switch_or_word("fields.phone_number") {
            Some(true) => PhoneNumber::Whole,
            Some(false) => PhoneNumber::Off,
            None => PhoneNumber::Prefix,
        },
        device_token: reader.switch("fields.device_token"),
        client_ip: reader.switch("fields.client_ip"),
        application: reader.switch("fields.application"),
    }
}
