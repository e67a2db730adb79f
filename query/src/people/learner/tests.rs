//! Whose ids are, through one `check`.

use lake::{Cut, DirectoryContent, Import};
use proptest::prelude::*;
use schemas::{ListedId, Listing};

use super::*;

/// What directories say, `person [source:]id … [from..to]`, and what operators cut, `cut source id [person]`.
type Said<'a> = &'a [&'a str];

const NOTHING: Said<'static> = &[];

fn content(said: &[String]) -> DirectoryContent {
    let mut content = DirectoryContent::default();
    for line in said {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words[0] == "cut" {
            content.cuts.push(Cut {
                number: 1,
                tenant_id: "acme".into(),
                source: words[1].into(),
                user_key: words[2].into(),
                from_person: words.get(3).map(|person| (*person).to_owned()),
                actor: String::new(),
                cut_at_us: 0,
                why: String::new(),
                undone: None,
            });
            continue;
        }
        let period = words.pop_if(|word| word.contains(".."));
        let (from, to) = period.and_then(|period| period.split_once("..")).unwrap_or_default();
        let id = |word: &&str| match word.split_once(':') {
            Some((source, id)) => ListedId { source: Some(source.into()), user_key: id.into() },
            None => ListedId { source: None, user_key: (*word).into() },
        };
        let listing = Listing {
            person: words[0].into(),
            ids: words[1..].iter().map(id).collect(),
            enabled: Enabled { from_us: from.parse().ok(), to_us: to.parse().ok() },
        };
        content.imports.push(Import {
            tenant_id: "acme".into(),
            directory: "hr".into(),
            actor: String::new(),
            imported_at_us: 0,
            listings: vec![listing],
        });
    }
    content
}

/// Takes in `source user_key [email] [@moment]`.
fn learn(said: &[String], seen: &[String]) -> Vec<Identity> {
    let mut learner = Learner::new(Arc::new(Claims::of(&content(said))));
    for line in seen {
        let mut parts: Vec<&str> = line.split(' ').collect();
        let moment = parts.pop_if(|part| part.starts_with('@')).and_then(|part| part[1..].parse().ok());
        let id = SourceId { tenant_id: "acme".into(), source: parts[0].into(), user_key: parts[1].into() };
        let at_us = moment.unwrap_or(1);
        learner.take(id, parts[1], parts.get(2).copied(), Some((at_us, at_us)), 1);
    }
    learner.finish()
}

/// `source user_key → person (rule) [from..to]`
fn told(identity: &Identity) -> String {
    let Identity { id, person, rule, valid, .. } = identity;
    let text = |us: Option<i64>| us.map_or(String::new(), |us| us.to_string());
    let valid = match valid {
        Enabled { from_us: None, to_us: None } => String::new(),
        Enabled { from_us, to_us } => format!(" {}..{}", text(*from_us), text(*to_us)),
    };
    format!("{} {} → {person} ({}){valid}", id.source, id.user_key, rule.as_str())
}

#[track_caller]
fn check(said: Said<'_>, seen: &[&str], expected: &[&str]) {
    let own = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<String>>();
    let (mut said, mut seen) = (own(said), own(seen));
    let found = |said: &[String], seen: &[String]| learn(said, seen).iter().map(told).collect::<Vec<_>>();
    assert_eq!(found(&said, &seen), expected);
    seen.reverse();
    said.reverse();
    assert_eq!(found(&said, &seen), expected, "in any order");
}

#[test]
fn one_address_is_one_person_in_every_source() {
    check(
        NOTHING,
        &["entra ada@acme.example", "duo ada@acme.example", "okta bob@acme.example"],
        &[
            "duo ada@acme.example → ada@acme.example (address)",
            "entra ada@acme.example → ada@acme.example (address)",
            "okta bob@acme.example → bob@acme.example (address)",
        ],
    );
}

#[test]
fn an_email_links_an_id_to_an_address() {
    check(
        NOTHING,
        &["mfa-server ada", "mfa-server ada Ada@Acme.example", "entra ada@acme.example", "duo ada"],
        &[
            "duo ada → ada (duo) (unmatched)",
            "entra ada@acme.example → ada@acme.example (address)",
            "mfa-server ada → ada@acme.example (email)",
        ],
    );
}

#[test]
fn links_go_on_over_several_ids() {
    check(
        NOTHING,
        &[
            "a x one@a.example",
            "b x one@a.example",
            "b y two@a.example",
            "b x two@a.example",
            "c zed@a.example one@a.example",
        ],
        &[
            "a x → zed@a.example (email)",
            "b x → zed@a.example (email)",
            "b y → zed@a.example (email)",
            "c zed@a.example → zed@a.example (address)",
        ],
    );
}

#[test]
fn what_is_no_address_links_nobody() {
    check(
        NOTHING,
        &["a x none", "b y none", "a z a@b", "b w a@b"],
        &[
            "a x → x (a) (unmatched)",
            "a z → z (a) (unmatched)",
            "b w → w (b) (unmatched)",
            "b y → y (b) (unmatched)",
        ],
    );
}

#[test]
fn a_directory_links_what_has_nothing_in_common_and_names_the_person() {
    check(
        &["E1 ada ada@acme.example"],
        &["duo ada", "entra ada@acme.example", "okta ada9 ada@acme.example", "mfa-server bob"],
        &[
            "duo ada → E1 (directory)",
            "entra ada@acme.example → E1 (directory)",
            "mfa-server bob → bob (mfa-server) (unmatched)",
            "okta ada9 → E1 (email)",
        ],
    );
}

#[test]
fn what_is_listed_for_a_source_holds_there_alone_and_before_what_holds_everywhere() {
    check(
        &["E1 duo:ada", "E2 ada"],
        &["duo ada", "okta ada"],
        &["duo ada → E1 (directory)", "okta ada → E2 (directory)"],
    );
    check(&["E1 duo:ada"], &["okta ada"], &["okta ada → ada (okta) (unmatched)"]);
}

#[test]
fn persons_of_a_directory_stay_two_whatever_they_share() {
    check(
        &["E1 duo:ada", "E2 duo:bob"],
        &[
            "duo ada team@acme.example",
            "duo bob team@acme.example",
            "entra team@acme.example",
            "okta carl team@acme.example",
        ],
        &[
            "duo ada → E1 (directory)",
            "duo bob → E2 (directory)",
            "entra team@acme.example → team@acme.example (address)",
            "okta carl → team@acme.example (email)",
        ],
    );
    // What one alone has is theirs, with all that hangs on it.
    check(
        &["E1 duo:ada"],
        &["duo ada team@acme.example", "entra team@acme.example", "okta carl team@acme.example"],
        &["duo ada → E1 (directory)", "entra team@acme.example → E1 (address)", "okta carl → E1 (email)"],
    );
}

#[test]
fn an_id_that_several_claim_is_told_and_not_guessed() {
    check(
        &["E1 ada", "E2 ada", "E3 x@a.example", "E4 y@a.example"],
        &["duo ada", "okta z x@a.example", "okta z y@a.example"],
        &["duo ada → ada (duo) (conflict)", "okta z → z (okta) (conflict)"],
    );
}

#[test]
fn an_id_that_is_used_again_is_one_persons_after_the_other() {
    check(
        &["E1 ada 10..20", "E2 ada 30..40"],
        &["duo ada @15", "duo ada @25", "duo ada @35"],
        &["duo ada → E1 (directory) ..30", "duo ada → E2 (directory) 30.."],
    );
    let said = ["E1 ada 10..20", "E2 ada 30..40"].map(str::to_owned);
    let seen = ["duo ada @15", "duo ada @29", "duo ada @30"].map(str::to_owned);
    let found = learn(&said, &seen);
    let seen: Vec<_> =
        found.iter().map(|it| (it.seen.events, it.seen.first_at_us, it.seen.last_at_us)).collect();
    assert_eq!(seen, [(2, Some(15), Some(29)), (1, Some(30), Some(30))]);
}

#[test]
fn a_cut_id_stands_for_itself_and_links_nobody() {
    let seen = ["duo ada ada@acme.example", "entra ada@acme.example", "okta x@a.example ada@acme.example"];
    check(
        &["cut duo ada"],
        &seen,
        &[
            "duo ada → ada (duo) (cut)",
            "entra ada@acme.example → ada@acme.example (address)",
            "okta x@a.example → ada@acme.example (address)",
        ],
    );
    check(
        &["cut entra ada@acme.example", "E1 ada@acme.example"],
        &["duo ada ada@acme.example", "entra ada@acme.example"],
        &["duo ada → E1 (email)", "entra ada@acme.example → ada@acme.example (entra) (cut)"],
    );
    check(&["cut duo ada", "E1 ada"], &["duo ada"], &["duo ada → ada (duo) (cut)"]);
}

#[test]
fn an_id_that_is_cut_from_a_person_can_be_another_ones() {
    check(
        &["cut duo ada ada@acme.example"],
        &[
            "duo ada ada@acme.example",
            "duo ada ada.b@acme.example",
            "entra ada@acme.example",
            "entra ada.b@acme.example",
        ],
        &[
            "duo ada → ada.b@acme.example (email)",
            "entra ada.b@acme.example → ada.b@acme.example (address)",
            "entra ada@acme.example → ada@acme.example (address)",
        ],
    );
    check(
        &["cut duo ada E1", "E1 ada@acme.example"],
        &["duo ada ada@acme.example", "entra ada@acme.example"],
        &["duo ada → ada (duo) (cut)", "entra ada@acme.example → E1 (directory)"],
    );
    check(&["cut duo ada E1", "E1 ada", "E2 ada"], &["duo ada"], &["duo ada → E2 (directory)"]);
    // One that is none of theirs changes nothing.
    check(&["cut duo ada E9", "E1 ada"], &["duo ada"], &["duo ada → E1 (directory)"]);
}

#[test]
fn an_address_that_the_map_made_says_so() {
    let mut learner = Learner::new(Arc::default());
    for (source, user_id) in
        [("mfa-server", "CORP\\ada"), ("entra", "Ada@corp.example"), ("entra", "CORP\\ada")]
    {
        let id =
            SourceId { tenant_id: "acme".into(), source: source.into(), user_key: "ada@corp.example".into() };
        learner.take(id, user_id, None, Some((1, 1)), 1);
    }
    assert_eq!(
        learner.finish().iter().map(told).collect::<Vec<_>>(),
        [
            "entra ada@corp.example → ada@corp.example (address)",
            "mfa-server ada@corp.example → ada@corp.example (domain-map)",
        ]
    );
}

fn lines(line: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(line, 0..12)
}

fn seen_line() -> impl Strategy<Value = String> {
    let id = "[ab]|[abc]@x\\.example";
    ("duo|okta", id, "( [abcd]@x\\.example)?", "( @[0-9])?")
        .prop_map(|(source, id, email, at)| format!("{source} {id}{email}{at}"))
}

fn said_line() -> impl Strategy<Value = String> {
    let listing = "E[123]( (duo:)?[ab]){0,2}( [abc]@x\\.example)?( [0-4]?\\.\\.[5-9]?)?";
    let cut = "cut (duo|okta) ([ab]|[ab]@x\\.example)( E1| E2| a@x\\.example| b@x\\.example)?";
    prop_oneof![3 => listing, 1 => cut]
}

proptest! {
    #[test]
    fn any_order_gives_the_same_and_every_moment_one_row(
        (said, seen, said_again, seen_again) in (lines(said_line()), lines(seen_line()))
            .prop_flat_map(|(said, seen)| (Just(said.clone()), Just(seen.clone()), Just(said).prop_shuffle(), Just(seen).prop_shuffle()))
    ) {
        let found = learn(&said, &seen);
        prop_assert_eq!(&found, &learn(&said_again, &seen_again));
        prop_assert_eq!(found.iter().map(|it| it.seen.events).sum::<i64>(), seen.len() as i64);
        for identity in &found {
            let same = found.iter().filter(|it| it.id == identity.id);
            let holds = |at_us: i64| {
                let is_in = |it: &&Identity| {
                    it.valid.from_us.is_none_or(|from_us| from_us <= at_us) && it.valid.to_us.is_none_or(|to_us| at_us < to_us)
                };
                same.clone().filter(is_in).count()
            };
            prop_assert!((-1..11).all(|at_us| holds(at_us) == 1));
        }
    }
}
