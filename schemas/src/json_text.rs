//! Walking through the text of JSON that is known to be JSON: where values begin and end.

/// The first place at or after `at` that is no white space.
pub(crate) fn skip_white(raw: &[u8], mut at: usize) -> usize {
    while raw.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// Where the text ends that starts with the quote at `start`.
pub(crate) fn end_of_text(raw: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = raw.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if raw[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    raw.len()
}

/// Where the value ends that starts at `start`.
pub(crate) fn end_of_value(raw: &[u8], start: usize) -> usize {
    let mut at = start;
    let mut depth = 0_usize;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'"' => {
                at = end_of_text(raw, at);
                if depth == 0 {
                    return at;
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    raw.len()
}

/// A text's value, its quotes around it; one that is no Unicode is no key that anyone looks for.
pub(crate) fn unescaped(text: &[u8]) -> String {
    serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into_owned())
}

/// The texts of the items of a list; none where it is no list.
pub(crate) fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = if list.first() == Some(&b'[') { 1 } else { list.len() };
    std::iter::from_fn(move || next_value(list, &mut at))
}

/// The keys and the texts of the values of an object; none where it is none.
pub(crate) fn entries(object: &[u8]) -> impl Iterator<Item = (String, &[u8])> {
    let mut at = if object.first() == Some(&b'{') { 1 } else { object.len() };
    std::iter::from_fn(move || {
        let key = next_value(object, &mut at)?;
        at = skip_white(object, at) + 1;
        Some((unescaped(key), next_value(object, &mut at)?))
    })
}

/// The next value of a list or object, behind a comma; none at the end.
fn next_value<'r>(raw: &'r [u8], at: &mut usize) -> Option<&'r [u8]> {
    let mut start = skip_white(raw, *at);
    if raw.get(start) == Some(&b',') {
        start = skip_white(raw, start + 1);
    }
    let end = end_of_value(raw, start);
    *at = end;
    raw.get(start..end).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_entries_are_cut_where_they_stand() {
        let cut = |text: &str| -> Vec<String> {
            items(text.as_bytes()).map(|item| String::from_utf8_lossy(item).into_owned()).collect()
        };
        assert_eq!(cut(r#"[ {"a":[1,2]} ,"x,]", 7,[ ] ]"#), [r#"{"a":[1,2]}"#, r#""x,]""#, "7", "[ ]"]);
        assert!(cut("[]").is_empty() && cut("[ ]").is_empty() && cut("{}").is_empty() && cut("").is_empty());
        let found: Vec<_> = entries(br#"{ "a" : 1 , "\u0062":{"c":"}"} ,"d":null}"#).collect();
        let expected: [(&str, &[u8]); 3] = [("a", b"1"), ("b", br#"{"c":"}"}"#), ("d", b"null")];
        assert!(found.iter().map(|(key, value)| (key.as_str(), *value)).eq(expected));
        assert_eq!(entries(b"{ }").count(), 0);
    }
}
