//! What holds for any text.

use proptest::prelude::*;

use super::super::index::INDEX;
use super::super::spelling::fold;
use super::super::{NEAREST_COUNT_MAX, explain, nearest};

/// A spelling, at random.
fn spelling() -> impl Strategy<Value = &'static str> {
    let all: Vec<&'static str> = INDEX.spellings().collect();
    proptest::sample::select(all)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_odd(text in ".{0,40}|(AADSTS|MFA |MFA denied|0x|-)[0-9a-fA-FlLuU;, é]{0,24}") {
        for row in explain(&text) {
            prop_assert!(!row.meaning.is_empty());
        }
        prop_assert!(nearest(&text).len() <= NEAREST_COUNT_MAX);
    }

    #[test]
    fn case_blanks_and_marks_do_not_matter(
        spelling in spelling(), is_upper in any::<bool>(), mark in "[ _.,;-]", at in any::<prop::sample::Index>()
    ) {
        let cased = if is_upper { spelling.to_uppercase() } else { spelling.to_lowercase() };
        let at = at.index(cased.chars().count());
        let head: String = cased.chars().take(at).collect();
        let tail: String = cased.chars().skip(at).collect();
        let text = format!(" {head}{mark}{tail} ");
        prop_assume!(!fold(&text).is_empty());
        let found = explain(&text);
        prop_assert!(found.iter().any(|row| fold(row.spelling) == fold(spelling)), "{}: {:?}", text, found);
    }
}
