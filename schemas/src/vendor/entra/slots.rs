//! The parts of a record that are read, found in one pass over its keys.

use super::super::draft::Text;
use super::super::json::Json;
use super::super::key_table::KeyTable;

/// Makes the slots and the table of their keys. The streams differ in the case of keys: each is found in any.
macro_rules! slots {
    ($($slot:ident = $key:literal,)+) => {
        /// Every slot is a value of the record, of whatever type it came.
        #[derive(Debug)]
        #[expect(dead_code, reason = "the properties are opened while the slots are filled")]
        pub(super) struct Slots<'t> {
            $(pub(super) $slot: Option<Json<'t>>,)+
        }

        /// The keys, and the place of each.
        const KEYS: &[(&str, Place)] = &[$(($key, Place::$slot),)+];

        #[expect(non_camel_case_types, reason = "named as the slots are")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Place { $($slot,)+ }

        impl<'t> Slots<'t> {
            /// The slots of values that stand in the order of the places.
            fn of(values: &Values<'t>) -> Self {
                Self { $($slot: values[Place::$slot as usize],)+ }
            }
        }
    };
}

slots! {
    // The envelope of Azure Monitor.
    category = "category",
    operation = "operationName",
    time = "time",
    time_generated = "TimeGenerated",
    tenant = "tenantId",
    aad_tenant = "AADTenantId",
    resource = "resourceId",
    result_type = "resultType",
    result_signature = "resultSignature",
    result_description = "resultDescription",
    caller_address = "callerIpAddress",
    table = "Type",
    properties = "properties",
    // A sign-in.
    id = "id",
    created_at = "createdDateTime",
    correlation = "correlationId",
    original_request = "originalRequestId",
    user_name = "userPrincipalName",
    sign_in_name = "signInIdentifier",
    alternate_name = "alternateSignInName",
    user_id = "userId",
    user_type = "userType",
    home_tenant = "homeTenantId",
    resource_tenant = "resourceTenantId",
    application = "appDisplayName",
    application_id = "appId",
    entered = "resourceDisplayName",
    client_app = "clientAppUsed",
    user_agent = "userAgent",
    address = "ipAddress",
    status = "status",
    requirement = "authenticationRequirement",
    steps = "authenticationDetails",
    mfa_detail = "mfaDetail",
    app_device = "authenticationAppDeviceDetails",
    processing = "authenticationProcessingDetails",
    conditional_access = "conditionalAccessStatus",
    is_interactive = "isInteractive",
    event_types = "signInEventTypes",
    protocol = "authenticationProtocol",
    incoming_token = "incomingTokenType",
    token_issuer = "tokenIssuerType",
    token_issuer_name = "tokenIssuerName",
    program_id = "servicePrincipalId",
    // An entry of the audit log.
    activity = "activityDisplayName",
    activity_at = "activityDateTime",
    initiated_by = "initiatedBy",
    targets = "targetResources",
    result = "result",
    result_reason = "resultReason",
}

/// The value of each place: found by its number, without a jump for each key.
type Values<'t> = [Option<Json<'t>>; KEYS.len()];

static TABLE: KeyTable<Place> = KeyTable::new(KEYS);

/// Which of them are filled is one number.
const _: () = assert!(KEYS.len() <= 64);

impl Place {
    /// The envelope says it of itself.
    fn is_envelopes(self) -> bool {
        use Place::{category, operation, resource, result_type, table, tenant};
        matches!(self, category | operation | resource | result_type | table | tenant)
    }
}

impl<'t> Slots<'t> {
    pub(super) fn read(json: Json<'t>) -> Self {
        let mut values = [None; KEYS.len()];
        fill(&mut values, json, false);
        if let Some(properties) = values[Place::properties as usize].take() {
            fill(&mut values, properties, true);
        }
        Self::of(&values)
    }

    /// Whether it looks like a sign-in, where no category says so.
    pub(super) fn has_sign_in(&self) -> bool {
        let signs = [self.status, self.is_interactive, self.conditional_access, self.requirement, self.steps];
        signs.iter().chain([&self.event_types]).any(Option::is_some) && self.activity.is_none()
    }

    /// Whether it looks like an entry of the audit log, whatever its category says.
    pub(super) fn has_audit(&self) -> bool {
        self.activity.is_some() || self.activity_at.is_some()
    }

    /// The tenant whose log it is.
    pub(super) fn tenant(&self) -> Text<'t> {
        // The `TenantId` of a table is its workspace.
        let own = if self.table.is_some() { None } else { as_text(self.tenant) };
        let of_resource = || as_text(self.resource)?.strip_prefix("/tenants/")?.split('/').next();
        let is_guest = || as_text(self.user_type).is_some_and(|kind| kind.eq_ignore_ascii_case("guest"));
        let of_user = || {
            let (home, resource) = (as_text(self.home_tenant), as_text(self.resource_tenant));
            if is_guest() { resource.or(home) } else { home.or(resource) }
        };
        as_text(self.aad_tenant).or(own).or_else(of_resource).or_else(of_user).map(Into::into)
    }

    /// The address it came from.
    pub(super) fn client_address(&self) -> Text<'t> {
        as_text(self.address).or_else(|| as_text(self.caller_address)).map(Into::into)
    }
}

/// What stands inside wins, but for what the envelope says of itself. The first of a key counts.
fn fill<'t>(values: &mut Values<'t>, json: Json<'t>, is_inside: bool) {
    let mut filled = 0_u64;
    for (key, value) in json.entries() {
        let Some(place) = TABLE.find(key.as_bytes()) else { continue };
        let slot = &mut values[place as usize];
        let is_kept =
            is_inside && place.is_envelopes() && slot.is_some_and(|kept| kept.as_scalar().is_some());
        let place = 1 << place as u64;
        if !is_kept && !value.is_null() && filled & place == 0 {
            *slot = Some(value);
            filled |= place;
        }
    }
}

pub(super) fn as_text<'t>(slot: Option<Json<'t>>) -> Option<&'t str> {
    slot.and_then(Json::as_text)
}
