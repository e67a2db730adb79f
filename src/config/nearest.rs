//! The known key that an unknown one was probably meant to be.

use super::template;

/// From this likeness on, between 0 and 1, a key is worth suggesting: one or two slips of the hand.
const LIKENESS_MIN: f64 = 0.8;

/// The same for sections, whose names are short: one slip in four letters.
const SECTION_LIKENESS_MIN: f64 = 0.7;

/// What to do about an unknown key. A known one is named as `spell` writes it.
pub(super) fn advice(path: &str, spell: fn(&str) -> String) -> String {
    match nearest(path) {
        Some(known) => format!("there is no such key; did you mean {}?", spell(known)),
        None => {
            let section = path.rsplit_once('.').map_or("", |(section, _)| section);
            match known_in(section) {
                names if names.is_empty() => "there is no such section; remove it".to_owned(),
                names => format!("there is no such key; remove it, or use one of {}", names.join(", ")),
            }
        }
    }
}

/// What to do about an unknown section.
pub(super) fn section_advice(path: &str) -> String {
    let known = template::sections()
        .map(|known| (strsim::normalized_damerau_levenshtein(path, known), known))
        .filter(|(likeness, _)| *likeness >= SECTION_LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match known {
        Some((_, known)) => format!("there is no such section; did you mean [{known}]?"),
        None => {
            let known: Vec<&str> = template::sections().collect();
            format!("there is no such section; remove it, or use one of {}", known.join(", "))
        }
    }
}

/// The most alike known key. A key of the same section, and the same name in another, count most.
fn nearest(path: &str) -> Option<&'static str> {
    let path = template::general(path);
    let (section, name) = path.rsplit_once('.').unwrap_or(("", &path));
    template::keys()
        .iter()
        .map(|key| {
            let (known_section, known_name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
            let by_name = strsim::jaro_winkler(name, known_name);
            let by_path = strsim::normalized_damerau_levenshtein(&path, &key.path);
            let same_section = if section == known_section { 0.05 } else { 0.0 };
            (by_name.max(by_path) + same_section, key.path.as_str())
        })
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

fn known_in(section: &str) -> Vec<&'static str> {
    let section = template::general(section);
    template::keys()
        .iter()
        .filter_map(|key| key.path.rsplit_once('.'))
        .filter(|(known, _)| *known == section)
        .map(|(_, name)| name)
        .collect()
}
