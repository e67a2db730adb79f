//! What a deployment says about the names that sources use.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::fields::Fields;
use crate::user_key;

/// Whose events are meant where neither the source nor the configuration says.
const NO_TENANT: &str = "unknown";

/// What a deployment says about the names that sources use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Maps {
    /// Which optional fields are stored.
    pub fields: Fields,
    /// Whether events and changes keep their part of a record that wraps several.
    pub keep_raw: bool,
    /// The tenant of a topic whose source names none.
    pub tenant: Option<String>,
    /// Tenants by the name that a source uses: section `[tenants]`.
    pub tenants: BTreeMap<String, String>,
    /// Domains of user names (`DOMAIN\name`) by their short name, in upper case: section `[domains]`.
    pub domains: BTreeMap<String, String>,
}

impl Maps {
    /// The tenant of an event whose source names this one.
    pub(crate) fn tenant<'a>(&'a self, named: Option<&'a str>) -> &'a str {
        match named {
            Some(name) => self.tenants.get(name).map_or(name, String::as_str),
            None => self.tenant.as_deref().unwrap_or(NO_TENANT),
        }
    }

    /// The canonical form of a user's id: `DOMAIN\name` becomes `name@domain` by the map, a UPN is in lower case.
    #[must_use]
    pub fn user_key<'a>(&self, user_id: &'a str) -> Cow<'a, str> {
        if let Some((domain, name)) = user_id.split_once('\\')
            && let Some(domain) = self.domains.get(&domain.to_ascii_uppercase())
        {
            return Cow::Owned(format!("{name}@{domain}").to_lowercase());
        }
        let mut scratch = String::new();
        if user_key::canonical(user_id, &mut scratch) == user_id {
            Cow::Borrowed(user_id)
        } else {
            Cow::Owned(scratch)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mapped_and_else_taken_as_they_are() {
        let maps = Maps {
            tenant: Some("acme".into()),
            tenants: BTreeMap::from([("8c1b".into(), "globex".into())]),
            domains: BTreeMap::from([("CORP".into(), "corp.example".into())]),
            ..Maps::default()
        };
        assert_eq!(
            (maps.tenant(None), maps.tenant(Some("8c1b")), maps.tenant(Some("x"))),
            ("acme", "globex", "x")
        );
        assert_eq!(maps.user_key("corp\\Ada"), "ada@corp.example");
        assert_eq!(maps.user_key("OTHER\\Ada"), "OTHER\\Ada");
        assert_eq!(maps.user_key("Ada@Corp.Example"), "ada@corp.example");
        assert_eq!(Maps::default().tenant(None), "unknown");
    }
}
