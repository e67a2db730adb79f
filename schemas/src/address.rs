//! Addresses in canonical form.

use std::fmt::Write;
use std::net::Ipv6Addr;

/// Reads an IPv4 or IPv6 address and returns its canonical form (RFC 5952): the text itself where it is
/// canonical already, else written into `scratch`. `None` where the text is no address; zones
/// (`fe80::1%eth0`), ports, brackets and leading zeros in IPv4 make it none.
///
/// An IPv4-mapped IPv6 address stays one, in the mixed notation of RFC 5952 section 5: `::ffff:192.0.2.1`.
pub(crate) fn canonical<'a>(text: &'a str, scratch: &'a mut String) -> Option<&'a str> {
    // There is one way to write an IPv4 address, so a text that reads as one is canonical.
    if is_ipv4(text.as_bytes()) {
        return Some(text);
    }
    let address: Ipv6Addr = text.parse().ok()?;
    scratch.clear();
    write!(scratch, "{address}").ok()?;
    if scratch == text { Some(text) } else { Some(scratch) }
}

/// Four numbers from 0 to 255 without leading zeros. By hand, since every event has an address or two and
/// the standard library takes four times as long.
#[inline]
pub(crate) fn is_ipv4(text: &[u8]) -> bool {
    let (mut parts, mut digits, mut value) = (1, 0, 0_u32);
    for byte in text {
        match byte {
            b'0'..=b'9' if digits < 3 && !(digits == 1 && value == 0) => {
                value = value * 10 + u32::from(byte - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && value <= 255 => (parts, digits, value) = (parts + 1, 0, 0),
            _ => return false,
        }
    }
    parts == 4 && digits > 0 && value <= 255
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(canonical(text, &mut String::new()), expected, "{text}");
    }

    #[test]
    fn ipv4_is_dotted_decimal() {
        check("192.0.2.1", Some("192.0.2.1"));
        check("255.255.255.255", Some("255.255.255.255"));
        for bad in
            ["192.0.2", "192.0.2.256", "192.0.2.01", "192.0.2.1:80", " 192.0.2.1", "1.2.3.4.5", "3221225985"]
        {
            check(bad, None);
        }
    }

    /// The examples of RFC 5952, sections 4 and 5.
    #[test]
    fn ipv6_is_canonical() {
        check("2001:0DB8::0001", Some("2001:db8::1"));
        check("2001:db8:0:0:0:0:2:1", Some("2001:db8::2:1"));
        check("2001:db8::1:1:1:1:1", Some("2001:db8:0:1:1:1:1:1"));
        check("2001:db8:0:0:1:0:0:1", Some("2001:db8::1:0:0:1"));
        check("0:0:0:0:0:0:0:0", Some("::"));
        check("::FFFF:192.0.2.1", Some("::ffff:192.0.2.1"));
        check("::ffff:c000:201", Some("::ffff:192.0.2.1"));
        for bad in
            ["", ":::", "2001:db8::1%eth0", "[2001:db8::1]", "2001:db8::g", "1:2:3:4:5:6:7", "localhost"]
        {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn ipv4_is_what_the_standard_library_reads(text in "[0-9]{0,4}(\\.[0-9]{0,4}){2,4}") {
            prop_assert_eq!(is_ipv4(text.as_bytes()), text.parse::<Ipv4Addr>().is_ok());
        }
    }
}
