//! What is hidden in the traffic, and what looks like it and is not.
//!
//! Each story has its own people, who do nothing else in the last day and a half, so that the truth is known.

use schemas::vocabulary::Method;

use super::act::{Act, Change, End, Event, What};
use super::gates::{DAY_US, HOUR_US, MAINTAINED, MINUTE_US, SERVERS, SILENT, VPN, maintenance, silence};
use super::habits::{lateness, pass};
use super::people::{People, Way};
use super::{Feed, Story};
use crate::traffic::random::{Random, mix};

const SECOND_US: i64 = 1_000_000;

/// How long before the end the people of the stories do nothing else.
const STAGE_US: i64 = 36 * HOUR_US;

/// An address where nobody of the world lives or works.
const ABROAD: &str = "198.19.254.254";

/// A range of numbers that is kept for fiction, abroad and dear.
const RANGE: &str = "+1876555";

/// The stories, and all that happens in them.
pub(super) struct Stories {
    pub(super) told: Vec<Story>,
    pub(super) acts: Vec<Act>,
    /// Who is on the stage, by their places among the people.
    cast: Vec<usize>,
    until_us: i64,
}

impl Stories {
    /// Whether somebody is in a story at this moment, and so does nothing else.
    pub(super) fn is_on_stage(&self, who: usize, at_us: i64) -> bool {
        at_us >= self.until_us - STAGE_US && self.cast.contains(&who)
    }
}

/// Writes the stories.
struct Director<'p> {
    people: &'p People,
    until_us: i64,
    random: Random,
    told: Vec<Story>,
    acts: Vec<Act>,
    cast: Vec<usize>,
}

/// Somebody's tries, one after the other.
struct Tries {
    who: usize,
    feed: Feed,
    method: Method,
    from_us: i64,
    every_us: i64,
    client_ip: &'static str,
}

/// Makes the stories of the time before `until_us`.
pub(super) fn stories(people: &People, until_us: i64) -> Stories {
    let mut director = Director {
        people,
        until_us,
        random: Random::new(77),
        told: Vec::new(),
        acts: Vec::new(),
        cast: Vec::new(),
    };
    director.fatigue();
    director.slow_fatigue();
    director.spray();
    director.wrong_codes();
    director.fraud();
    director.number_range();
    director.first_time();
    director.throttling();
    director.outages();
    director.lookalikes();
    let Director { mut told, acts, cast, .. } = director;
    told.sort_by_key(|story| story.span_us);
    Stories { told, acts, cast, until_us }
}

