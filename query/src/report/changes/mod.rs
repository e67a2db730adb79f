//! The report `changes`: what happened to accounts and methods, who did it to whom, and who was asked to register and why.

mod registration;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use chrono_tz::Tz;
use datafusion::error::DataFusionError;
use datafusion::prelude::{DataFrame, col, lit};
use futures::StreamExt as _;
use schemas::{Kind, is_somebody};

use self::registration::Prompts;
use super::changed::{Changed, Copies, TEXTS, local, place};
use super::counts::in_range;
use super::group::Group;
use super::made::Made;
use super::parameters::{RANGE, ReportParameters, TENANT, filter};
use super::people_parameters::{PERSON, SOURCE, tenants};
use super::person::Person;
use super::sentence::of_change;
use super::{About, Answering, Column, Report, answer};
use crate::error::QueryError;
use crate::parameter::{Parameter, Takes};
use crate::people::{Owners, canonical};
use crate::session::Session;

/// What a prompt to register is called among changes.
const PROMPTED: &str = "registration-prompted";

const KINDS: &[&str] = &[
    "enrolled",
    "method-added",
    "method-removed",
    "method-changed",
    "reset",
    "blocked",
    "unblocked",
    "bypass-granted",
    "bypass-ended",
    "app-password-added",
    "app-password-removed",
    "mfa-enabled",
    "mfa-disabled",
    "password-changed",
    "fraud-reported",
    "policy-changed",
    "account-created",
    "account-deleted",
    "other",
    PROMPTED,
];

const CHANGE: Parameter =
    Parameter::new("change", Takes::Word(KINDS), "bypass-granted", "Only changes of this kind.");

const LIST: Parameter = Parameter::new(
    "list",
    Takes::Word(&["list"]),
    "list",
    "`list` gives a row for each change, in the order of time.",
);

/// What happened to accounts and methods.
pub(super) const REPORT: Report = Report {
    name: "changes",
    asks: "What happened to accounts and methods: enrolments, resets, blocks, bypasses, fraud reports, prompts to register",
    definition: "A change is what a source wrote down about the life of an account or a method. The same change that came \
                 twice, alike in all that it says, counts once. Without `list` there is a row for each tenant, source, kind, \
                 method and cause, with the number of changes, of the persons whose account it was and of those who did it. \
                 A prompt to register is an event, not a change: it is told here as `registration-prompted`, with the cause \
                 as far as the source tells it, one of enabled-by-administrator, self-service-password-reset, \
                 conditional-access, device-registration, windows-hello, registration-policy and method-disabled, else \
                 not-told. Persons are those of the table `persons`; an id that no event gave is whose a directory or its \
                 address says.",
    parameters: &[RANGE, &[TENANT, SOURCE, METHOD, CHANGE, PERSON, LIST]],
    columns: COLUMNS,
    answer: changes,
};

const METHOD: Parameter = filter(Group::Method, "voice-call", "Only changes of this method.");

#[rustfmt::skip]
const COLUMNS: &[Column] = &[
    ("tenant", "string", "whose change it is"),
    ("source", "string", "the product that told of it"),
    ("change", "string", "what changed, or registration-prompted"),
    ("method", "string", "the method that was changed, where one was"),
    ("cause", "string", "of a prompt to register: why"),
    ("changes", "integer", "how many there were; in a list 1"),
    ("persons", "integer", "how many persons' accounts they were; in a list null"),
    ("actors", "integer", "by how many different actors; in a list null"),
    ("first_at", "string", "when the first was, in UTC; in a list when it was"),
    ("last_at", "string", "when the last was, in UTC"),
    ("local_time", "string", "in a list: when it was, in the zone, with its offset"),
    ("sentence", "string", "in a list: the change in plain words"),
    ("person", "string", "in a list: whose account it was"),
    ("user_id", "string", "in a list: the id as the source gave it"),
    ("linked_by", "string", "in a list: by which rule the id is this person's"),
    ("actor", "string", "in a list: who did it, as the source says"),
    ("actor_person", "string", "in a list: the person who did it, where that is known"),
    ("until_at", "string", "in a list: until when it holds, in UTC"),
    ("reason", "string", "in a list: what was said of it"),
    ("client_ip", "string", "in a list: from where"),
    ("code", "string", "in a list: the source's own code"),
    ("detail", "string", "in a list: the source's own text"),
    ("place", "string", "in a list: where it came from, TOPIC:PARTITION:OFFSET:ELEMENT"),
];

