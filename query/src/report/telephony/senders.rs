//! The numbers that text messages of Microsoft's services are known to come from. They may change at any time.

/// Short codes by country.
const SHORT_CODES: &[(&str, &[&str])] =
    &[("US", &["97671", "69829", "51789", "99399"]), ("CA", &["759731", "673801"])];

/// Whether a sender is one of the short codes that are known for the country; none where there are none for it.
pub(super) fn is_known(country: &str, sender: &str) -> Option<bool> {
    let (_, codes) = SHORT_CODES.iter().find(|(held, _)| *held == country)?;
    Some(codes.contains(&sender.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_codes_are_those_of_their_country() {
        assert_eq!(is_known("US", "97671"), Some(true));
        assert_eq!(is_known("CA", "97671"), Some(false));
        assert_eq!(is_known("GB", "97671"), None);
    }
}
