//! Section `[fields]`: which optional fields of an event are stored.

use schemas::Fields;

use super::reader::Reader;

pub(super) fn read(reader: &mut Reader<'_>) -> Fields {
    Fields {
        first_name: reader.switch("fields.first_name"),
        last_name: reader.switch("fields.last_name"),
        email: reader.switch("fields.email"),
        phone_number: reader.switch("fields.phone_number"),
        device_token: reader.switch("fields.device_token"),
        client_ip: reader.switch("fields.client_ip"),
        application: reader.switch("fields.application"),
    }
}
