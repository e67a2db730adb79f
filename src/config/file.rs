//! The configuration file: TOML, read against the keys that there are.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::nearest;
use super::place::Place;
use super::problem::Problem;
use super::settings::{File, Settings};
use super::template;
use super::value::Value;

/// Reads a file into the settings. What is unknown or of another shape becomes a problem with its line.
///
/// # Errors
/// The one problem of a file that is no TOML: it says nothing about any key.
pub(super) fn read(
    file: File<'_>,
    settings: &mut Settings,
    problems: &mut Vec<Problem>,
) -> Result<(), Problem> {
    let mut reading = Reading { file, settings, problems };
    match DeTable::parse(file.text) {
        Ok(table) => {
            reading.table("", table.get_ref());
            Ok(())
        }
        Err(error) => {
            // The error's own text shows the line, and the line may hold a secret.
            let line = error.span().map_or(1, |span| reading.line(span.start));
            let place = Place::File { file: file.name.to_owned(), line };
            let key = nearest_section(file.text, line);
            let advice = format!("write this line as TOML; {}", error.message().replace('\n', ", "));
            Err(Problem { key, place: Some(place), advice })
        }
    }
}

struct Reading<'a> {
    file: File<'a>,
    settings: &'a mut Settings,
    problems: &'a mut Vec<Problem>,
}

impl Reading<'_> {
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let path = template::join(section, name.get_ref());
            let line = self.line(name.span().start);
            self.entry(path, line, value);
        }
    }

    fn entry(&mut self, path: String, line: usize, value: &Spanned<DeValue<'_>>) {
        let open = template::is_open_table(&path) || template::is_open(&path);
        let is_list = template::LISTS.contains(&path.as_str());
        match value.get_ref() {
            // In [kafka.properties] an unquoted name with dots arrives as nested tables.
            DeValue::Table(table) if open || (!is_list && template::is_section(&path)) => {
                self.table(&path, table);
            }
            DeValue::Array(tables) if is_list => self.list(&path, line, tables.iter()),
            _ if is_list => {
                let advice = format!("write [[{path}]], in two brackets, once for each of them");
                self.problem(path, line, advice);
            }
            _ if template::is_section(&path) => {
                let advice = format!("write it as a section, [{path}], with its keys below");
                self.problem(path, line, advice);
            }
            DeValue::Table(_) if template::find(&path).is_none() => {
                let advice = nearest::section_advice(&path);
                self.problem(path, line, advice);
            }
            scalar if open => self.property(path, line, scalar),
            scalar => self.key(path, line, scalar),
        }
    }

    fn list<'v>(&mut self, path: &str, line: usize, items: impl Iterator<Item = &'v Spanned<DeValue<'v>>>) {
        for (index, item) in items.enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => self.table(&format!("{path}.{index}"), table),
                _ => self.problem(path.to_owned(), line, format!("write [[{path}]] once for each of them")),
            }
        }
    }

    fn property(&mut self, path: String, line: usize, value: &DeValue<'_>) {
        let text = match value {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.as_str().to_owned(),
            DeValue::Boolean(switch) => switch.to_string(),
            _ => return self.problem(path, line, "give a text, a number, true or false".to_owned()),
        };
        let place = self.place(line);
        self.settings.set(path, Value::Text(text), place);
    }

    fn key(&mut self, path: String, line: usize, value: &DeValue<'_>) {
        let Some(key) = template::find(&path) else {
            let advice = nearest::advice(&path, str::to_owned);
            return self.problem(path, line, advice);
        };
        match Value::from_toml(value) {
            Some(value) if key.shape.takes(&value) => {
                let place = self.place(line);
                self.settings.set(path, value, place);
            }
            _ => {
                let advice = format!("give {}; it is {}", key.shape, shape(value));
                self.problem(path, line, advice);
            }
        }
    }

    fn problem(&mut self, key: String, line: usize, advice: String) {
        let place = Some(self.place(line));
        self.problems.push(Problem { key, place, advice });
    }

    fn place(&self, line: usize) -> Place {
        Place::File { file: self.file.name.to_owned(), line }
    }

    fn line(&self, offset: usize) -> usize {
        let before = self.file.text.get(..offset).unwrap_or(self.file.text);
        1 + before.matches('\n').count()
    }
}

/// What a value is, without repeating it.
fn shape(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(number) if number.as_str().starts_with('-') => "a negative number",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// The section in which a line that is no TOML stands.
fn nearest_section(text: &str, line: usize) -> String {
    let header = text.lines().take(line).filter(|line| line.trim_start().starts_with('[')).last();
    header.map_or("the file".to_owned(), |header| header.trim().trim_matches(['[', ']']).to_owned())
}
