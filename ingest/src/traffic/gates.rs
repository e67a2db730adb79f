//! Where people sign in: applications, authentication servers, and the networks that people come from.

use super::people::Person;
use super::random::{Random, Share, choose, mix, scale};
use super::text::{decimal, short_hex};

/// An authentication server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) name: &'static str,
    pub(super) ip: &'static str,
}

/// Something that is entered.
#[derive(Debug)]
pub(super) struct Application {
    share: u32,
    pub(super) name: &'static str,
    /// Where the server logs it.
    pub(super) protocol: Option<&'static str>,
}

impl Share for Application {
    fn share(&self) -> u32 {
        self.share
    }
}

pub(super) const SERVERS: &[Server] = &[
    Server { name: "mfa-ams-01", ip: "10.20.1.11" },
    Server { name: "mfa-ams-02", ip: "10.20.1.12" },
    Server { name: "mfa-fra-01", ip: "10.20.2.11" },
    Server { name: "mfa-nyc-01", ip: "10.30.1.11" },
    Server { name: "mfa-nyc-02", ip: "10.30.1.12" },
    Server { name: "mfa-sgp-01", ip: "10.40.1.11" },
];

const APPLICATIONS: &[Application] = &[
    Application { share: 30, name: "vpn", protocol: Some("radius") },
    Application { share: 22, name: "mail", protocol: None },
    Application { share: 14, name: "intranet", protocol: None },
    Application { share: 10, name: "remote-desktop", protocol: Some("rd-gateway") },
    Application { share: 10, name: "crm", protocol: None },
    Application { share: 6, name: "payroll", protocol: None },
    Application { share: 5, name: "bastion", protocol: Some("ldap") },
    Application { share: 3, name: "wifi", protocol: Some("radius") },
];

/// How often a tenant's own server answers; else the next one stands in.
const OWN_SERVER_PERCENT: u32 = 92;
/// How often people come from the office, against from home.
const OFFICE_PERCENT: u32 = 55;
/// How many homes have IPv6.
const HOME_IPV6_PERCENT: u32 = 25;

pub(super) fn server(person: &Person, random: &mut Random) -> &'static Server {
    let own = scale(mix(u64::from(person.tenant.share)), SERVERS.len() as u32) as usize;
    let at = if random.chance(OWN_SERVER_PERCENT) { own } else { own + 1 };
    &SERVERS[at % SERVERS.len()]
}

pub(super) fn application(random: &mut Random) -> &'static Application {
    choose(APPLICATIONS, random.next())
}

/// From where someone comes. A person's home keeps its address, and so does a tenant's office.
#[derive(Debug, Clone, Copy)]
pub(super) enum Client {
    Office(u8),
    Home(u32),
    HomeIpv6(u32),
}

impl Client {
    pub(super) fn draw(person: &Person, random: &mut Random) -> Self {
        if random.chance(OFFICE_PERCENT) {
            return Self::Office(mix(u64::from(person.tenant.share)) as u8);
        }
        let bits = person.trait_bits(6);
        if scale(bits, 100) < HOME_IPV6_PERCENT {
            Self::HomeIpv6(bits as u32)
        } else {
            Self::Home(bits as u32)
        }
    }

    /// Appends the address in canonical form. Offices lie in a range for documentation (RFC 5737), homes in
    /// those for benchmarks (RFC 2544) and documentation (RFC 3849): no real host is ever named.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Office(host) => {
                out.extend_from_slice(b"203.0.113.");
                decimal(out, u32::from(host));
            }
            Self::Home(host) => {
                out.extend_from_slice(b"198.");
                decimal(out, 18 + (host >> 16 & 1));
                out.push(b'.');
                decimal(out, host >> 8 & 0xff);
                out.push(b'.');
                decimal(out, host & 0xff);
            }
            // No group of the written part may be zero, or the form would not be canonical.
            Self::HomeIpv6(host) => {
                out.extend_from_slice(b"2001:db8:");
                short_hex(out, (host >> 16) as u16 | 1);
                out.push(b':');
                short_hex(out, host as u16 | 1);
                out.extend_from_slice(b"::2");
            }
        }
    }
}