impl Director<'_> {
    /// Somebody who signs in this way and is in no story yet.
    fn engage(&mut self, way: Way, method: Method) -> usize {
        let free = |index: &usize| !self.cast.contains(index);
        let found = (0..self.people.len()).map(|nth| self.people.find(way, method, nth)).find(free);
        let who = found.unwrap_or_default();
        self.cast.push(who);
        who
    }

    fn before(&self, hours: i64, minutes: i64) -> i64 {
        self.until_us - hours * HOUR_US - minutes * MINUTE_US
    }

    fn event(&mut self, tries: &Tries, end: End) -> Event {
        Event {
            method: tries.method,
            end,
            server: self.people.get(tries.who).server_index(SERVERS.len() - 1),
            client_ip: tries.client_ip.to_owned(),
            application: if tries.feed == Feed::Entra { "Office 365 Exchange Online" } else { VPN },
            key: self.random.next(),
            id: self.random.next(),
            phone: None,
            declined_before: 0,
        }
    }

    /// Tries that end so, and when the last of them is over.
    fn play(&mut self, tries: &Tries, ends: &[End]) -> i64 {
        let mut at_us = tries.from_us;
        for end in ends {
            let event = self.event(tries, *end);
            let human = self.people.get(tries.who);
            let acts = &mut self.acts;
            pass(tries.who, human, tries.feed, at_us, &event, &mut self.random, &mut |act| acts.push(act));
            at_us += tries.every_us;
        }
        at_us - tries.every_us
    }

    fn say(&mut self, at_us: i64, feed: Feed, who: usize, what: What) {
        self.acts.push(Act { feed, at_us, late_us: lateness(feed, at_us), who, what });
    }

    /// What there is to find: a kind of hit of the report `suspicious`, about whom or what.
    fn suspicious(&mut self, kind: &'static str, subject: String, span_us: (i64, i64), what: String) {
        self.tell("suspicious", kind, subject, span_us, what);
    }

    fn tell(
        &mut self,
        report: &'static str,
        kind: &'static str,
        subject: String,
        span_us: (i64, i64),
        what: String,
    ) {
        self.told.push(Story { report, kind, subject, span_us, what });
    }

    fn email(&self, who: usize) -> String {
        self.people.get(who).email.clone()
    }

    fn fatigue(&mut self) {
        use End::{Approved, Declined, NoResponse};
        let ends = [NoResponse, Declined, NoResponse, NoResponse, Declined, NoResponse, Declined, NoResponse];
        let push = Method::MobileAppNotification;
        let stories = [
            (Way::CloudAndVpn, Feed::Gatebook, self.before(3, 0), "and approves the last"),
            (Way::Cloud, Feed::Entra, self.before(11, 10), "approves the last, and then has a new method"),
            (Way::Duo, Feed::Duo, self.before(18, 20), "and approves none"),
        ];
        for (nth, (way, feed, from_us, end)) in stories.into_iter().enumerate() {
            let who = self.engage(way, push);
            let tries =
                Tries { who, feed, method: push, from_us, every_us: 50 * SECOND_US, client_ip: ABROAD };
            let count = ends.len() + usize::from(nth < 2);
            let mut until_us = self.play(&tries, &ends);
            if nth < 2 {
                let last = Tries { from_us: until_us + 50 * SECOND_US, ..tries };
                until_us = self.play(&last, &[Approved]);
            }
            if nth == 1 {
                let at_us = until_us + 6 * MINUTE_US;
                self.say(at_us, Feed::Entra, who, What::Change(Change::MethodAdded));
            }
            let email = self.email(who);
            let what = format!("{email} gets {count} notifications in a row, {end}");
            self.suspicious("fatigue", email, (from_us, until_us), what);
        }
    }

    /// One that is slower than what the thresholds take for one.
    fn slow_fatigue(&mut self) {
        let who = self.engage(Way::Cloud, Method::MobileAppNotification);
        let from_us = self.before(22, 0);
        let tries = Tries {
            who,
            feed: Feed::Entra,
            method: Method::MobileAppNotification,
            from_us,
            every_us: 15 * MINUTE_US,
            client_ip: ABROAD,
        };
        let until_us = self.play(&tries, &[End::Declined; 8]);
        let email = self.email(who);
        let what = format!(
            "{email} gets a notification every quarter of an hour for two hours, and declines them all"
        );
        self.suspicious("fatigue", email, (from_us, until_us), what);
    }

    fn spray(&mut self) {
        let from_us = self.before(6, 40);
        let people: Vec<usize> = self
            .people
            .iter()
            .filter(|(index, human)| human.way == Way::Cloud && !self.cast.contains(index))
            .map(|(index, _)| index)
            .take(20)
            .collect();
        let address = "198.19.7.7";
        for (nth, who) in people.iter().enumerate() {
            let from_us = from_us + nth as i64 * 30 * SECOND_US;
            let tries = Tries {
                who: *who,
                feed: Feed::Entra,
                method: Method::TextMessage,
                from_us,
                every_us: 7 * MINUTE_US,
                client_ip: address,
            };
            self.play(&tries, &[End::WrongPassword, End::WrongPassword]);
        }
        let until_us = from_us + 17 * MINUTE_US;
        let what = format!("{address} tries the passwords of {} people", people.len());
        self.suspicious("many-persons", address.to_owned(), (from_us, until_us), what);
    }

    fn wrong_codes(&mut self) {
        for (way, from_us, count, then) in [
            (Way::CloudAndVpn, self.before(9, 0), 40, None),
            (Way::CloudAndVpn, self.before(15, 30), 12, Some(End::Approved)),
        ] {
            let who = self.engage(way, Method::MobileAppNotification);
            let tries = Tries {
                who,
                feed: Feed::Gatebook,
                method: Method::MobileAppCode,
                from_us,
                every_us: 15 * SECOND_US,
                client_ip: ABROAD,
            };
            let mut ends = vec![End::WrongCode; count];
            ends.extend(then);
            let until_us = self.play(&tries, &ends);
            let email = self.email(who);
            let end = if then.is_some() { ", and then a right one" } else { "" };
            let what = format!("somebody guesses codes: {count} wrong ones for {email}{end}");
            self.suspicious("wrong-codes", email, (from_us, until_us), what);
        }
    }

    fn fraud(&mut self) {
        let who = self.engage(Way::Duo, Method::MobileAppNotification);
        let from_us = self.before(5, 5);
        let tries = Tries {
            who,
            feed: Feed::Duo,
            method: Method::MobileAppNotification,
            from_us,
            every_us: MINUTE_US,
            client_ip: ABROAD,
        };
        let until_us = self.play(&tries, &[End::Fraud]) + 30 * SECOND_US;
        let email = self.email(who);
        let what = format!("{email} reports a notification as fraud");
        self.suspicious("fraud", email, (from_us, until_us), what);
        let who = self.engage(Way::Server, Method::TextMessage);
        let from_us = self.before(20, 0);
        let tries = Tries {
            who,
            feed: Feed::MfaServer,
            method: Method::VoiceCall,
            from_us,
            every_us: MINUTE_US,
            client_ip: ABROAD,
        };
        self.play(&tries, &[End::Fraud]);
        self.say(from_us + 20 * SECOND_US, Feed::MfaServer, who, What::Change(Change::FraudReported));
        let email = self.email(who);
        let what = format!("{email} types the code for fraud during a call, and is blocked");
        self.suspicious("fraud", email, (from_us, from_us + 20 * SECOND_US), what);
    }

    fn number_range(&mut self) {
        let (from_us, every_us, count) = (self.before(1, 30), 4 * SECOND_US, 150_i64);
        let people: Vec<usize> = self
            .people
            .iter()
            .filter(|(_, human)| human.way == Way::CloudAndVpn)
            .map(|(index, _)| index)
            .collect();
        for nth in 0..count {
            let who = people[nth as usize % people.len()];
            let line = mix(nth.cast_unsigned()) % 10_000;
            let tries = Tries {
                who,
                feed: Feed::Gatebook,
                method: Method::TextMessage,
                from_us: 0,
                every_us,
                client_ip: ABROAD,
            };
            let event = Event { phone: Some(format!("{RANGE}{line:04}")), ..self.event(&tries, End::Sent) };
            self.say(from_us + nth * every_us, Feed::Gatebook, who, What::Event(event));
        }
        let span_us = (from_us, from_us + (count - 1) * every_us);
        let what =
            format!("{count} text messages go to numbers of one range, {RANGE}…, and no code comes back");
        self.suspicious("number-range", RANGE.to_owned(), span_us, what);
    }

    fn first_time(&mut self) {
        let push = Method::MobileAppNotification;
        for (way, method, client_ip, from_us, what) in [
            (
                Way::CloudAndVpn,
                Method::VoiceCall,
                "198.19.33.12",
                self.before(7, 15),
                "signs in from an address and by a method that were never theirs",
            ),
            (
                Way::CloudAndVpn,
                push,
                "198.19.80.3",
                self.before(13, 5),
                "travels: the first sign-in from an address, by the usual method",
            ),
        ] {
            let who = self.engage(way, push);
            let tries = Tries { who, feed: Feed::Gatebook, method, from_us, every_us: MINUTE_US, client_ip };
            self.play(&tries, &[End::Approved]);
            let email = self.email(who);
            let what = format!("{email} {what}");
            self.suspicious("first-time", email, (from_us, from_us), what);
        }
    }

    fn throttling(&mut self) {
        let text = Method::TextMessage;
        let tries = |who, from_us, every_us| Tries {
            who,
            feed: Feed::Gatebook,
            method: text,
            from_us,
            every_us,
            client_ip: "203.0.113.10",
        };
        // Again and again within five minutes, until the service has enough.
        let who = self.engage(Way::CloudAndVpn, text);
        let from_us = self.before(4, 12);
        let retries =
            [End::NotSent, End::NotSent, End::NotSent, End::NotSent, End::Throttled, End::Throttled];
        let until_us = self.play(&tries(who, from_us, 40 * SECOND_US), &retries);
        let email = self.email(who);
        let what = format!("{email} tries {} times within five minutes, and is throttled", retries.len());
        self.tell("throttling", "throttled", email, (from_us, until_us), what);
        // A code that is typed when its life is over.
        let who = self.engage(Way::CloudAndVpn, text);
        let from_us = self.before(8, 40);
        let sent = self.event(&tries(who, from_us, 0), End::Sent);
        let late = Event { end: End::WrongCode, id: sent.id ^ 9, ..sent.clone() };
        let late_us = from_us + 400 * SECOND_US;
        self.say(from_us, Feed::Gatebook, who, What::Event(sent));
        self.say(late_us, Feed::Gatebook, who, What::Event(late));
        let email = self.email(who);
        let what = format!("{email} types a code 400 seconds after it was sent");
        self.tell("throttling", "expired-code", email, (from_us, late_us), what);
        // A code that is typed at another server than the one that sent it.
        let who = self.engage(Way::CloudAndVpn, text);
        let from_us = self.before(10, 25);
        let sent = self.event(&tries(who, from_us, 0), End::Sent);
        let elsewhere = Event {
            end: End::WrongCode,
            id: sent.id ^ 9,
            server: (sent.server + 1) % (SERVERS.len() - 1),
            ..sent.clone()
        };
        self.say(from_us, Feed::Gatebook, who, What::Event(sent));
        self.say(from_us + 25 * SECOND_US, Feed::Gatebook, who, What::Event(elsewhere));
        let email = self.email(who);
        let what = format!("{email} types a code at another server than the one that sent it");
        self.tell("throttling", "other-server", email, (from_us, from_us + 25 * SECOND_US), what);
    }

    fn outages(&mut self) {
        let (from_us, until_us) = silence(self.until_us);
        let name = SERVERS[SILENT].0;
        let what = format!("the server {name} says nothing for six hours, and comes back");
        self.tell("server-status", "silent", name.to_owned(), (from_us, until_us), what);
    }

    /// What looks like a story and is none.
    fn lookalikes(&mut self) {
        // A token whose clock drifts: each morning a wrong code or two, and then a right one.
        let who = self.engage(Way::CloudAndVpn, Method::OathToken);
        for day in 0..20 {
            let from_us = self.until_us - day * DAY_US - 5 * HOUR_US;
            let tries = Tries {
                who,
                feed: Feed::Gatebook,
                method: Method::OathToken,
                from_us,
                every_us: 40 * SECOND_US,
                client_ip: "203.0.113.10",
            };
            self.play(&tries, &[End::WrongCode, End::WrongCode, End::WrongCode, End::Approved]);
        }
        // A phone whose battery is empty: its owner tries again and again, and then types a code of the other one.
        let who = self.engage(Way::CloudAndVpn, Method::MobileAppNotification);
        let tries = Tries {
            who,
            feed: Feed::Gatebook,
            method: Method::MobileAppNotification,
            from_us: self.before(12, 30),
            every_us: 45 * SECOND_US,
            client_ip: "203.0.113.10",
        };
        let until_us = self.play(&tries, &[End::NoResponse; 6]);
        let other = self.people.get(who).methods[1];
        self.play(&Tries { method: other, from_us: until_us + MINUTE_US, ..tries }, &[End::Approved]);
        // The monthly maintenance: whoever tries then is told that the service does not answer.
        let servers: Vec<usize> = self
            .people
            .iter()
            .filter(|(_, human)| human.way == Way::CloudAndVpn)
            .map(|(index, _)| index)
            .collect();
        for (from_us, until_us) in maintenance(self.until_us) {
            for (nth, who) in servers.iter().enumerate().take(24) {
                let at_us = from_us + nth as i64 * (until_us - from_us) / 24;
                let tries = Tries {
                    who: *who,
                    feed: Feed::Gatebook,
                    method: Method::MobileAppNotification,
                    from_us: at_us,
                    every_us: MINUTE_US,
                    client_ip: "203.0.113.10",
                };
                let event = Event { server: MAINTAINED, ..self.event(&tries, End::ServiceTimeout) };
                self.say(at_us, Feed::Gatebook, *who, What::Event(event));
            }
        }
        // Monday's rush: many texts to one area of one city, and every code comes back.
        let texters: Vec<usize> = self
            .people
            .iter()
            .filter(|(index, human)| {
                human.number.starts_with("212")
                    && human.way == Way::CloudAndVpn
                    && human.methods.contains(&Method::TextMessage)
                    && !self.cast.contains(index)
            })
            .map(|(index, _)| index)
            .collect();
        for nth in 0..40_i64 {
            let Some(who) = texters.get(nth as usize % texters.len().max(1)) else { break };
            let tries = Tries {
                who: *who,
                feed: Feed::Gatebook,
                method: Method::TextMessage,
                from_us: self.before(16, 0) + nth * 20 * SECOND_US,
                every_us: MINUTE_US,
                client_ip: "203.0.113.10",
            };
            self.play(&tries, &[End::Approved]);
        }
    }
}
