//! A sample that can be drawn again: the persons with the smallest hashes of seed, tenant and name.

use sha2::{Digest as _, Sha256};

use super::fold::Found;
use crate::error::QueryError;

/// Draws so many of those whom directories enable, and gives them by tenant and name.
pub(super) fn draw(found: Vec<Found>, count: usize, seed: &str) -> Result<Vec<Found>, QueryError> {
    let mut drawn: Vec<Found> = found.into_iter().filter(|it| it.class.is_enabled()).collect();
    if drawn.is_empty() {
        return Err(QueryError::Refused(
            "import a directory (`gatebook directory import`), or ask for another range or tenant: no directory enables \
             anybody in it, so there is nobody to draw from"
                .to_owned(),
        ));
    }
    drawn.sort_by_cached_key(|it| hash(seed, &it.tenant, &it.person));
    drawn.truncate(count);
    drawn.sort_by(|one, other| (&one.tenant, &one.person).cmp(&(&other.tenant, &other.person)));
    Ok(drawn)
}

fn hash(seed: &str, tenant: &str, person: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [seed, "\0", tenant, "\0", person] {
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}
