//! Whose the ids of some events are, as the directory and these events say.

use std::collections::HashMap;

use datafusion::error::Result;
use schemas::Enabled;

use super::known::Known;
use super::learner::{Learner, SourceId};

/// An id as an event gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SeenId<'a> {
    pub(crate) tenant_id: &'a str,
    pub(crate) source: &'a str,
    /// In canonical form.
    pub(crate) user_key: &'a str,
    pub(crate) user_id: &'a str,
    pub(crate) email: Option<&'a str>,
    pub(crate) at_us: i64,
}

/// Whose ids are.
///
/// What events elsewhere say is not known: an id that is no address and that no directory lists is a person's if one of
/// these events gives it together with an e-mail address. That keeps a report about a day to the files of that day.
#[derive(Debug, Default)]
pub(crate) struct Whose(HashMap<[String; 3], Vec<(Enabled, String)>>);

impl Whose {
    /// Learns it.
    pub(crate) async fn learn<'a>(known: &Known, seen: impl Iterator<Item = SeenId<'a>>) -> Result<Self> {
        let mut learner = Learner::new(known.claims().await?);
        for SeenId { tenant_id, source, user_key, user_id, email, at_us } in seen {
            let id = SourceId {
                tenant_id: tenant_id.to_owned(),
                source: source.to_owned(),
                user_key: user_key.to_owned(),
            };
            learner.take(id, user_id, email, Some((at_us, at_us)), 1);
        }
        let mut whose: HashMap<[String; 3], Vec<(Enabled, String)>> = HashMap::new();
        for identity in learner.finish() {
            let SourceId { tenant_id, source, user_key } = identity.id;
            whose.entry([tenant_id, source, user_key]).or_default().push((identity.valid, identity.person));
        }
        Ok(Self(whose))
    }

    /// The person whose the id is at a moment; the id itself, with its source, where nothing is known of it.
    pub(crate) fn person(&self, id: &SeenId<'_>) -> String {
        let key = [id.tenant_id, id.source, id.user_key].map(str::to_owned);
        let is_then = |valid: &Enabled| {
            valid.from_us.is_none_or(|from_us| id.at_us >= from_us)
                && valid.to_us.is_none_or(|to_us| id.at_us < to_us)
        };
        let found = self.0.get(&key).and_then(|owners| owners.iter().find(|(valid, _)| is_then(valid)));
        found.map_or_else(|| format!("{} ({})", id.user_key, id.source), |(_, person)| person.clone())
    }
}
