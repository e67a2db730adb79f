//! The query string of a request: names and values, strictly.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// A parameter: its name and its value.
pub(crate) type Given<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Names and values in their order. Frameworks decode what is no UTF-8 to something else; here it is an error.
pub(crate) fn parse(query: &str) -> Result<Vec<Given<'_>>, Problem> {
    query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn pair(pair: &str) -> Result<Given<'_>, Problem> {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    let (name, value) = (decode(name)?, decode(value)?);
    let value = mend_offset(&name, value);
    Ok((name, value))
}

fn decode(text: &str) -> Result<Cow<'_, str>, Problem> {
    let is_escape = |rest: &str| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit());
    if text.split('%').skip(1).any(|rest| !is_escape(rest)) {
        let detail = "write a percent sign as %25: one stands there without two hexadecimal digits after it";
        return Err(Problem::bad_query_string(detail));
    }
    // In a form a plus is a blank. A moment's offset is the one place where people write one unescaped.
    let spaced: Cow<'_, str> = if text.contains('+') { text.replace('+', " ").into() } else { text.into() };
    let decoded = match spaced {
        Cow::Borrowed(text) => percent_decode_str(text).decode_utf8(),
        Cow::Owned(text) => percent_decode_str(&text).decode_utf8().map(|text| text.into_owned().into()),
    };
    let decoded = decoded.map_err(|_| {
        Problem::bad_query_string("write parameters in UTF-8, percent-encoded: one is another encoding")
    })?;
    if decoded.contains(char::is_control) {
        return Err(Problem::bad_query_string("leave out control characters: a parameter has one"));
    }
    Ok(decoded)
}

/// A moment, or a zone, whose `+` arrived as a blank, as it does unescaped.
fn mend_offset<'a>(name: &str, value: Cow<'a, str>) -> Cow<'a, str> {
    let is_offset = |rest: &str| rest.len() == 5 && rest.as_bytes()[2] == b':';
    match (name, value.rsplit_once(' ')) {
        ("from" | "to", Some((moment, offset))) if moment.contains('T') && is_offset(offset) => {
            format!("{moment}+{offset}").into()
        }
        ("tz", Some(_)) => value.replace(' ', "+").into(),
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: &[(&str, &str)]) {
        let found = parse(query).expect("readable");
        let found: Vec<_> = found.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn names_and_values_are_decoded() {
        check("", &[]);
        check(
            "by=day,method&server=a&server=b%20c",
            &[("by", "day,method"), ("server", "a"), ("server", "b c")],
        );
        check("tz=Europe%2FBerlin&flag", &[("tz", "Europe/Berlin"), ("flag", "")]);
        check("tenant=caf%C3%A9", &[("tenant", "café")]);
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for query in ["a=%", "a=%2", "a=%zz", "a=%ff", "a=%00", "a=b%0d%0aSet-Cookie"] {
            assert!(parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn an_unescaped_plus_of_an_offset_is_understood() {
        assert_eq!(mend_offset("from", "2026-10-25T13:30:00 02:00".into()), "2026-10-25T13:30:00+02:00");
        assert_eq!(mend_offset("from", "2026-10-25 13:30".into()), "2026-10-25 13:30");
        assert_eq!(mend_offset("tz", "Etc/GMT 5".into()), "Etc/GMT+5");
        assert_eq!(mend_offset("tenant", "aT bc:de".into()), "aT bc:de");
    }
}
