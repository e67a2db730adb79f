//! The canonical form of a user's id, for joining; and the id that is none.

/// The id of whoever a record is about that names nobody.
pub const NOBODY: &str = "unknown";

/// Whether an id says who somebody is.
#[must_use]
pub fn is_somebody(user_id: &str) -> bool {
    !user_id.eq_ignore_ascii_case(NOBODY)
}

/// The canonical form of a user's id: a UPN or e-mail address (one `@` with something on each side, no
/// blank and no backslash) in lower case, any other id as it is. Written into `scratch` where it differs.
#[inline]
pub(crate) fn canonical<'a>(user_id: &'a str, scratch: &'a mut String) -> &'a str {
    let has = |wanted: fn(u8) -> bool| user_id.bytes().fold(false, |found, byte| found | wanted(byte));
    let is_lower = !has(|byte| byte.is_ascii_uppercase() || byte >= 0x80);
    if is_lower || !is_upn(user_id) {
        return user_id;
    }
    scratch.clear();
    scratch.extend(user_id.chars().flat_map(char::to_lowercase));
    scratch
}

/// Whether an id is a UPN or an e-mail address.
pub(crate) fn is_upn(user_id: &str) -> bool {
    let Some((name, domain)) = user_id.split_once('@') else { return false };
    !name.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !user_id.contains(|letter: char| letter == '\\' || letter.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_id: &str, expected: &str) {
        assert_eq!(canonical(user_id, &mut String::new()), expected);
    }

    #[test]
    fn mail_like_ids_are_lower_case() {
        check("Ada.Lovelace@Example.ORG", "ada.lovelace@example.org");
        check("ada@example.org", "ada@example.org");
        check("ÄDA@example.org", "äda@example.org");
    }

    #[test]
    fn other_ids_stay_as_they_are() {
        for id in
            ["ALovelace", "CORP\\ADA", "CORP\\Ada@host", "@HOST", "ADA@", "A@B@C", "A B@C", "S-1-5-21-7"]
        {
            check(id, id);
        }
    }
}
