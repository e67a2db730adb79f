//! What is known of a person whatever the range: ids, addresses, periods in directories.

use chrono_tz::Tz;

use super::super::changed::local;
use super::super::made::Made;
use super::super::person::Person;

/// Tells it, a row each.
pub(super) fn tell(person: &Person, tz: Tz, made: &mut Made) {
    let until = |us: Option<i64>| us.map(|us| format!(" until {}", local(us, tz))).unwrap_or_default();
    let from = |us: Option<i64>| us.map(|us| format!(" from {}", local(us, tz))).unwrap_or_default();
    for id in &person.ids {
        let sources = id.source.as_deref().unwrap_or("every source");
        let time = format!("{}{}", from(id.valid.from_us), until(id.valid.to_us));
        let sentence = format!("Is {} in {sources}{time}: {}.", id.user_key, because(id.rule));
        let mut row = made.row();
        row.text("kind", "id")
            .text("sentence", sentence)
            .text("tenant", person.tenant_id.as_str())
            .text("person", person.name.as_str())
            .maybe("source", id.source.as_deref())
            .text(
                "user_id",
                if id.user_ids.is_empty() { id.user_key.clone() } else { id.user_ids.join(", ") },
            )
            .text("user_key", id.user_key.as_str())
            .text("linked_by", id.rule)
            .number("occurred_at", id.valid.from_us)
            .number("until_at", id.valid.to_us);
        if let Some(from_us) = id.valid.from_us {
            row.text("local_time", local(from_us, tz));
        }
    }
    for address in &person.addresses {
        made.row()
            .text("kind", "address")
            .text("sentence", format!("Has the address {address}."))
            .text("tenant", person.tenant_id.as_str())
            .text("person", person.name.as_str())
            .text("email", address.as_str());
    }
    for enabled in person.enabled() {
        let mut row = made.row();
        row.text("kind", "enabled")
            .text(
                "sentence",
                format!("Is enabled by a directory{}{}.", from(enabled.from_us), until(enabled.to_us)),
            )
            .text("tenant", person.tenant_id.as_str())
            .text("person", person.name.as_str())
            .number("occurred_at", enabled.from_us)
            .number("until_at", enabled.to_us);
        if let Some(from_us) = enabled.from_us {
            row.text("local_time", local(from_us, tz));
        }
    }
}

fn because(rule: &str) -> &'static str {
    match rule {
        "directory" => "a directory lists it",
        "address" => "it is an address, and that is the person's",
        "domain-map" => "the map of domains made it an address, and that is the person's",
        "email" => "an event gave it together with an e-mail address of the person",
        "cut" => "an operator cut what linked it to others",
        "conflict" => "it hangs on several persons, so it stands for itself",
        _ => "nothing links it to anybody, so it stands for itself",
    }
}
