//! The events and changes of a trail, told as they come.

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::error::ArrowError;
use chrono_tz::Tz;
use schemas::arrays::{Texts, column, numbers};

use super::super::changed::{Changed, Copies, local, place};
use super::super::made::{Made, Row};
use super::super::person::Person;
use super::super::sentence::{Support, Told, meaning, of_change, of_event};
use crate::people::{Owners, canonical};

const TEXTS: [&str; 27] = [
    "row_kind",
    "source",
    "user_id",
    "user_key",
    "stage",
    "method",
    "mode",
    "result",
    "denial_reason",
    "assurance",
    "result_code",
    "result_detail",
    "server_name",
    "server_ip",
    "application",
    "client_app",
    "protocol",
    "client_ip",
    "attempt_id",
    "event_id",
    "first_name",
    "last_name",
    "email",
    "phone_number",
    "device_token",
    "authenticator_id",
    "sender",
];

/// Columns of a trail that are an event's own, under its names.
const OWN: [(&str, &str); 22] = [
    ("user_id", "user_id"),
    ("user_key", "user_key"),
    ("what", "stage"),
    ("method", "method"),
    ("mode", "mode"),
    ("result", "result"),
    ("reason", "denial_reason"),
    ("assurance", "assurance"),
    ("code", "result_code"),
    ("detail", "result_detail"),
    ("server", "server_name"),
    ("server_ip", "server_ip"),
    ("application", "application"),
    ("client_app", "client_app"),
    ("protocol", "protocol"),
    ("client_ip", "client_ip"),
    ("first_name", "first_name"),
    ("last_name", "last_name"),
    ("email", "email"),
    ("phone_number", "phone_number"),
    ("authenticator_id", "authenticator_id"),
    ("sender", "sender"),
];

const STEP: [&str; 6] = ["method", "result", "reason", "code", "detail", "device"];

/// Tells events, steps and changes of a person.
pub(super) struct Teller {
    person: Person,
    tz: Tz,
    copies: Copies,
}

impl Teller {
    pub(super) fn new(person: Person, tz: Tz) -> Self {
        Self { person, tz, copies: Copies::default() }
    }

    pub(super) fn take_in(&mut self, made: &mut Made, rows: &RecordBatch) -> Result<(), ArrowError> {
        let Self { person, tz, copies } = self;
        let texts = Texts::of(rows, &TEXTS)?;
        let at = numbers::<TimestampMicrosecondType>(rows, "occurred_at")?;
        let topics = Texts::of(rows, &["kafka_topic"])?;
        // Events and changes stand in the same order: runs of one kind are told one after the other.
        let mut row = 0;
        while row < rows.num_rows() {
            if texts.get(0, row) == Some("event") {
                let event = Event {
                    texts: &texts,
                    row,
                    at_us: at.value(row),
                    place: place(rows, topics.needed(0, row), row)?,
                };
                event.tell(person, *tz, made);
                event.tell_steps(rows, person, *tz, made)?;
                row += 1;
                continue;
            }
            let run = (row..rows.num_rows()).take_while(|row| texts.get(0, *row) != Some("event")).count();
            let changes = rows.slice(row, run);
            copies.each_new(&changes, |changed, index| {
                let place = place(rows, topics.needed(0, row + index), row + index)?;
                tell_change(&changed, place, person, *tz, made);
                Ok(())
            })?;
            row += run;
        }
        Ok(())
    }
}

struct Event<'r> {
    texts: &'r Texts,
    row: usize,
    at_us: i64,
    place: String,
}

