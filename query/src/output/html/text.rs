//! Text of a page: markup is ours, everything else is escaped.

/// A page, or a part of it.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Appends markup of our own, as it is.
    pub(super) fn markup(&mut self, markup: &str) {
        self.0.push_str(markup);
    }

    /// Appends what others wrote: it shows as it was written. Control characters, which no page may have, are shown
    /// escaped.
    pub(super) fn plain(&mut self, text: &str) {
        for letter in text.chars() {
            match letter {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(letter),
                letter if letter.is_control() || is_steering(letter) => {
                    self.0.extend(letter.escape_default())
                }
                letter => self.0.push(letter),
            }
        }
    }

    /// Appends an element that holds what others wrote.
    pub(super) fn element(&mut self, name: &str, text: &str) {
        self.markup(&format!("<{name}>"));
        self.plain(text);
        self.markup(&format!("</{name}>\n"));
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether it turns the direction of what follows, beyond its own cell too.
fn is_steering(letter: char) -> bool {
    matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
