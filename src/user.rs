//! Who runs this process, as the system knows it.

use std::fs;

/// The user's name in `/etc/passwd`, or `uid N` where it has none, as in a container.
pub(crate) fn name() -> String {
    let uid = rustix::process::getuid().as_raw();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    named(&users, uid).map_or_else(|| format!("uid {uid}"), str::to_owned)
}

/// `NAME:PASSWORD:UID:…`, a user a line.
fn named(users: &str, uid: u32) -> Option<&str> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_number() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\n# a comment\nada:x:1000:1000::/home/ada:/bin/sh\n:x:7:7::/:\n";
        assert_eq!((named(users, 0), named(users, 1000)), (Some("root"), Some("ada")));
        assert_eq!((named(users, 100), named(users, 7)), (None, None));
    }
}