fn changes<'a>(session: &'a Session, parameters: &'a ReportParameters) -> Answering<'a> {
    Box::pin(async move {
        let limits = session.limits();
        let failed = |error: DataFusionError| QueryError::while_running(error, &limits);
        let (person, owners) = match parameters.text(PERSON.name) {
            Some(called) => {
                let person = Person::find(session, parameters, called).await?;
                (Some(person), None)
            }
            None => (None, Some(session.owners(&tenants(parameters)).await?)),
        };
        let owners = match (&person, &owners) {
            (Some(person), _) => &person.owners,
            (None, Some(owners)) => owners,
            (None, None) => return Err(QueryError::Engine),
        };
        let mut teller = Teller {
            owners,
            only: person.as_ref().map(|person| (person.tenant_id.as_str(), person.name.as_str())),
            tz: parameters.tz,
            list: parameters.text(LIST.name).is_some(),
            groups_max: limits.groups,
            made: Made::new(COLUMNS),
            counts: BTreeMap::new(),
        };
        let kind = parameters.text(CHANGE.name);
        if kind != Some(PROMPTED) {
            let rows = frame(session.view(Kind::Change).await?, parameters, kind).map_err(failed)?;
            let mut rows = rows.execute_stream().await.map_err(failed)?;
            let mut copies = Copies::default();
            while let Some(batch) = rows.next().await {
                let batch = batch.map_err(failed)?;
                let taken = copies.each_new(&batch, |changed, row| teller.take(&batch, &changed, row));
                taken.map_err(|error| failed(error.into()))?;
                teller.check()?;
            }
        }
        if kind.is_none_or(|kind| kind == PROMPTED) {
            let prompts = Prompts::read(session, parameters).await?;
            prompts.each(|prompt| teller.take_prompt(prompt)).map_err(|error| failed(error.into()))?;
            teller.check()?;
        }
        let rows = teller.finish();
        let about = About { asks_directory: true, ..About::default() };
        answer(session, &REPORT, parameters, about, rows).await
    })
}

fn frame(
    changes: DataFrame,
    parameters: &ReportParameters,
    kind: Option<&str>,
) -> Result<DataFrame, DataFusionError> {
    let mut changes = parameters.filters.choose(changes.filter(in_range(parameters.range))?)?;
    if let Some(kind) = kind {
        changes = changes.filter(col("change").eq(lit(kind)))?;
    }
    let places = ["kafka_partition", "kafka_offset", "element_index"];
    let columns = TEXTS.into_iter().chain(["occurred_at", "until"]).chain(places);
    let sorted = ["occurred_at", "source", "kafka_topic"].into_iter().chain(places);
    changes
        .select(columns.map(col).collect::<Vec<_>>())?
        .sort(sorted.map(|name| col(name).sort(true, true)).collect())
}

/// What is counted together: tenant, source, change, method, cause.
type Key = (String, String, String, Option<String>, Option<&'static str>);

#[derive(Default)]
struct Counts {
    changes: i64,
    persons: BTreeSet<String>,
    actors: BTreeSet<String>,
    first_at_us: Option<i64>,
    last_at_us: Option<i64>,
}

struct Teller<'o> {
    owners: &'o Owners,
    only: Option<(&'o str, &'o str)>,
    tz: Tz,
    list: bool,
    groups_max: usize,
    made: Made,
    counts: BTreeMap<Key, Counts>,
}

