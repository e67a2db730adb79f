//! From a person's attempts to their sign-ins. Pure.
//!
//! A sign-in has one attempt of each source at the most. Attempts of two sources are joined
//!
//! - by an exact key: both have an event with the same id, or the source's key of the attempt is the same (Microsoft 365
//!   logs the id of the request in Entra);
//! - else by time: they lie within [`WITHIN_US`] of each other, and their applications do not contradict. A source that
//!   checks a second factor for others (Duo, MFA Server) names its own application, which contradicts nothing.

use projections::stronger;
use schemas::vocabulary::Assurance;

/// How far attempts of different sources about one sign-in may lie apart: two minutes.
pub(super) const WITHIN_US: i64 = 120_000_000;

/// Attempts of other sources, the next ones in time, to which one is held.
const LINKS_MAX: usize = 64;

/// Sources that check second factors for others.
const PROVIDERS: &[&str] = &["duo", "mfa-server"];

/// An attempt, as far as sign-ins need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) source: String,
    pub(super) first_at_us: i64,
    pub(super) last_at_us: i64,
    pub(super) attempt_id: Option<String>,
    pub(super) event_ids: Vec<String>,
    pub(super) application: Option<String>,
    pub(super) client_ip: Option<String>,
    pub(super) result: String,
    pub(super) denial_reason: Option<String>,
    pub(super) assurance: Assurance,
    pub(super) methods: Vec<String>,
}

/// By what attempts were joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum JoinedBy {
    /// An exact key.
    Key,
    /// Person, application and time.
    Inferred,
}

impl JoinedBy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Inferred => "inferred",
        }
    }
}

/// A sign-in: its attempts in the order of time, and by what they were joined. None for a single one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignIn {
    pub(super) attempts: Vec<Attempt>,
    pub(super) joined_by: Option<JoinedBy>,
}

/// Joins the attempts of one person. They come in any order.
///
/// The nearest are joined first, and those with a key in common before all others.
pub(super) fn join(mut attempts: Vec<Attempt>) -> Vec<SignIn> {
    attempts.sort_by(|one, other| {
        let key = |it: &Attempt| (it.first_at_us, it.last_at_us, it.source.clone());
        key(one).cmp(&key(other)).then_with(|| one.event_ids.cmp(&other.event_ids))
    });
    let mut links = Vec::new();
    for (one, attempt) in attempts.iter().enumerate() {
        let later = attempts.iter().enumerate().skip(one + 1);
        let near = later.take_while(|(_, other)| other.first_at_us - attempt.last_at_us <= WITHIN_US);
        let others = near.filter(|(_, other)| other.source != attempt.source).take(LINKS_MAX);
        links.extend(others.map(|(other_one, other)| {
            let by = if has_key_of(attempt, other) { JoinedBy::Key } else { JoinedBy::Inferred };
            (by, distance_us(attempt, other), one, other_one)
        }));
    }
    links.sort_unstable();
    let mut groups: Vec<(Option<JoinedBy>, Vec<usize>)> =
        (0..attempts.len()).map(|one| (None, vec![one])).collect();
    // By attempt: its group.
    let mut group_of: Vec<usize> = (0..attempts.len()).collect();
    for (by, _, one, other) in links {
        let (one, other) = (group_of[one], group_of[other]);
        let fit =
            |one: &usize| groups[other].1.iter().all(|other| fits(&attempts[*one], &attempts[*other], by));
        if one == other || !groups[one].1.iter().all(fit) {
            continue;
        }
        let (their_by, theirs) = std::mem::take(&mut groups[other]);
        theirs.iter().for_each(|attempt| group_of[*attempt] = one);
        // One weak link makes the whole an inference.
        groups[one].0 = groups[one].0.max(their_by).max(Some(by));
        groups[one].1.extend(theirs);
    }
    let mut attempts: Vec<Option<Attempt>> = attempts.into_iter().map(Some).collect();
    let groups = groups.into_iter().filter(|(_, members)| !members.is_empty());
    let mut sign_ins: Vec<SignIn> = groups
        .map(|(joined_by, mut members)| {
            members.sort_unstable();
            SignIn {
                attempts: members.iter().filter_map(|member| attempts[*member].take()).collect(),
                joined_by,
            }
        })
        .collect();
    sign_ins.sort_by_key(|sign_in| (sign_in.first_at_us(), sign_in.last_at_us()));
    sign_ins
}

/// Whether nothing speaks against it that two attempts are of one sign-in: another source; and without a key in common
/// near in time, and no other application.
fn fits(one: &Attempt, other: &Attempt, by: JoinedBy) -> bool {
    let contradicts = match (&one.application, &other.application) {
        (Some(app), Some(other_app)) => {
            !app.eq_ignore_ascii_case(other_app) && !is_provider(one) && !is_provider(other)
        }
        _ => false,
    };
    let is_near = distance_us(one, other) <= WITHIN_US;
    one.source != other.source && (by == JoinedBy::Key || has_key_of(one, other) || (is_near && !contradicts))
}

fn distance_us(one: &Attempt, other: &Attempt) -> i64 {
    (other.first_at_us - one.last_at_us).max(one.first_at_us - other.last_at_us).max(0)
}

impl SignIn {
    pub(super) fn first_at_us(&self) -> i64 {
        self.attempts.iter().map(|attempt| attempt.first_at_us).min().unwrap_or_default()
    }

    pub(super) fn last_at_us(&self) -> i64 {
        self.attempts.iter().map(|attempt| attempt.last_at_us).max().unwrap_or_default()
    }

