//! Which spellings are the same.

/// Under what an entry is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A folded text.
    Text(String),
    /// A status of 32 bits, however it is written.
    Status(u32),
}

/// How alike a spelling and a text are, the most alike first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Likeness {
    AsWritten,
    InAnotherCase,
    /// But for blanks and marks.
    Folded,
    /// But for a prefix, or as another writing of a number.
    Bare,
}

/// The text without what differs between spellings: case, blanks, marks, quotation marks.
pub(super) fn fold(text: &str) -> String {
    let is_mark = |c: char| c.is_whitespace() || "_-.;,'\"`’“”".contains(c);
    text.chars().filter(|c| !is_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// Under what a text is found: folded, folded without its prefix, and as a status.
pub(super) fn keys(text: &str) -> Vec<Key> {
    let (whole, bare) = (fold(text), fold(bare(text)));
    let texts = [Some(whole.clone()), (bare != whole).then_some(bare)].into_iter().flatten();
    let texts = texts.filter(|folded| !folded.is_empty()).map(Key::Text);
    texts.chain(status(text).map(Key::Status)).collect()
}

/// How alike a spelling and a text are; none where they are not.
pub(super) fn likeness(spelling: &str, text: &str) -> Option<Likeness> {
    let text = text.trim();
    if spelling == text {
        Some(Likeness::AsWritten)
    } else if spelling.eq_ignore_ascii_case(text) {
        Some(Likeness::InAnotherCase)
    } else if fold(spelling) == fold(text) {
        Some(Likeness::Folded)
    } else {
        let of_text = keys(text);
        keys(spelling).iter().any(|key| of_text.contains(key)).then_some(Likeness::Bare)
    }
}

/// The parts of a message that may be a code by themselves: what stands before a semicolon, then its words with a digit
/// or an underscore.
pub(super) fn parts(message: &str) -> impl Iterator<Item = &str> {
    /// Shorter ones are numbers of something else.
    const CODE_BYTES_MIN: usize = 4;
    let is_end = |c: char| c.is_whitespace() || ":;,()[]{}\"'=".contains(c);
    let is_code =
        |word: &&str| word.len() >= CODE_BYTES_MIN && word.contains(|c: char| c.is_ascii_digit() || c == '_');
    let head = message.split_once(';').map(|(head, _)| head);
    head.into_iter().chain(message.split(is_end).filter(is_code))
}

/// The text without a prefix that some logs leave out, and a number without zeros in front.
pub(super) fn bare(text: &str) -> &str {
    let text = text.trim();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = after(text, "AADSTS").unwrap_or(text);
    if is_number(number) {
        let stripped = number.trim_start_matches('0');
        return if stripped.is_empty() { "0" } else { stripped };
    }
    let denied = after(text, "MFA denied");
    let bare = denied.or_else(|| after(text, "MFA requirement ")).or_else(|| after(text, "MFA "));
    bare.filter(|bare| !bare.is_empty()).unwrap_or(text)
}

/// What stands behind this beginning and its marks.
fn after<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let head = text.get(..beginning.len())?;
    let rest = &text[beginning.len()..];
    head.eq_ignore_ascii_case(beginning).then(|| rest.trim_start_matches([';', ',', ':', ' ', '-', '_']))
}

/// Reads a status: hexadecimal, or a decimal with the highest of 32 bits set. Lower decimals are no statuses, but the
/// numbers that other codes are.
fn status(text: &str) -> Option<u32> {
    let text = text.trim().to_ascii_lowercase();
    let is_bare =
        text.len() == 8 && text.starts_with(['8', 'c']) && !text.bytes().all(|b| b.is_ascii_digit());
    if let Some(digits) = text.strip_prefix("0x").or(is_bare.then_some(text.as_str())) {
        let status = u64::from_str_radix(digits.trim_end_matches(['l', 'u']), 16).ok()?;
        // A status in 64 bits repeats its sign.
        return u32::try_from(status).or_else(|_| u32::try_from(status ^ 0xFFFF_FFFF_0000_0000)).ok();
    }
    let number: i64 = text.parse().ok()?;
    match number {
        ..0 => i32::try_from(number).ok().map(i32::cast_unsigned),
        0..0x8000_0000 => None,
        _ => u32::try_from(number).ok(),
    }
}
