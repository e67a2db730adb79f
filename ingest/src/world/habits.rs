//! What people do day by day: the traffic in which the stories are hidden.

use schemas::vocabulary::Method;

use super::Feed;
use super::act::{Act, Change, End, Event, What};
use super::gates::{CLOUD_APPLICATIONS, MINUTE_US, SERVERS, VPN, server};
use super::people::{Human, People, Way};
use crate::traffic::random::Random;

const SECOND_US: i64 = 1_000_000;

/// How often people come from the office, against from home.
const OFFICE_PERCENT: u32 = 60;

/// How often somebody uses the second of the two methods that they have.
const OTHER_METHOD_PERCENT: u32 = 12;

/// How often somebody tries again after it went wrong.
const RETRY_PERCENT: u32 = 85;

/// One person passes a gate, perhaps at the second try.
pub(super) fn sign_in(
    people: &People,
    who: usize,
    at_us: i64,
    until_us: i64,
    random: &mut Random,
    tell: &mut dyn FnMut(Act),
) {
    let human = people.get(who);
    let client_ip =
        if random.chance(OFFICE_PERCENT) { human.office().to_owned() } else { human.home.clone() };
    let method = human.methods[usize::from(random.chance(OTHER_METHOD_PERCENT))];
    let feed = match human.way {
        Way::Server => Feed::MfaServer,
        Way::Both if random.chance(50) => Feed::MfaServer,
        Way::CloudAndVpn if random.chance(65) => Feed::Gatebook,
        Way::Duo => Feed::Duo,
        _ => Feed::Entra,
    };
    let key = random.next();
    let mut event = Event {
        method,
        end: End::Approved,
        server: server(human.server_index(SERVERS.len()), at_us, until_us),
        client_ip,
        application: match feed {
            Feed::Gatebook | Feed::MfaServer => VPN,
            _ => CLOUD_APPLICATIONS[random.below(CLOUD_APPLICATIONS.len() as u32) as usize],
        },
        key,
        id: random.next(),
        phone: None,
        declined_before: 0,
    };
    event.end = end(feed, method, random);
    let fails = !lets_in(event.end);
    pass(who, human, feed, at_us, &event, random, tell);
    if fails && random.chance(RETRY_PERCENT) {
        let again = Event { end: End::Approved, key: random.next(), id: random.next(), ..event };
        pass(who, human, feed, at_us + 40 * SECOND_US, &again, random, tell);
    }
}

/// All that the products write down of one try.
pub(super) fn pass(
    who: usize,
    human: &Human,
    feed: Feed,
    at_us: i64,
    event: &Event,
    random: &mut Random,
    tell: &mut dyn FnMut(Act),
) {
    let mut told = |feed, at_us, what| tell(Act { feed, at_us, late_us: lateness(feed, at_us), who, what });
    let is_sent = matches!(event.method, Method::TextMessage | Method::VoiceCall)
        && !matches!(
            event.end,
            End::Remembered
                | End::TrustedPlace
                | End::External
                | End::Bypassed
                | End::NotSent
                | End::Throttled
        );
    let answered_at_us = at_us + 8 * SECOND_US + i64::from(random.below(20)) * SECOND_US;
    match feed {
        Feed::Gatebook | Feed::MfaServer
            if is_sent && event.method == Method::TextMessage && event.end != End::Sent =>
        {
            let sent = Event { end: End::Sent, id: random.next(), ..event.clone() };
            told(feed, at_us, What::Event(sent));
            // Of a code that nobody types there is no other record.
            if event.end != End::NoResponse {
                told(feed, answered_at_us, What::Event(event.clone()));
            }
        }
        Feed::Duo => {
            if is_sent {
                let abroad = if human.country == "1" { 1 } else { 4 };
                let credits = if event.method == Method::VoiceCall { 2 * abroad } else { abroad };
                told(feed, at_us, What::Telephony { method: event.method, credits, key: event.key });
            }
            told(feed, answered_at_us, What::Event(event.clone()));
            if lets_in(event.end) {
                // Entra sees one factor: the other one is Duo's.
                let single = Event { end: End::SingleFactor, key: event.key ^ 1, ..event.clone() };
                told(Feed::Entra, answered_at_us + 2 * SECOND_US, What::Event(single));
            }
        }
        _ => told(feed, at_us, What::Event(event.clone())),
    }
}

/// Entra's log comes minutes late, the others at once.
pub(super) fn lateness(feed: Feed, at_us: i64) -> i64 {
    match feed {
        Feed::Entra => MINUTE_US + (at_us / SECOND_US % 120) * SECOND_US,
        _ => SECOND_US,
    }
}

const fn lets_in(end: End) -> bool {
    matches!(
        end,
        End::Approved
            | End::Remembered
            | End::TrustedPlace
            | End::External
            | End::AppPassword
            | End::LegacyPassword
            | End::SingleFactor
            | End::Bypassed
    )
}

fn end(feed: Feed, method: Method, random: &mut Random) -> End {
    let draw = random.below(1_000);
    match (feed, draw) {
        (Feed::Entra, 0..150) => return End::Remembered,
        (Feed::Entra, 150..190) => return End::TrustedPlace,
        (Feed::Entra, 190..205) => return End::LegacyPassword,
        (Feed::Entra, 205..212) => return End::AppPassword,
        (Feed::Entra, 212..217) => return End::External,
        (Feed::Entra, 217..219) => return End::NotActivated,
        (Feed::Duo, 110..113) => return End::Bypassed,
        (Feed::MfaServer, 60..63) => return End::Bypassed,
        (Feed::Duo, 0..90) => return End::Remembered,
        (Feed::Duo, 90..110) => return End::TrustedPlace,
        (Feed::MfaServer, 0..60) => return End::Remembered,
        (Feed::Gatebook, 0..25) => return End::Remembered,
        (Feed::Gatebook, 25..29) => return End::External,
        _ => {}
    }
    let draw = random.below(1_000);
    match method {
        Method::MobileAppNotification => match draw {
            0..18 => End::NoResponse,
            18..23 => End::Declined,
            23..26 => End::NotSent,
            _ => End::Approved,
        },
        Method::TextMessage => match draw {
            0..16 => End::WrongCode,
            16..26 => End::NoResponse,
            26..32 => End::NotSent,
            _ => End::Approved,
        },
        Method::VoiceCall => match draw {
            0..14 => End::NoResponse,
            14..24 => End::Unreachable,
            _ => End::Approved,
        },
        _ => match draw {
            0..22 => End::WrongCode,
            _ => End::Approved,
        },
    }
}

/// What the help desk does in a week, some of it each day.
pub(super) fn upkeep(people: &People, day: i64, at_us: i64, random: &mut Random, tell: &mut dyn FnMut(Act)) {
    let changes = [
        Change::MethodAdded,
        Change::Reset,
        Change::BypassGranted { seconds: 3_600, reason: "forgot the phone at home" },
        Change::Blocked,
        Change::Unblocked,
        Change::AppPasswordAdded,
        Change::MethodRemoved,
    ];
    let change = changes[day.rem_euclid(changes.len() as i64) as usize];
    for _ in 0..2 {
        let who = random.below(people.len() as u32) as usize;
        let feed = match people.get(who).way {
            Way::Server => Feed::MfaServer,
            Way::Duo => Feed::Duo,
            _ => Feed::Entra,
        };
        let at_us = at_us + i64::from(random.below(7_200)) * SECOND_US;
        tell(Act { feed, at_us, late_us: lateness(feed, at_us), who, what: What::Change(change) });
    }
}
