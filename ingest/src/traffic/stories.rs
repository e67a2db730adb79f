//! Stories in the traffic of a day: what an operator would want to notice.

use std::collections::VecDeque;

use schemas::vocabulary::{AuthResult, DenialReason, Method, Mode};

use super::attempt::Attempt;
use super::gates::{Client, SERVERS};
use super::outcomes::{Outcome, outcomes};
use super::people::{People, Person};
use super::random::Random;

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;

/// Before the end of the traffic; the length of each story is its own.
const WRONG_CODES_BEFORE_US: i64 = 9 * 60 * MINUTE_US;
const OUTAGE_BEFORE_US: i64 = 6 * 60 * MINUTE_US;
const FATIGUE_BEFORE_US: i64 = 3 * 60 * MINUTE_US;
const TEXTS_BEFORE_US: i64 = 90 * MINUTE_US;

const WRONG_CODES: i64 = 40;
const WRONG_CODE_EVERY_US: i64 = 15 * SECOND_US;
const OUTAGE_US: i64 = 20 * MINUTE_US;
const OUTAGE_SERVER: usize = 2;
const PUSHES: i64 = 14;
const PUSH_EVERY_US: i64 = 40 * SECOND_US;
const TEXTS: i64 = 150;
const TEXT_EVERY_US: i64 = 4 * SECOND_US;
/// A range of numbers that is kept for fiction, abroad and dear.
const TEXTS_PREFIX: &str = "+1876555";

/// What happens in a story.
#[derive(Debug, Clone, Copy)]
enum Scene {
    WrongCode,
    Push { is_last: bool },
    Text,
}

/// The stories of a span of time.
#[derive(Debug, Clone)]
pub(super) struct Stories {
    /// In the order of their moments.
    scenes: VecDeque<(i64, Scene)>,
    outage: (i64, i64),
    /// Who is guessed at, and who is worn out.
    guessed: Person,
    worn: Person,
}

/// A story as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// When it began and ended, in microseconds since 1970 UTC.
    pub span_us: (i64, i64),
    /// When its own events occur, beside those of everybody else.
    pub moments_us: Vec<i64>,
    /// What happened.
    pub what: String,
    /// A question in SQL that shows it.
    pub sql: String,
}

impl Stories {
    pub(super) fn new(people: &People, to_us: i64) -> Self {
        let scenes = |before_us: i64, count: i64, every_us: i64, scene: fn(i64) -> Scene| {
            (0..count).map(move |index| (to_us - before_us + index * every_us, scene(index)))
        };
        let mut all: Vec<_> =
            scenes(WRONG_CODES_BEFORE_US, WRONG_CODES, WRONG_CODE_EVERY_US, |_| Scene::WrongCode)
                .chain(scenes(FATIGUE_BEFORE_US, PUSHES, PUSH_EVERY_US, |index| Scene::Push {
                    is_last: index == PUSHES - 1,
                }))
                .chain(scenes(TEXTS_BEFORE_US, TEXTS, TEXT_EVERY_US, |_| Scene::Text))
                .collect();
        all.sort_by_key(|(at_us, _)| *at_us);
        let start = to_us - OUTAGE_BEFORE_US;
        Self {
            scenes: all.into(),
            outage: (start, start + OUTAGE_US),
            guessed: people.draw(&mut Random::new(11)),
            worn: people.draw(&mut Random::new(23)),
        }
    }

    /// The next scene, if one is due.
    pub(super) fn next(&mut self, at_us: i64, people: &People, random: &mut Random) -> Option<Attempt> {
        let (_, scene) = self.scenes.pop_front_if(|(due_us, _)| *due_us <= at_us)?;
        let abroad = Client::abroad();
        Some(match scene {
            Scene::WrongCode => {
                let outcome = denied(Method::MobileAppCode, DenialReason::WrongCode);
                Attempt::scripted(self.guessed, Method::MobileAppCode, outcome, abroad, random)
            }
            Scene::Push { is_last: true } => {
                let outcome = &outcomes(Method::MobileAppNotification)[0];
                Attempt::scripted(self.worn, Method::MobileAppNotification, outcome, abroad, random)
            }
            Scene::Push { is_last: false } => {
                let reason =
                    if random.chance(40) { DenialReason::UserDeclined } else { DenialReason::NoResponse };
                let outcome = denied(Method::MobileAppNotification, reason);
                Attempt::scripted(self.worn, Method::MobileAppNotification, outcome, abroad, random)
            }
            Scene::Text => {
                let sent = outcomes(Method::TextMessage).iter().find(|one| one.result == AuthResult::Pending);
                let sent = sent.expect("text messages can be pending");
                let person = people.draw(random);
                let attempt = Attempt::scripted(person, Method::TextMessage, sent, abroad, random);
                attempt.with_mode(Mode::OneWay).with_numbers(TEXTS_PREFIX)
            }
        })
    }

