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

/// When the events of a story occur, counted from the end of the traffic.
struct Schedule {
    before_us: i64,
    count: i64,
    every_us: i64,
}

const WRONG_CODES: Schedule = Schedule { before_us: 9 * 60 * MINUTE_US, count: 40, every_us: 15 * SECOND_US };
const PUSHES: Schedule = Schedule { before_us: 3 * 60 * MINUTE_US, count: 14, every_us: 40 * SECOND_US };
const TEXTS: Schedule = Schedule { before_us: 90 * MINUTE_US, count: 150, every_us: 4 * SECOND_US };

impl Schedule {
    fn moments(&self, to_us: i64) -> impl Iterator<Item = i64> + use<> {
        let (start_us, every_us) = (to_us - self.before_us, self.every_us);
        (0..self.count).map(move |index| start_us + index * every_us)
    }

    fn span(&self, to_us: i64) -> (i64, i64) {
        (to_us - self.before_us, to_us - self.before_us + self.count * self.every_us)
    }
}

const OUTAGE_BEFORE_US: i64 = 6 * 60 * MINUTE_US;
const OUTAGE_US: i64 = 20 * MINUTE_US;
const OUTAGE_SERVER: usize = 2;
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
        let scenes =
            |schedule: &Schedule, scene: Scene| schedule.moments(to_us).map(move |at_us| (at_us, scene));
        let mut all: Vec<_> = scenes(&WRONG_CODES, Scene::WrongCode)
            .chain(scenes(&PUSHES, Scene::Push { is_last: false }))
            .chain(scenes(&TEXTS, Scene::Text))
            .collect();
        let last_push = all.iter_mut().rfind(|(_, scene)| matches!(scene, Scene::Push { .. }));
        last_push.expect("there are pushes").1 = Scene::Push { is_last: true };
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
            Scene::Push { is_last } => {
                let outcome = match is_last {
                    true => &outcomes(Method::MobileAppNotification)[0],
                    false if random.chance(40) => {
                        denied(Method::MobileAppNotification, DenialReason::UserDeclined)
                    }
                    false => denied(Method::MobileAppNotification, DenialReason::NoResponse),
                };
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
                span_us: WRONG_CODES.span(to_us),
                moments_us: WRONG_CODES.moments(to_us).collect(),
                what: format!("somebody guesses codes: {} wrong ones for {guessed}", WRONG_CODES.count),
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
                span_us: PUSHES.span(to_us),
                moments_us: PUSHES.moments(to_us).collect(),
                what: format!("{worn} gets {} notifications in a row, and approves the last", PUSHES.count),
                sql: of_user(&worn),
            },
            Story {
                span_us: TEXTS.span(to_us),
                moments_us: TEXTS.moments(to_us).collect(),
                what: format!("{} text messages go to numbers of one range, {TEXTS_PREFIX}…, and no code comes back", TEXTS.count),
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