impl Event<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let index = TEXTS.iter().position(|held| *held == name)?;
        self.texts.get(index, self.row)
    }

    fn begin<'m>(&self, kind: &str, at_us: i64, person: &Person, tz: Tz, made: &'m mut Made) -> Row<'m> {
        let (source, user_key) =
            (self.get("source").unwrap_or_default(), self.get("user_key").unwrap_or_default());
        let rule = person.owners.of(&person.tenant_id, source, user_key, self.at_us).rule;
        let mut row = made.row();
        row.text("kind", kind)
            .text("local_time", local(at_us, tz))
            .number("occurred_at", at_us)
            .text("tenant", person.tenant_id.as_str())
            .text("person", person.name.as_str())
            .text("source", source)
            .text("linked_by", rule.as_str())
            .maybe("attempt_id", self.get("attempt_id"))
            .maybe("event_id", self.get("event_id"))
            .text("place", self.place.as_str());
        row
    }

    fn tell(&self, person: &Person, tz: Tz, made: &mut Made) {
        let told = Told {
            method: self.get("method"),
            result: self.get("result"),
            reason: self.get("denial_reason"),
            stage: self.get("stage"),
            assurance: self.get("assurance"),
            application: self.get("application"),
            client_ip: self.get("client_ip"),
            server: self.get("server_name"),
        };
        let local_time = local(self.at_us, tz);
        let support = Support {
            application: told.application,
            code: self.get("result_code"),
            attempt_id: self.get("attempt_id"),
            event_id: self.get("event_id"),
            user_id: self.get("user_id"),
            at: &local_time,
            source: self.get("source").unwrap_or_default(),
        };
        let mut row = self.begin("event", self.at_us, person, tz, made);
        row.text("sentence", of_event(&told))
            .maybe("meaning", meaning(told.reason))
            .maybe("device_token", self.get("device_token"))
            .text("support", support.text());
        for (name, own) in OWN {
            row.maybe(name, self.get(own));
        }
    }

    fn tell_steps(
        &self,
        rows: &RecordBatch,
        person: &Person,
        tz: Tz,
        made: &mut Made,
    ) -> Result<(), ArrowError> {
        let steps = column(rows, "steps")?.as_list::<i32>();
        if steps.is_null(self.row) {
            return Ok(());
        }
        let steps = RecordBatch::from(steps.value(self.row).as_struct());
        let texts = Texts::of(&steps, &STEP)?;
        let at = numbers::<TimestampMicrosecondType>(&steps, "at")?;
        let count = steps.num_rows();
        for step in 0..count {
            let [method, result, reason, code, detail, device] =
                [0, 1, 2, 3, 4, 5].map(|index| texts.get(index, step));
            let told = Told { method, result, reason, ..Told::default() };
            let at_us = if at.is_valid(step) { at.value(step) } else { self.at_us };
            let number = step + 1;
            let what = of_step(&told);
            self.begin("step", at_us, person, tz, made)
                .text("sentence", format!("Step {number} of {count}: {what}"))
                .text("what", format!("step {number} of {count}"))
                .maybe("method", method)
                .maybe("result", result)
                .maybe("reason", reason)
                .maybe("meaning", meaning(reason))
                .maybe("code", code)
                .maybe("detail", detail)
                .maybe("device_token", device);
        }
        Ok(())
    }
}

/// A step says by which method and how it ended, and nothing of the whole.
fn of_step(told: &Told<'_>) -> String {
    let by = told.method.map(|method| format!("{method}, ")).unwrap_or_default();
    let why = meaning(told.reason).map(|why| format!(": {why}")).unwrap_or_else(|| ".".to_owned());
    format!("{by}{}{why}", told.result.unwrap_or("not said how it ended"))
}

fn tell_change(changed: &Changed<'_>, place: String, person: &Person, tz: Tz, made: &mut Made) {
    let is_of = person.is_id(changed.source(), changed.user_key(), changed.at_us);
    if !is_of && !is_by(changed, person) {
        return;
    }
    let until = changed.until_us.map(|us| local(us, tz));
    let mut row = made.row();
    row.text("local_time", local(changed.at_us, tz))
        .number("occurred_at", changed.at_us)
        .number("until_at", changed.until_us)
        .text("tenant", person.tenant_id.as_str())
        .text("person", person.name.as_str())
        .text("source", changed.source())
        .text("what", changed.change())
        .maybe("method", changed.method())
        .maybe("code", changed.result_code())
        .maybe("client_ip", changed.client_ip())
        .maybe("actor", changed.actor())
        .text("place", place);
    if is_of {
        let rule = owner_rule(&person.owners, changed);
        row.text("kind", "change")
            .text(
                "sentence",
                of_change(Some(changed.change()), changed.actor(), until.as_deref(), changed.reason()),
            )
            .text("user_id", changed.user_id())
            .text("user_key", changed.user_key())
            .text("linked_by", rule)
            .maybe("detail", changed.said().as_deref());
    } else {
        // Whose account it was is another one's affair: the report `changes` says it.
        let sentence = of_change(Some(changed.change()), None, until.as_deref(), None);
        row.text("kind", "act").text("sentence", format!("Did to another account: {sentence}"));
    }
}

/// Whether the person made the change.
fn is_by(changed: &Changed<'_>, person: &Person) -> bool {
    let Some(actor) = changed.actor() else { return false };
    let is_spelt = |id: &crate::people::PersonalId| {
        id.source.as_deref() == Some(changed.source())
            && id.user_ids.iter().any(|spelt| spelt.eq_ignore_ascii_case(actor))
    };
    person.is_id(changed.source(), &canonical(actor), changed.at_us) || person.ids.iter().any(is_spelt)
}

fn owner_rule(owners: &Owners, changed: &Changed<'_>) -> &'static str {
    owners.of(changed.tenant_id(), changed.source(), changed.user_key(), changed.at_us).rule.as_str()
}