    /// Spoils an attempt at a server that is out.
    pub(super) fn spoil(&self, at_us: i64, attempt: Attempt) -> Attempt {
        let (start_us, end_us) = self.outage;
        if (start_us..end_us).contains(&at_us) && attempt.is_at(&SERVERS[OUTAGE_SERVER]) {
            attempt.ending(denied(Method::MobileAppNotification, DenialReason::ServiceTimeout))
        } else {
            attempt
        }
    }

    /// The stories, in the order in which they happened.
    pub(super) fn told(&self, to_us: i64) -> Vec<Story> {
        let id = |person: &Person| {
            let mut id = Vec::new();
            person.write_user_id(&mut id);
            String::from_utf8_lossy(&id).replace("\\\\", "\\")
        };
        let moments = |before_us: i64, count: i64, every_us: i64| {
            (0..count).map(|index| to_us - before_us + index * every_us).collect::<Vec<_>>()
        };
        let span = |before_us: i64, length_us: i64| (to_us - before_us, to_us - before_us + length_us);
        let server = SERVERS[OUTAGE_SERVER].name;
        let of_user = |user: &str| {
            format!(
                "SELECT occurred_at, method, result, denial_reason, client_ip FROM events WHERE user_id = '{user}' \
                 ORDER BY occurred_at DESC LIMIT 20"
            )
        };
        let (guessed, worn) = (id(&self.guessed), id(&self.worn));
        vec![
            Story {
                span_us: span(WRONG_CODES_BEFORE_US, WRONG_CODES * WRONG_CODE_EVERY_US),
                moments_us: moments(WRONG_CODES_BEFORE_US, WRONG_CODES, WRONG_CODE_EVERY_US),
                what: format!("somebody guesses codes: {WRONG_CODES} wrong ones for {guessed}"),
                sql: of_user(&guessed),
            },
            Story {
                span_us: self.outage,
                moments_us: Vec::new(),
                what: format!("the server {server} is out: every sign-in there times out"),
                sql: format!(
                    "SELECT date_trunc('minute', occurred_at) AS minute, count(*) AS timeouts FROM events WHERE \
                     server_name = '{server}' AND denial_reason = 'service-timeout' GROUP BY 1 ORDER BY 1"
                ),
            },
            Story {
                span_us: span(FATIGUE_BEFORE_US, PUSHES * PUSH_EVERY_US),
                moments_us: moments(FATIGUE_BEFORE_US, PUSHES, PUSH_EVERY_US),
                what: format!("{worn} gets {PUSHES} notifications in a row, and approves the last"),
                sql: of_user(&worn),
            },
            Story {
                span_us: span(TEXTS_BEFORE_US, TEXTS * TEXT_EVERY_US),
                moments_us: moments(TEXTS_BEFORE_US, TEXTS, TEXT_EVERY_US),
                what: format!("{TEXTS} text messages go to numbers of one range, {TEXTS_PREFIX}…, and no code comes back"),
                sql: "SELECT substr(phone_number, 1, 8) AS range, count(*) AS texts FROM events WHERE result = 'pending' \
                      GROUP BY 1 ORDER BY texts DESC LIMIT 5"
                    .to_owned(),
            },
        ]
    }
}

fn denied(method: Method, reason: DenialReason) -> &'static Outcome {
    outcomes(method).iter().find(|outcome| outcome.reason == Some(reason)).expect("the method can end so")
}
