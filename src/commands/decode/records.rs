//! A file cut into records.

use schemas::Source;
use serde::de::IgnoredAny;

/// Lines of a CSV file that are read as one record, under the file's head line.
const CSV_LINES: usize = 500;

/// The records of a file, each with the line at which it begins.
pub(super) fn records(bytes: &[u8], source: Source) -> Vec<(usize, Vec<u8>)> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let is_json = bytes.trim_ascii_start().starts_with(b"{") || bytes.trim_ascii_start().starts_with(b"[");
    if !is_json && source == Source::MfaServer {
        return csv_records(bytes);
    }
    if is_json && let Some(values) = json_values(bytes) {
        let mut line = Line::default();
        return values.into_iter().map(|(at, text)| (line.at(bytes, at), text.to_vec())).collect();
    }
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    lines.map(|(index, line)| (index + 1, line.to_vec())).collect()
}

/// The JSON values of a text, one after the other, of lists each item; none where one of them is no JSON, as a line can
/// be that is to be rejected alone.
fn json_values(bytes: &[u8]) -> Option<Vec<(usize, &[u8])>> {
    let mut values = Vec::new();
    let mut at = 0;
    let mut is_list = false;
    while at < bytes.len() {
        match bytes[at] {
            b' ' | b'\t' | b'\r' | b'\n' => at += 1,
            b',' if is_list => at += 1,
            b'[' if !is_list => (at, is_list) = (at + 1, true),
            b']' if is_list => (at, is_list) = (at + 1, false),
            _ => {
                let mut value = serde_json::Deserializer::from_slice(&bytes[at..]).into_iter::<IgnoredAny>();
                value.next()?.ok()?;
                let end = at + value.byte_offset();
                values.push((at, &bytes[at..end]));
                at = end;
            }
        }
    }
    (!is_list).then_some(values)
}

/// Counts lines up to places that come in their order.
#[derive(Default)]
struct Line {
    ends: usize,
    at: usize,
}

impl Line {
    fn at(&mut self, bytes: &[u8], at: usize) -> usize {
        self.ends += bytes[self.at..at].iter().filter(|byte| **byte == b'\n').count();
        self.at = at;
        self.ends + 1
    }
}

/// Pieces of a CSV file, each under the file's head line. A line's end within quotes stays in its piece.
fn csv_records(bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut rows: Vec<(usize, &[u8])> = Vec::new();
    let (mut begins, mut line, mut begins_line, mut is_quoted) = (0, 1, 1, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => is_quoted = !is_quoted,
            b'\n' => {
                line += 1;
                if !is_quoted {
                    rows.push((begins_line, &bytes[begins..=at]));
                    (begins, begins_line) = (at + 1, line);
                }
            }
            _ => {}
        }
    }
    rows.push((begins_line, &bytes[begins..]));
    rows.retain(|(_, row)| !row.trim_ascii().is_empty());
    let Some(((_, head), rows)) = rows.split_first() else { return Vec::new() };
    let piece = |rows: &[(usize, &[u8])]| {
        let texts: Vec<&[u8]> = rows.iter().map(|(_, row)| *row).collect();
        (rows[0].0, [head.to_vec(), texts.concat()].concat())
    };
    rows.chunks(CSV_LINES).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, source: Source, expected: &[(usize, &str)]) {
        let found = records(text.as_bytes(), source);
        let found: Vec<_> =
            found.iter().map(|(line, record)| (*line, std::str::from_utf8(record).expect("text"))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn files_of_each_shape_are_cut_into_records() {
        check("{\"a\":1}\n\n{\"a\":2}\n", Source::Duo, &[(1, "{\"a\":1}"), (3, "{\"a\":2}")]);
        check("\u{feff}[{\"a\":1},\n {\"a\":2}]", Source::Duo, &[(1, "{\"a\":1}"), (2, "{\"a\":2}")]);
        check("[{\"a\":1},{\"a\":2}]\n", Source::Duo, &[(1, "{\"a\":1}"), (1, "{\"a\":2}")]);
        check(
            "{\n \"a\": 1\n}\n{\n \"a\": 2\n}",
            Source::Duo,
            &[(1, "{\n \"a\": 1\n}"), (4, "{\n \"a\": 2\n}")],
        );
        check("{\"a\":1}\n{broken\n", Source::Duo, &[(1, "{\"a\":1}"), (2, "{broken")]);
        check("type=LOGIN\ntype=LOGOUT", Source::Keycloak, &[(1, "type=LOGIN"), (2, "type=LOGOUT")]);
        check(
            "User,Result\nada,\"a\nb\"\nbob,c\n",
            Source::MfaServer,
            &[(2, "User,Result\nada,\"a\nb\"\nbob,c\n")],
        );
    }
}
