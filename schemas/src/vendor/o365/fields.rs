//! The keys of a record, found in one pass: a record has about thirty.

use std::borrow::Cow;

use super::super::draft::bad_time;
use super::super::json::{Json, first};
use super::super::times::Writing;
use super::super::when::When;
use crate::rejection::Rejection;

/// What is read of a record.
#[derive(Debug, Default)]
pub(super) struct Fields<'t> {
    /// The record itself, where this is a row around it: the key and its value.
    pub(super) wrapped: Option<(&'static str, Json<'t>)>,
    pub(super) id: Option<&'t str>,
    pub(super) creation_time: Option<Json<'t>>,
    pub(super) operation: Option<&'t str>,
    pub(super) workload: Option<&'t str>,
    pub(super) organization_id: Option<&'t str>,
    pub(super) result_status: Option<&'t str>,
    pub(super) user_id: Option<&'t str>,
    pub(super) user_key: Option<&'t str>,
    pub(super) object_id: Option<&'t str>,
    pub(super) inter_systems_id: Option<&'t str>,
    /// Of the OrgId log.
    pub(super) application: Option<&'t str>,
    pub(super) application_id: Option<&'t str>,
    /// Of the OrgId log.
    pub(super) client: Option<&'t str>,
    pub(super) logon_error: Option<&'t str>,
    pub(super) error_number: Option<Cow<'t, str>>,
    /// Of the OrgId log.
    pub(super) login_status: Option<Cow<'t, str>>,
    pub(super) modified_properties: Option<Json<'t>>,
    client_ip: Option<&'t str>,
    actor_ip_address: Option<&'t str>,
    extended_properties: Option<Json<'t>>,
    device_properties: Option<Json<'t>>,
    actor: Option<Json<'t>>,
    target: Option<Json<'t>>,
}

/// What is read of `ExtendedProperties`.
#[derive(Debug, Default)]
pub(super) struct Extended<'t> {
    pub(super) user_agent: Option<&'t str>,
    pub(super) request_type: Option<&'t str>,
    pub(super) result_status_detail: Option<&'t str>,
    pub(super) user_authentication_method: Option<&'t str>,
    /// Of the OrgId log: number, name and text behind semicolons.
    pub(super) login_error: Option<&'t str>,
}

/// What stands where a name is not known.
const NO_NAME: [&str; 4] =
    ["Not Available", "Unknown", "NotAvailable", "00000000-0000-0000-0000-000000000000"];

impl<'t> Fields<'t> {
    pub(super) fn of(json: Json<'t>) -> Self {
        let mut found = Self::default();
        for (key, value) in json.entries().filter(|(_, value)| !value.is_null()) {
            match key {
                "Id" => first(&mut found.id, value.as_text()),
                "CreationTime" => first(&mut found.creation_time, Some(value)),
                "Operation" => first(&mut found.operation, value.as_text()),
                "Workload" => first(&mut found.workload, value.as_text()),
                "OrganizationId" => first(&mut found.organization_id, value.as_text()),
                "ResultStatus" => first(&mut found.result_status, value.as_text()),
                "UserId" => first(&mut found.user_id, name(value)),
                "UserKey" => first(&mut found.user_key, name(value)),
                "ObjectId" => first(&mut found.object_id, name(value)),
                "InterSystemsId" => first(&mut found.inter_systems_id, value.as_text()),
                "Application" => first(&mut found.application, value.as_text()),
                "ApplicationId" => first(&mut found.application_id, value.as_text()),
                "Client" => first(&mut found.client, value.as_text()),
                "LogonError" => first(&mut found.logon_error, value.as_text().filter(|text| *text != "None")),
                "ErrorNumber" => first(&mut found.error_number, value.as_scalar()),
                "LoginStatus" => first(&mut found.login_status, value.as_scalar()),
                "ClientIP" => first(&mut found.client_ip, value.as_text()),
                "ActorIpAddress" => first(&mut found.actor_ip_address, value.as_text()),
                "ModifiedProperties" => first(&mut found.modified_properties, Some(value)),
                "ExtendedProperties" => first(&mut found.extended_properties, Some(value)),
                "DeviceProperties" => first(&mut found.device_properties, Some(value)),
                "Actor" => first(&mut found.actor, Some(value)),
                "Target" => first(&mut found.target, Some(value)),
                "AuditData" => first(&mut found.wrapped, Some(("AuditData", value))),
                "auditData" => first(&mut found.wrapped, Some(("auditData", value))),
                "o365audit" => first(&mut found.wrapped, Some(("o365audit", value))),
                _ => {}
            }
        }
        found
    }

    /// `CreationTime` has no zone and is documented as UTC.
    pub(super) fn occurred_at(&self) -> Result<When<'t>, Rejection<'static>> {
        let times = Writing { in_utc: true, month_first: false };
        times.when(self.creation_time).ok_or_else(|| bad_time("CreationTime", "a date and time in UTC"))
    }

    /// Who did it: the UPN, else the directory's key.
    pub(super) fn user(&self) -> Option<&'t str> {
        self.user_id.or_else(|| principal_name(self.actor)).or(self.user_key)
    }

    /// The UPN of whom it was done to, where it was done to a person.
    pub(super) fn target_user(&self) -> Option<&'t str> {
        principal_name(self.target).or(self.object_id)
    }

    /// The display name of what it was done to.
    pub(super) fn target_name(&self) -> Option<&'t str> {
        identity(self.target, 1)
    }

    pub(super) fn client_address(&self) -> Option<&'t str> {
        self.client_ip.or(self.actor_ip_address)
    }

    /// The browser by name, where the device told one.
    pub(super) fn browser(&self) -> Option<&'t str> {
        property(self.device_properties?, "BrowserType").filter(|browser| *browser != "Other")
    }

    pub(super) fn extended(&self) -> Extended<'t> {
        let mut found = Extended::default();
        for (name, value) in self.extended_properties.into_iter().flat_map(properties) {
            match name {
                "UserAgent" => first(&mut found.user_agent, value.as_text()),
                "RequestType" => first(&mut found.request_type, value.as_text()),
                "ResultStatusDetail" => first(&mut found.result_status_detail, value.as_text()),
                "UserAuthenticationMethod" => first(&mut found.user_authentication_method, value.as_text()),
                "LoginError" => first(&mut found.login_error, value.as_text()),
                _ => {}
            }
        }
        found
    }
}

fn name(value: Json<'_>) -> Option<&str> {
    value.as_text().filter(|text| !NO_NAME.contains(text))
}

fn properties(list: Json<'_>) -> impl Iterator<Item = (&str, Json<'_>)> {
    list.elements().filter_map(|property| Some((property.text("Name")?, property.get("Value")?)))
}

fn property<'t>(list: Json<'t>, name: &str) -> Option<&'t str> {
    properties(list).find(|(found, _)| *found == name)?.1.as_text()
}

/// The UPN in `Actor` or `Target`.
fn principal_name(identities: Option<Json<'_>>) -> Option<&str> {
    identity(identities, 5)
}

/// `Actor` and `Target` list the ids of one thing, each with its type: 1 a name, 5 a UPN.
fn identity(identities: Option<Json<'_>>, wanted: i64) -> Option<&str> {
    let typed = identities?.elements().find(|identity| identity.number("Type") == Some(wanted))?;
    typed.text("ID")
}
