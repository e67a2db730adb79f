//! Tables as the portal exports them: comma-separated values with quotes (RFC 4180).

use std::borrow::Cow;

use super::row::{Key, Row, Value, same};
use crate::rejection::{Reason, Rejection};
use crate::vendor::Take;
use crate::vendor::draft::Found;
use crate::vendor::part::Part;

/// The most columns of a table: the longest record has 35.
const COLUMNS_MAX: usize = 256;

/// The columns of an authentication attempt in the order of the vendor's documentation, for lines that come
/// without their head: to the overall result, and on to the devices.
const DOCUMENTED: [Option<Key>; 35] = [
    Some(Key::Timestamp),
    Some(Key::Username),
    Some(Key::FirstName),
    Some(Key::LastName),
    Some(Key::Email),
    None, // User Group
    Some(Key::Method),
    Some(Key::PhoneCallMode),
    Some(Key::TextMessageDirection),
    Some(Key::TextMessageMode),
    Some(Key::MobileAppMode),
    Some(Key::OathTokenMode),
    Some(Key::AuthenticationType),
    Some(Key::Application),
    Some(Key::PrimaryCountryCode),
    Some(Key::PrimaryPhoneNumber),
    Some(Key::PrimaryExtension),
    Some(Key::PrimaryAuthenticated),
    Some(Key::PrimaryResult),
    Some(Key::BackupCountryCode),
    Some(Key::BackupPhoneNumber),
    Some(Key::BackupExtension),
    Some(Key::BackupAuthenticated),
    Some(Key::BackupResult),
    Some(Key::OverallAuthenticated),
    Some(Key::OverallResult),
    Some(Key::Authenticated),
    Some(Key::Result),
    Some(Key::ClientIp),
    Some(Key::DeviceToken),
    Some(Key::DeviceType),
    Some(Key::DeviceAppVersion),
    Some(Key::DeviceOsVersion),
    Some(Key::DeviceResult),
    Some(Key::UsedCheck),
];

/// What ends a line.
const LINE_ENDS: [char; 2] = ['\r', '\n'];

/// How many of them a line has that ends with the overall result.
const TO_OVERALL: usize = 26;

/// Reads a table, or lines of one: calls back with each line.
pub(super) fn read(
    text: &str,
    read_row: impl for<'t> Fn(&Row<'t>) -> Result<Found<'t>, Rejection<'static>>,
    take: &mut Take<'_>,
) {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text);
    let mut lines = Lines { rest: text, separator };
    let mut cells = Vec::new();
    let mut head: Option<Vec<Option<Key>>> = None;
    let mut head_line = None;
    let (mut is_first, mut line_count) = (true, 0);
    loop {
        let before = lines.rest.trim_start_matches(LINE_ENDS);
        let Some(line) = lines.next(&mut cells) else { break };
        let text = &before[..before.len() - lines.rest.len()];
        if std::mem::take(&mut is_first) {
            head = head_of(&cells);
            if head.is_some() {
                head_line = Some(text);
                continue;
            }
        }
        let part = Part::Line(head_line, text);
        line_count += 1;
        match line.and_then(|()| row_of(&cells, head.as_deref())) {
            Ok(row) => take(part, read_row(&row)),
            Err(rejection) => take(part, Err(rejection)),
        }
    }
    if line_count == 0 {
        take(Part::Whole, Ok(Found::Skipped(Cow::Borrowed("head line"))));
    }
}

/// The columns of a head line: names that are known, a user or a time among them.
fn head_of(cells: &[Cow<'_, str>]) -> Option<Vec<Option<Key>>> {
    let mut keys: Vec<Option<Key>> = cells.iter().map(|cell| Key::find("", cell)).collect();
    let known = keys.iter().flatten().count();
    if known < 2 || known * 2 < cells.len() {
        return None;
    }
    // Behind the columns of a device, a result is the device's.
    let device = keys.iter().position(|key| matches!(key, Some(Key::DeviceToken | Key::DeviceType)));
    for (index, key) in keys.iter_mut().enumerate().skip(device.unwrap_or(cells.len())) {
        if *key == Some(Key::Result) && same("result", &cells[index]) {
            *key = Some(Key::DeviceResult);
        }
    }
    Some(keys)
}

fn row_of<'t>(
    cells: &'t [Cow<'_, str>],
    head: Option<&[Option<Key>]>,
) -> Result<Row<'t>, Rejection<'static>> {
    let columns = match head {
        Some(head) if head.len() == cells.len() => head,
        Some(head) => return Err(wrong_width(cells.len(), &format!("{} as in the head line", head.len()))),
        None if cells.len() == TO_OVERALL => &DOCUMENTED[..TO_OVERALL],
        None if cells.len() == DOCUMENTED.len() => &DOCUMENTED,
        None if cells.len() == 1 => {
            return Err(Rejection::whole(
                Reason::NotJson,
                "found one text, expected JSON or a table with a head line",
            ));
        }
        None => return Err(wrong_width(cells.len(), "a head line, or the 26 or 35 of the documented order")),
    };
    let mut row = Row::new();
    for (cell, key) in cells.iter().zip(columns) {
        if let (Some(key), Some(value)) = (key, Value::of_text(cell)) {
            row.set(*key, value);
        }
    }
    Ok(row)
}

