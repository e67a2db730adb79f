//! The parts of a record that are read, found in one pass over its keys.

use super::super::draft::Text;
use super::super::json::Json;

/// Makes the slots and the table of their keys. The streams differ in the case of keys: each is found in any.
macro_rules! slots {
    ($($slot:ident = $key:literal,)+) => {
        /// Every slot is a value of the record, of whatever type it came.
        #[derive(Debug, Default)]
        pub(super) struct Slots<'t> {
            $(pub(super) $slot: Option<Json<'t>>,)+
        }

        /// The keys, in the order of the slots.
        const KEYS: &[&[u8]] = &[$($key,)+];

        /// The places, in the same order.
        const PLACES: &[Place] = &[$(Place::$slot,)+];

        #[expect(non_camel_case_types, reason = "named as the slots are")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum Place { $($slot,)+ }

        impl<'t> Slots<'t> {
            fn slot(&mut self, place: Place) -> &mut Option<Json<'t>> {
                match place {
                    $(Place::$slot => &mut self.$slot,)+
                }
            }
        }
    };
}

slots! {
    // The envelope of Azure Monitor.
    category = b"category",
    operation = b"operationName",
    time = b"time",
    time_generated = b"TimeGenerated",
    tenant = b"tenantId",
    aad_tenant = b"AADTenantId",
    resource = b"resourceId",
    result_type = b"resultType",
    result_signature = b"resultSignature",
    result_description = b"resultDescription",
    caller_address = b"callerIpAddress",
    table = b"Type",
    properties = b"properties",
    // A sign-in.
    id = b"id",
    created_at = b"createdDateTime",
    correlation = b"correlationId",
    original_request = b"originalRequestId",
    user_name = b"userPrincipalName",
    sign_in_name = b"signInIdentifier",
    alternate_name = b"alternateSignInName",
    user_id = b"userId",
    user_type = b"userType",
    home_tenant = b"homeTenantId",
    resource_tenant = b"resourceTenantId",
    application = b"appDisplayName",
    application_id = b"appId",
    entered = b"resourceDisplayName",
    client_app = b"clientAppUsed",
    user_agent = b"userAgent",
    address = b"ipAddress",
    status = b"status",
    requirement = b"authenticationRequirement",
    steps = b"authenticationDetails",
    mfa_detail = b"mfaDetail",
    app_device = b"authenticationAppDeviceDetails",
    processing = b"authenticationProcessingDetails",
    conditional_access = b"conditionalAccessStatus",
    is_interactive = b"isInteractive",
    event_types = b"signInEventTypes",
    protocol = b"authenticationProtocol",
    incoming_token = b"incomingTokenType",
    token_issuer = b"tokenIssuerType",
    token_issuer_name = b"tokenIssuerName",
    program_id = b"servicePrincipalId",
    // An entry of the audit log.
    activity = b"activityDisplayName",
    activity_at = b"activityDateTime",
    initiated_by = b"initiatedBy",
    targets = b"targetResources",
    result = b"result",
    result_reason = b"resultReason",
}

/// Where each key is found by [`bucket`]: its place and 1, or 0. A bucket that is taken is followed by the
/// next.
static BUCKETS: [u8; BUCKET_COUNT] = {
    let mut buckets = [0; BUCKET_COUNT];
    let mut place = 0;
    while place < KEYS.len() {
        let mut at = bucket(KEYS[place]);
        while buckets[at] != 0 {
            at = (at + 1) % BUCKET_COUNT;
        }
        buckets[at] = place as u8 + 1;
        place += 1;
    }
    buckets
};

/// Which of them are filled is one number.
const _: () = assert!(KEYS.len() <= 64);

/// A power of two, several times the keys: most others fall into an empty bucket.
const BUCKET_COUNT: usize = 512;

/// The same for a key in any ASCII case, from its length and three of its letters.
const fn bucket(key: &[u8]) -> usize {
    if key.is_empty() {
        return 0;
    }
    let first = (key[0] | 0x20) as usize;
    let middle = (key[key.len() / 2] | 0x20) as usize;
    let last = (key[key.len() - 1] | 0x20) as usize;
    (first * 7 + middle * 31 + last * 3 + key.len() * 61) % BUCKET_COUNT
}

/// The place of a key in any ASCII case.
fn place(key: &[u8]) -> Option<Place> {
    let mut at = bucket(key);
    loop {
        let place = usize::from(BUCKETS[at]).checked_sub(1)?;
        if KEYS[place] == key || KEYS[place].eq_ignore_ascii_case(key) {
            return Some(PLACES[place]);
        }
        at = (at + 1) % BUCKET_COUNT;
    }
}

impl Place {
    /// The envelope says it of itself.
    fn is_envelopes(self) -> bool {
        use Place::{category, operation, resource, result_type, table, tenant};
        matches!(self, category | operation | resource | result_type | table | tenant)
    }
}

impl<'t> Slots<'t> {
    pub(super) fn read(json: Json<'t>) -> Self {
        let mut slots = Self::default();
        slots.fill(json, false);
        if let Some(properties) = slots.properties.take() {
            slots.fill(properties, true);
        }
        slots
    }

    /// What stands inside wins, but for what the envelope says of itself. The first of a key counts.
    fn fill(&mut self, json: Json<'t>, is_inside: bool) {
        let mut filled = 0_u64;
        for (key, value) in json.entries() {
            let Some(place) = place(key.as_bytes()) else { continue };
            let slot = self.slot(place);
            let is_kept =
                is_inside && place.is_envelopes() && slot.is_some_and(|kept| kept.as_scalar().is_some());
            let place = 1 << place as u64;
            if !is_kept && !value.is_null() && filled & place == 0 {
                *slot = Some(value);
                filled |= place;
            }
        }
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

pub(super) fn as_text<'t>(slot: Option<Json<'t>>) -> Option<&'t str> {
    slot.and_then(Json::as_text)
}
