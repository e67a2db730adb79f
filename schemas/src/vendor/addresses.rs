//! Addresses as vendors write them: with ports, brackets, in other notations.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use crate::address::is_ipv4;

/// What stands around an address that was cut out of a list or a sentence.
const AROUND: [char; 8] = ['"', '\'', '<', '>', '(', ')', ',', ';'];

/// The address in canonical form; none where the text is none (a name, a masked address, a GUID). Ports, brackets and
/// quotes are left out, an IPv4-mapped address is the IPv4 address.
pub(crate) fn address(text: &str) -> Option<Cow<'_, str>> {
    if is_ipv4(text.as_bytes()) {
        return Some(Cow::Borrowed(text));
    }
    let text = text.trim_matches(|letter: char| letter.is_whitespace() || AROUND.contains(&letter));
    let bare = bare(text);
    let parsed = parse(bare)?;
    if parsed.is_ipv4() && bare.len() == text.len() {
        // Other notations of an IPv4 address are not read.
        return Some(Cow::Borrowed(text));
    }
    let canonical = match parsed {
        IpAddr::V6(address) => address.to_ipv4_mapped().map_or(parsed, IpAddr::V4),
        IpAddr::V4(_) => parsed,
    };
    let canonical = canonical.to_string();
    Some(if canonical == text { Cow::Borrowed(text) } else { Cow::Owned(canonical) })
}

/// Whether the text says that there is no address.
pub(crate) fn is_absent(text: &str) -> bool {
    matches!(text.trim(), "" | "-" | "null" | "0.0.0.0" | "::" | "N/A" | "n/a" | "unknown" | "Unknown")
}

/// Where a URL leads, without its query and fragment: they carry codes and tokens.
pub(crate) fn place(url: &str) -> &str {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = bare.find(['?', '#', ';']).unwrap_or(bare.len());
    bare[..end].trim_end_matches('/')
}

fn parse(text: &str) -> Option<IpAddr> {
    // A zone (`%eth0`) names an interface of the machine that wrote it.
    text.split('%').next()?.parse().ok()
}

/// Without a port: `1.2.3.4:5`, `[1.2.3.4]:5`, `[2001:db8::1]:5`, `… port 5`, and for IPv6 also `…#5`, `…p5`, `….5`.
fn bare(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    if parse(text).is_some() {
        return text;
    }
    let is_port =
        |port: &str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((address, port)) = text.split_once(" port ") {
        return if is_port(port) { address } else { text };
    }
    for sign in ['#', 'p', '.', ':'] {
        let Some((address, port)) = text.rsplit_once(sign) else { continue };
        let is_possible = match sign {
            // An IPv4-mapped address ends in one of IPv4.
            ':' => !address.contains(':') || address.contains('.') || full_ipv6(address),
            _ => address.contains(':'),
        };
        if is_port(port) && is_possible && parse(address).is_some() {
            return address;
        }
    }
    text
}

/// Whether it has all eight groups, so that one more is a port.
fn full_ipv6(text: &str) -> bool {
    text.matches(':').count() == 7 && text.parse::<Ipv6Addr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_notation_is_read() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            (" 192.0.2.1 ", "192.0.2.1"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("[192.0.2.1]:443", "192.0.2.1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("2001:DB8::1", "2001:db8::1"),
            ("2001:db8:0:0:0:0:0:1:443", "2001:db8::1"),
            ("2001:db8::1#443", "2001:db8::1"),
            ("2001:db8::1p443", "2001:db8::1"),
            ("2001:db8::1.443", "2001:db8::1"),
            ("2001:db8::1 port 443", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:192.0.2.1:443", "192.0.2.1"),
            ("192.0.2.1,", "192.0.2.1"),
            ("<192.0.2.1>", "192.0.2.1"),
            ("\"192.0.2.1\"", "192.0.2.1"),
            ("\"[2001:db8::1]:443\";", "2001:db8::1"),
        ] {
            assert_eq!(address(text).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "192.0.2.XXX",
            "gate.example",
            "8c1b6e2e-0000-4000-8000-000000000000",
            "",
            "192.0.2",
            "192.0.2.1, 192.0.2.2",
            "1:2:3:443",
            "gate port 443",
            "2001:db8::1 port of call",
        ] {
            assert_eq!(address(text), None, "{text}");
        }
    }
}