impl Teller<'_> {
    fn take(&mut self, rows: &RecordBatch, changed: &Changed<'_>, row: usize) -> Result<(), ArrowError> {
        let whose = self.owners.of(changed.tenant_id(), changed.source(), changed.user_key(), changed.at_us);
        if !self.is_asked(changed.tenant_id(), &whose.person) {
            return Ok(());
        }
        let (person, rule) = (whose.person.into_owned(), whose.rule);
        let actor = changed.actor();
        let actor_person = actor.and_then(|actor| self.known(changed, actor));
        if !self.list {
            let actor = actor_person.as_deref().or(actor);
            let key = (
                changed.tenant_id().to_owned(),
                changed.source().to_owned(),
                changed.change().to_owned(),
                changed.method().map(str::to_owned),
                None,
            );
            let person = is_somebody(changed.user_key()).then_some(person);
            self.count(key, person, actor, changed.at_us);
            return Ok(());
        }
        let until = changed.until_us.map(|us| local(us, self.tz));
        let topic = schemas::arrays::Texts::of(&rows.slice(row, 1), &["kafka_topic"])?;
        let place = place(rows, topic.needed(0, 0), row)?;
        let sentence = of_change(Some(changed.change()), actor, until.as_deref(), changed.reason());
        self.made
            .row()
            .text("tenant", changed.tenant_id())
            .text("source", changed.source())
            .text("change", changed.change())
            .maybe("method", changed.method())
            .number("changes", 1)
            .number("first_at", changed.at_us)
            .number("last_at", changed.at_us)
            .text("local_time", local(changed.at_us, self.tz))
            .text("sentence", sentence)
            .text("person", person)
            .text("user_id", changed.user_id())
            .text("linked_by", rule.as_str())
            .maybe("actor", actor)
            .maybe("actor_person", actor_person.as_deref())
            .number("until_at", changed.until_us)
            .maybe("reason", changed.reason())
            .maybe("client_ip", changed.client_ip())
            .maybe("code", changed.result_code())
            .maybe("detail", changed.result_detail())
            .text("place", place);
        Ok(())
    }

    fn take_prompt(&mut self, prompt: &registration::Prompt<'_>) {
        let whose = self.owners.of(prompt.tenant_id, prompt.source, prompt.user_key, prompt.at_us);
        if !self.is_asked(prompt.tenant_id, &whose.person) {
            return;
        }
        let (person, rule) = (whose.person.into_owned(), whose.rule);
        if !self.list {
            let key = (
                prompt.tenant_id.to_owned(),
                prompt.source.to_owned(),
                PROMPTED.to_owned(),
                prompt.method.map(str::to_owned),
                Some(prompt.cause),
            );
            let person = is_somebody(prompt.user_key).then_some(person);
            self.count(key, person, None, prompt.at_us);
            return;
        }
        self.made
            .row()
            .text("tenant", prompt.tenant_id)
            .text("source", prompt.source)
            .text("change", PROMPTED)
            .maybe("method", prompt.method)
            .text("cause", prompt.cause)
            .number("changes", 1)
            .number("first_at", prompt.at_us)
            .number("last_at", prompt.at_us)
            .text("local_time", local(prompt.at_us, self.tz))
            .text(
                "sentence",
                format!("The user was asked to register a second factor (cause: {}).", prompt.cause),
            )
            .text("person", person)
            .text("user_id", prompt.user_id)
            .text("linked_by", rule.as_str())
            .maybe("client_ip", prompt.client_ip)
            .maybe("code", prompt.code)
            .maybe("detail", prompt.detail)
            .text("place", prompt.place.as_str());
    }

    fn is_asked(&self, tenant_id: &str, person: &str) -> bool {
        self.only.is_none_or(|only| only == (tenant_id, person))
    }

    /// The person who is called so, where a rule says who that is.
    fn known(&self, changed: &Changed<'_>, actor: &str) -> Option<String> {
        let whose = self.owners.of(changed.tenant_id(), changed.source(), &canonical(actor), changed.at_us);
        whose.rule.is_match().then(|| whose.person.into_owned())
    }

    /// What names nobody is nobody's.
    fn count(&mut self, key: Key, person: Option<String>, actor: Option<&str>, at_us: i64) {
        let counts = self.counts.entry(key).or_default();
        counts.changes += 1;
        counts.persons.extend(person);
        counts.actors.extend(actor.map(str::to_owned));
        counts.first_at_us = Some(counts.first_at_us.map_or(at_us, |first| first.min(at_us)));
        counts.last_at_us = Some(counts.last_at_us.map_or(at_us, |last| last.max(at_us)));
    }

    /// Whether what is held in memory is within the limit.
    fn check(&self) -> Result<(), QueryError> {
        let held = self.made.len() + self.counts.values().map(|it| it.persons.len()).sum::<usize>();
        if held <= self.groups_max {
            return Ok(());
        }
        Err(QueryError::TooLarge(format!(
            "ask for a shorter range, one tenant or one kind of change: there is more to tell than {} rows or persons \
             (query.groups_max)",
            self.groups_max
        )))
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        for ((tenant, source, change, method, cause), counts) in &self.counts {
            self.made
                .row()
                .text("tenant", tenant.as_str())
                .text("source", source.as_str())
                .text("change", change.as_str())
                .maybe("method", method.as_deref())
                .maybe("cause", *cause)
                .number("changes", counts.changes)
                .number("persons", counts.persons.len() as i64)
                .number("actors", counts.actors.len() as i64)
                .number("first_at", counts.first_at_us)
                .number("last_at", counts.last_at_us);
        }
        self.made.finish()
    }
}
