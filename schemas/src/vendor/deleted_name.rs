//! Names of accounts that Entra's directory has deleted.

/// The name as it was: the directory puts the account's id before it, without dashes (`0d1f…32 digits…ada@example.org`),
/// so that the name is free again.
pub(crate) fn undeleted(name: &str) -> &str {
    let split = name.split_at_checked(32).filter(|(id, _)| id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match split {
        Some((_, rest)) if rest.find('@').is_some_and(|at| at > 0) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_before_a_name_is_left_out() {
        for (name, expected) in [
            ("0d1f6a3e000040008000000000000001ada@example.org", "ada@example.org"),
            ("ada@example.org", "ada@example.org"),
            ("0d1f6a3e000040008000000000000001@example.org", "0d1f6a3e000040008000000000000001@example.org"),
            ("0d1f6a3e-0000-4000-8000-000000000001", "0d1f6a3e-0000-4000-8000-000000000001"),
            ("ada.of.a.long.name.éééééééééé@example.org", "ada.of.a.long.name.éééééééééé@example.org"),
        ] {
            assert_eq!(undeleted(name), expected);
        }
    }
}
