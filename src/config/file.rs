//! A file of settings, in TOML: a table for each group, a key for each flag.

use std::{
    fs::File,
    io::{self, Read},
    ops::Range,
    path::Path,
};

use toml::de::{DeTable, DeValue};

use super::{
    settings::{Setting, Settings, place},
    suggestion,
};

/// Most bytes of a file.
const MOST: u64 = 1 << 20;

/// A setting as a file has it.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) values: Vec<String>,
    /// File and line.
    pub(super) place: String,
}

/// Reads a file. Of a group that only the program has, `apart`, nothing is read.
///
/// # Errors
/// Everything that is wrong with it, one after the other.
pub(super) fn read(path: &Path, settings: &Settings, apart: &[&str]) -> Result<Vec<Entry>, Vec<String>> {
    let text = contents(path).map_err(|error| vec![format!("cannot read {}: {error}", path.display())])?;
    let mut reading = Reading {
        path,
        text: &text,
        settings,
        entries: Vec::new(),
        mistakes: Vec::new(),
    };
    let (groups, errors) = DeTable::parse_recoverable(&text);
    for error in &errors {
        reading.mistake(&error.span().unwrap_or_default(), error.message());
    }
    if errors.is_empty() {
        for (name, value) in groups.get_ref().iter() {
            match (value.get_ref(), &**name.get_ref()) {
                (DeValue::Table(_), name) if apart.contains(&name) => {}
                (DeValue::Table(keys), group) if settings.of_group(group).next().is_some() => {
                    reading.group(group, keys);
                }
                (_, unknown) => reading.mistake(&name.span(), &suggestion::of_group(settings, unknown)),
            }
        }
    }
    match reading.mistakes.is_empty() {
        true => Ok(reading.entries),
        false => Err(reading.in_order()),
    }
}

/// The text of a file, which may be a pipe.
///
/// # Errors
/// Where it cannot be read, or has no end.
pub(super) fn contents(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST + 1).read_to_string(&mut text)?;
    match text.len() as u64 > MOST {
        true => Err(io::Error::other("it has more than 1 MB")),
        false => Ok(text),
    }
}

/// A file that is being read.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    settings: &'a Settings,
    entries: Vec<Entry>,
    mistakes: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn group(&mut self, group: &str, keys: &DeTable<'_>) {
        for (key, value) in keys {
            let name: &str = key.get_ref();
            let Some(setting) = self
                .settings
                .named(name)
                .filter(|setting| setting.group() == group)
            else {
                self.mistake(&key.span(), &suggestion::of_key(self.settings, group, name));
                continue;
            };
            let checked = values(setting, value.get_ref())
                .map_err(|problem| format!("{name}: {problem}"))
                .and_then(|values| setting.check(&values).map(|()| values));
            match checked {
                Ok(values) => self.entries.push(Entry {
                    name: name.to_owned(),
                    values,
                    place: place(self.path, self.line(&key.span())),
                }),
                Err(problem) => self.mistake(&value.span(), &problem),
            }
        }
    }

    fn mistake(&mut self, span: &Range<usize>, problem: &str) {
        let line = self.line(span);
        let place = place(self.path, line);
        self.mistakes.push((line, format!("{place}: {problem}")));
    }

    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn in_order(mut self) -> Vec<String> {
        self.mistakes.sort_by_key(|(line, _)| *line);
        self.mistakes.into_iter().map(|(_, mistake)| mistake).collect()
    }
}

/// The texts that the flag would have.
fn values(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match value {
        DeValue::Boolean(is_on) if setting.is_switch() => Ok(vec![is_on.to_string()]),
        _ if setting.is_switch() => Err("write true or false".to_owned()),
        DeValue::Array(items) if setting.is_list() => {
            let texts = items.iter().map(|item| one_of_list(item.get_ref()));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            match texts.is_empty() && !setting.default().is_empty() {
                true => Err("name one at least".to_owned()),
                false => Ok(texts),
            }
        }
        DeValue::Array(_) => Err(format!("it takes one {}, not a list", setting.value_name())),
        one => text(one).map(|text| vec![text]),
    }
}

fn one_of_list(item: &DeValue<'_>) -> Result<String, String> {
    match text(item)? {
        text if text.contains(',') => Err("commas separate values: write them as several".to_owned()),
        text => Ok(text),
    }
}

fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Float(number) => Ok(number.as_str().replace('_', "")),
        _ => Err("write a text in quotes, or a decimal number".to_owned()),
    }
}