fn wrong_width(found: usize, expected: &str) -> Rejection<'static> {
    Rejection::whole(Reason::WrongType, format!("found {found} columns, expected {expected}"))
}

/// A comma; a semicolon or tabulator where the first line has that and no comma.
fn separator(text: &str) -> char {
    let line = text.lines().next().unwrap_or_default();
    [',', ';', '\t'].into_iter().find(|separator| line.contains(*separator)).unwrap_or(',')
}

/// The lines of a table. A line may go on within quotes.
struct Lines<'t> {
    rest: &'t str,
    separator: char,
}

impl<'t> Lines<'t> {
    /// Reads the next line that is not empty into cells.
    fn next(&mut self, cells: &mut Vec<Cow<'t, str>>) -> Option<Result<(), Rejection<'static>>> {
        self.rest = self.rest.trim_start_matches(LINE_ENDS);
        if self.rest.is_empty() {
            return None;
        }
        cells.clear();
        loop {
            if cells.len() == COLUMNS_MAX {
                self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
                return Some(Err(Rejection::whole(
                    Reason::TooLong,
                    format!("more than {COLUMNS_MAX} columns"),
                )));
            }
            match self.cell() {
                Some(cell) => cells.push(cell),
                None => {
                    self.rest = "";
                    let detail = "found a quote without its end, expected both";
                    return Some(Err(Rejection::whole(Reason::WrongType, detail)));
                }
            }
            match self.rest.strip_prefix(self.separator) {
                Some(rest) => self.rest = rest,
                None => return Some(Ok(())),
            }
        }
    }

    /// Reads a cell up to its separator or the end of the line; none where its quote has no end.
    fn cell(&mut self) -> Option<Cow<'t, str>> {
        let ends = [self.separator, '\r', '\n'];
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find(ends).unwrap_or(self.rest.len());
            let (cell, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Some(Cow::Borrowed(cell));
        };
        let mut from = 0;
        let end = loop {
            let quote = from + quoted[from..].find('"')?;
            if !quoted[quote + 1..].starts_with('"') {
                break quote;
            }
            from = quote + 2;
        };
        let (cell, rest) = (&quoted[..end], &quoted[end + 1..]);
        // What stands behind the quote belongs to no cell by the standard; blanks are met.
        let skipped = rest.find(ends).unwrap_or(rest.len());
        self.rest = &rest[skipped..];
        Some(if from == 0 { Cow::Borrowed(cell) } else { Cow::Owned(cell.replace("\"\"", "\"")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&[&str]]) {
        let mut lines = Lines { rest: text, separator: ',' };
        let (mut cells, mut found) = (Vec::new(), Vec::new());
        while let Some(line) = lines.next(&mut cells) {
            line.expect("a line");
            found.push(cells.iter().map(|cell| cell.to_string()).collect::<Vec<_>>());
        }
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn quotes_hold_separators_quotes_and_line_ends() {
        check("a,b\r\nc,d\n\ne,", &[&["a", "b"], &["c", "d"], &["e", ""]]);
        check("\"a,\"\"b\"\"\",\"c\r\nd\"\n\"\",e", &[&["a,\"b\"", "c\r\nd"], &["", "e"]]);
        let mut unclosed = Lines { rest: "a,\"b\nc,d", separator: ',' };
        assert!(unclosed.next(&mut Vec::new()).is_some_and(|line| line.is_err()));
        assert!(unclosed.next(&mut Vec::new()).is_none());
    }
}