    /// The attempt that says how it ended: of a source that signs people in before one that checks factors for others, and
    /// of several the last.
    pub(super) fn deciding(&self) -> Option<&Attempt> {
        let own = self.attempts.iter().filter(|attempt| !is_provider(attempt));
        own.max_by_key(|attempt| attempt.last_at_us).or(self.attempts.last())
    }

    /// The strongest that any source proves: of those that let the person in, where the person came in.
    pub(super) fn assurance(&self) -> Assurance {
        let is_in = self.deciding().is_some_and(|attempt| attempt.result == "success");
        let proving = self.attempts.iter().filter(|attempt| !is_in || attempt.result == "success");
        proving.map(|attempt| attempt.assurance).fold(Assurance::Unknown, stronger)
    }
}

fn is_provider(attempt: &Attempt) -> bool {
    PROVIDERS.contains(&attempt.source.as_str())
}

fn has_key_of(one: &Attempt, other: &Attempt) -> bool {
    let same_attempt = one.attempt_id.is_some() && one.attempt_id == other.attempt_id;
    same_attempt || one.event_ids.iter().any(|id| other.event_ids.contains(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `source first last result assurance [app=…] [key=…] [event=…]`, times in seconds.
    fn attempt(text: &str) -> Attempt {
        let parts: Vec<&str> = text.split(' ').collect();
        let named = |name: &str| parts.iter().find_map(|part| part.strip_prefix(name)).map(str::to_owned);
        let seconds = |index: usize| parts[index].parse::<i64>().expect("seconds") * 1_000_000;
        Attempt {
            source: parts[0].to_owned(),
            first_at_us: seconds(1),
            last_at_us: seconds(2),
            attempt_id: named("key="),
            event_ids: vec![named("event=").unwrap_or_else(|| text.to_owned())],
            application: named("app="),
            client_ip: None,
            result: parts[3].to_owned(),
            denial_reason: None,
            assurance: Assurance::parse(parts[4]).expect("a word"),
            methods: Vec::new(),
        }
    }

    /// Expects `sources: joined by, result, assurance`.
    #[track_caller]
    fn check(attempts: &[&str], expected: &[&str]) {
        let told = |attempts: Vec<Attempt>| -> Vec<String> {
            let told = |sign_in: &SignIn| {
                let mut sources: Vec<&str> = sign_in.attempts.iter().map(|it| it.source.as_str()).collect();
                sources.sort_unstable();
                let by = sign_in.joined_by.map_or("alone", JoinedBy::as_str);
                let result = sign_in.deciding().map_or("", |it| it.result.as_str());
                format!("{}: {by}, {result}, {}", sources.join(" "), sign_in.assurance())
            };
            join(attempts).iter().map(told).collect()
        };
        let mut all: Vec<Attempt> = attempts.iter().map(|text| attempt(text)).collect();
        assert_eq!(told(all.clone()), expected);
        all.reverse();
        assert_eq!(told(all), expected, "in any order");
    }

    #[test]
    fn duo_proves_what_entra_with_its_old_control_calls_one_factor() {
        check(
            &["entra 0 20 success first-factor-only app=Office", "duo 5 15 success challenged app=Entra"],
            &["duo entra: inferred, success, challenged"],
        );
        // As an external method Entra says so itself.
        check(
            &["entra 0 20 success external app=Office", "duo 5 15 success challenged"],
            &["duo entra: inferred, success, challenged"],
        );
        // Duo let the person in, and a rule of Entra did not.
        check(
            &["entra 0 20 denied first-factor-only", "duo 5 15 success challenged"],
            &["duo entra: inferred, denied, challenged"],
        );
    }

    #[test]
    fn entra_and_microsoft_365_have_a_key_in_common() {
        check(
            &[
                "entra 0 0 success challenged event=r app=Teams",
                "o365 400 400 success unknown event=r app=Other",
            ],
            &["entra: alone, success, challenged", "o365: alone, success, unknown"],
        );
        check(
            &[
                "entra 0 0 success challenged event=r app=Teams",
                "o365 40 40 success unknown event=r app=Other",
            ],
            &["entra o365: key, success, challenged"],
        );
        check(
            &[
                "entra 0 0 success challenged event=a",
                "entra 30 30 success satisfied-earlier event=b",
                "o365 20 20 success unknown event=a",
            ],
            &["entra o365: key, success, challenged", "entra: alone, success, satisfied-earlier"],
        );
    }

    #[test]
    fn three_sources_are_one_sign_in_and_the_weakest_link_tells() {
        check(
            &[
                "entra 0 20 success first-factor-only event=r app=Office",
                "o365 21 21 success unknown event=r app=Office",
                "duo 5 15 success challenged",
            ],
            &["duo entra o365: inferred, success, challenged"],
        );
    }

    #[test]
    fn far_in_time_or_into_something_else_is_another_sign_in() {
        check(
            &["okta 0 0 success unknown", "duo 121 121 success challenged"],
            &["okta: alone, success, unknown", "duo: alone, success, challenged"],
        );
        check(
            &["okta 0 0 success unknown app=vpn", "keycloak 10 10 success unknown app=wiki"],
            &["okta: alone, success, unknown", "keycloak: alone, success, unknown"],
        );
        check(
            &["okta 0 0 success unknown app=VPN", "keycloak 10 10 success unknown app=vpn"],
            &["keycloak okta: inferred, success, unknown"],
        );
        // Two of one source are two sign-ins, and the third goes to the nearer one.
        check(
            &["okta 0 0 denied unknown", "okta 60 60 success unknown", "duo 58 59 success challenged"],
            &["okta: alone, denied, unknown", "duo okta: inferred, success, challenged"],
        );
    }
}
