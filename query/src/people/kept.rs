//! Whose each id is, kept for all questions of a process as long as events link nothing new.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use schemas::is_somebody;
use tokio::sync::Mutex;

use super::claims::Claims;
use super::learner::{Learner, SourceId};
use super::owners::Owners;
use super::view::take_in;
use crate::sums::{Numbers, Row};

/// Whose each id is, as it was found out last.
#[derive(Debug, Default)]
pub(crate) struct KeptOwners(Mutex<Learned>);

/// What is known, and out of what it was learned.
#[derive(Debug, Default)]
struct Learned {
    months: BTreeMap<NaiveDate, Month>,
    /// In how many months each spelling came with each id.
    links: HashMap<Link, u32, RandomState>,
    directory_version: Option<u64>,
    owners: Option<Arc<Owners>>,
}

/// An id, and a spelling of it with an e-mail address, by their numbers.
type Link = (u32, u32);

#[derive(Debug)]
struct Month {
    rows: Arc<[Row]>,
    /// Sorted, each once.
    links: Vec<Link>,
}

/// Events of ids that belong to one after the other, as [`take_in`] takes them.
pub(super) type OfReused = Vec<RecordBatch>;

impl KeptOwners {
    /// Whose each id is that events of these months gave, as the directory of this version says. What of them belongs to one
    /// after the other comes attempt by attempt.
    pub(super) async fn learn(
        &self,
        (claims, directory_version): (Arc<Claims>, Option<u64>),
        months: &BTreeMap<NaiveDate, Arc<[Row]>>,
        numbers: impl Fn(&mut dyn FnMut(&Numbers)),
        reused: &OfReused,
    ) -> Result<Arc<Owners>, ArrowError> {
        let mut learned = self.0.lock().await;
        let is_new = learned.take_in(months) || learned.directory_version != directory_version;
        match &learned.owners {
            Some(owners) if !is_new && reused.is_empty() => Ok(Arc::clone(owners)),
            _ => {
                // Nothing is kept of what fails half way.
                learned.owners = None;
                let mut learner = Learner::new(Arc::clone(&claims));
                numbers(&mut |numbers| learned.tell(&claims, numbers, &mut learner));
                for batch in reused {
                    take_in(&mut learner, batch)?;
                }
                let (identities, addresses) = learner.finish_with_addresses();
                let owners = Arc::new(Owners::new(claims, identities, addresses));
                learned.directory_version = directory_version;
                learned.owners = Some(Arc::clone(&owners)).filter(|_| reused.is_empty());
                Ok(owners)
            }
        }
    }
}

impl Learned {
    /// Whether anything is linked that was not, or the other way round.
    fn take_in(&mut self, months: &BTreeMap<NaiveDate, Arc<[Row]>>) -> bool {
        let mut is_new = false;
        let gone: Vec<NaiveDate> =
            self.months.keys().filter(|month| !months.contains_key(month)).copied().collect();
        for month in gone {
            let links = self.months.remove(&month).map(|month| month.links).unwrap_or_default();
            is_new |= self.count(&links, &[]);
        }
        for (month, rows) in months {
            let before = match self.months.remove(month) {
                Some(known) if Arc::ptr_eq(&known.rows, rows) => {
                    self.months.insert(*month, known);
                    continue;
                }
                known => known.map(|month| month.links).unwrap_or_default(),
            };
            let links = links(rows);
            is_new |= self.count(&before, &links);
            self.months.insert(*month, Month { rows: Arc::clone(rows), links });
        }
        is_new
    }

    /// Counts the links of a month in place of those before, both sorted.
    fn count(&mut self, before: &[Link], links: &[Link]) -> bool {
        let mut is_new = false;
        for link in links.iter().filter(|link| before.binary_search(link).is_err()) {
            let months = self.links.entry(*link).or_default();
            *months += 1;
            is_new |= *months == 1;
        }
        for link in before.iter().filter(|link| links.binary_search(link).is_err()) {
            if let Some(months) = self.links.get_mut(link) {
                *months = months.saturating_sub(1);
                if *months == 0 {
                    self.links.remove(link);
                    is_new = true;
                }
            }
        }
        is_new
    }

    fn tell(&self, claims: &Claims, numbers: &Numbers, learner: &mut Learner) {
        let reused = claims.reused();
        for (id, spelling) in self.links.keys() {
            let [tenant_id, source, user_key] = numbers.id_of(*id);
            // Whom a source does not name is nobody's other id.
            if reused.contains(user_key) || !is_somebody(user_key) {
                continue;
            }
            let (user_id, email) = numbers.spelling_of(*spelling);
            let id = SourceId {
                tenant_id: tenant_id.to_owned(),
                source: source.to_owned(),
                user_key: user_key.to_owned(),
            };
            learner.take(id, user_id, email, None, 0);
        }
    }
}

/// Rows of an id stand together.
fn links(rows: &[Row]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for of_id in rows.chunk_by(|one, next| one.id == next.id) {
        let first = links.len();
        for row in of_id {
            if !links[first..].contains(&(row.id, row.spelling)) {
                links.push((row.id, row.spelling));
            }
        }
        links[first..].sort_unstable();
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_nothing_new_and_what_goes_away_is() {
        let mut learned = Learned::default();
        assert!(learned.count(&[], &[(1, 1), (2, 1)]), "in one month");
        assert!(!learned.count(&[], &[(1, 1)]), "in another");
        assert!(!learned.count(&[(1, 1), (2, 1)], &[(2, 1)]), "the other one has it still");
        assert!(learned.count(&[(1, 1)], &[]), "in none");
        assert_eq!(learned.links.len(), 1);
    }
}
