//! The configuration that holds, written as TOML.

use super::secret;
use super::settings::Settings;
use super::template;

/// Every setting with where it comes from, in the order of `default.toml`. Secrets are masked.
pub(super) fn toml(settings: &Settings) -> String {
    let mut text = String::new();
    let mut section = "";
    for key in template::keys() {
        let (of, name) = key.path.rsplit_once('.').unwrap_or(("", &key.path));
        let list = of.strip_suffix(".#");
        if of == section && list.is_some() {
            continue;
        }
        if of != section {
            if section == "kafka" {
                open_table(settings, template::PROPERTIES, &mut text);
            }
            section = of;
            if let Some(list) = list {
                tables(settings, list, &mut text);
                continue;
            }
            header(&format!("[{of}]"), &mut text);
        }
        setting(settings, &key.path, name, &mut text);
    }
    for table in template::open_sections() {
        if settings.open_table(table).next().is_some() {
            open_table(settings, table, &mut text);
        }
    }
    text
}

fn open_table(settings: &Settings, table: &str, text: &mut String) {
    header(&format!("[{table}]"), text);
    for (name, _) in settings.open_table(table) {
        setting(settings, &template::join(table, name), name, text);
    }
}

fn tables(settings: &Settings, list: &str, text: &mut String) {
    for number in settings.numbers(list) {
        header(&format!("[[{list}]]"), text);
        for key in template::keys() {
            if let Some(name) = template::under(&key.path, &format!("{list}.#")) {
                setting(settings, &format!("{list}.{number}.{name}"), name, text);
            }
        }
    }
}

fn header(header: &str, text: &mut String) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(header);
    text.push('\n');
}

fn setting(settings: &Settings, path: &str, name: &str, text: &mut String) {
    let Some(setting) = settings.get(path) else { return };
    let quoted = if name.contains('.') { format!("{name:?}") } else { name.to_owned() };
    let line = format!("{quoted} = {}", secret::shown(path, setting));
    text.push_str(&format!("{line:<50} # {}\n", setting.place));
}
