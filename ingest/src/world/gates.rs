//! Where people of the small world sign in, and when its servers are silent.

/// An authentication server of the organisation's own: name and address.
pub(super) const SERVERS: &[(&str, &str)] = &[
    ("mfa-ams-01", "10.20.1.11"),
    ("mfa-ams-02", "10.20.1.12"),
    ("mfa-fra-01", "10.20.2.11"),
    ("mfa-nyc-01", "10.30.1.11"),
];

/// The server that falls silent.
pub(super) const SILENT: usize = 3;

/// The server that is maintained every four weeks.
pub(super) const MAINTAINED: usize = 2;

/// The MFA Server, which is on its way out.
pub(super) const MFA_SERVER: (&str, &str) = ("pf-ams-01", "10.20.3.11");

pub(super) const MINUTE_US: i64 = 60_000_000;
pub(super) const HOUR_US: i64 = 60 * MINUTE_US;
pub(super) const DAY_US: i64 = 24 * HOUR_US;

/// When the silent server says nothing: the last ten to sixteen o'clock of a working day that is over for an hour. At night or
/// on a weekend nobody would notice.
pub(super) fn silence(until_us: i64) -> (i64, i64) {
    let over = |day: &i64| day * DAY_US + 17 * HOUR_US <= until_us;
    // 1970 began on a Thursday: days 2 and 3 were a weekend.
    let is_working = |day: &i64| !matches!(day.rem_euclid(7), 2 | 3);
    let today = until_us.div_euclid(DAY_US);
    let day = (today - 7..=today).rev().find(|day| over(day) && is_working(day)).unwrap_or(today);
    (day * DAY_US + 10 * HOUR_US, day * DAY_US + 16 * HOUR_US)
}

/// When the maintained server is down: the first hours of the last whole day, and of that four weeks before.
pub(super) fn maintenance(until_us: i64) -> [(i64, i64); 2] {
    let start_us = (until_us.div_euclid(DAY_US) - 1) * DAY_US + HOUR_US;
    [28 * DAY_US, 0].map(|before_us| (start_us - before_us, start_us - before_us + 90 * MINUTE_US))
}

/// A server that answers at this moment: their own, else the next one.
pub(super) fn server(own: usize, at_us: i64, until_us: i64) -> usize {
    let (from_us, to_us) = silence(until_us);
    let is_silent = (from_us..to_us).contains(&at_us);
    if own == SILENT && is_silent { 0 } else { own }
}

pub(super) const VPN: &str = "vpn";

/// What is entered through Entra.
pub(super) const CLOUD_APPLICATIONS: &[&str] =
    &["Office 365 Exchange Online", "Microsoft Teams", "Salesforce", "Azure Portal", "Payroll"];

/// Short codes and numbers that text messages come from, by country code; the last of the first list is not one of those
/// that are known.
pub(super) fn sender(country: &str, is_canadian: bool, bits: u64) -> &'static str {
    match country {
        "1" if is_canadian => ["759731", "673801"][bits as usize % 2],
        "1" if bits.is_multiple_of(97) => "28777",
        "1" => ["97671", "69829", "51789", "99399"][bits as usize % 4],
        "44" => "+447700900111",
        _ => "+61491570111",
    }
}
