//! The table of all settings: what clap knows of each. There is no other.

use std::{ffi::OsStr, path::Path};

use clap::{Arg, ArgAction, Command};

/// The heading of flags that are no settings, as `--config` is none.
const NO_GROUP: &str = "Configuration";

/// All settings, group by group.
#[derive(Clone, Debug)]
pub(crate) struct Settings(Vec<Setting>);

/// A setting: a flag that a variable may give too.
#[derive(Clone, Debug)]
pub(crate) struct Setting(Arg);

impl Settings {
    /// Those among the flags of a command.
    pub(crate) fn of(command: &Command) -> Self {
        let flags = command.get_arguments();
        let settings = flags.filter(|flag| {
            let is_named = flag.get_long().is_some() && flag.get_env().is_some();
            is_named && flag.get_help_heading().is_some_and(|group| group != NO_GROUP)
        });
        Self(settings.cloned().map(Setting).collect())
    }

    /// All, those of one group after each other.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Setting> {
        self.0.iter()
    }

    /// The groups, in the order of `--help`.
    pub(crate) fn groups(&self) -> Vec<String> {
        let mut groups = Vec::new();
        for group in self.0.iter().map(Setting::group) {
            if !groups.contains(&group) {
                groups.push(group);
            }
        }
        groups
    }

    /// Those of a group.
    pub(crate) fn of_group(&self, group: &str) -> impl Iterator<Item = &Setting> {
        self.0.iter().filter(move |setting| setting.group() == group)
    }

    /// That of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|setting| setting.name() == name)
    }
}

impl Setting {
    /// Its flag without the dashes, as in `max-call`.
    pub(crate) fn name(&self) -> &str {
        self.0.get_long().unwrap_or_default()
    }

    /// What clap calls it.
    pub(crate) fn id(&self) -> &str {
        self.0.get_id().as_str()
    }

    /// Its heading in `--help`, in lower case: its group in a file.
    pub(crate) fn group(&self) -> String {
        let heading = self.0.get_help_heading().unwrap_or_default();
        heading.to_lowercase().replace(' ', "-")
    }

    /// Its variable, as in `UPDRAFT_MAX_CALL`.
    pub(crate) fn variable(&self) -> &str {
        self.0.get_env().and_then(OsStr::to_str).unwrap_or_default()
    }

    /// What it does, as `--help` says it.
    pub(crate) fn help(&self) -> String {
        self.0.get_help().map(ToString::to_string).unwrap_or_default()
    }

    /// The words that it may be, if it is one of some.
    pub(crate) fn words(&self) -> Vec<String> {
        let words = match self.is_switch() {
            true => Vec::new(),
            false => self.0.get_possible_values(),
        };
        words.iter().map(|word| word.get_name().to_owned()).collect()
    }

    /// What it is a value of, as in `BYTES`.
    pub(crate) fn value_name(&self) -> &str {
        let names = self.0.get_value_names();
        names
            .and_then(|names| names.first())
            .map_or("VALUE", |name| name.as_str())
    }

    /// What it is unless something else is said.
    pub(crate) fn default(&self) -> Vec<String> {
        let values = self.0.get_default_values().iter();
        values.map(|value| value.to_string_lossy().into_owned()).collect()
    }

    /// Whether it is on or off.
    pub(crate) fn is_switch(&self) -> bool {
        matches!(self.0.get_action(), ArgAction::SetTrue)
    }

    /// Whether it may have several values.
    pub(crate) fn is_list(&self) -> bool {
        self.0.get_value_delimiter().is_some()
    }

    /// Whether it is not shown, nor its variable in `--help`.
    pub(crate) fn is_secret(&self) -> bool {
        self.0.is_hide_env_values_set()
    }

    /// Whether that is the same setting at another command.
    pub(super) fn is_at(&self, flag: &Arg) -> bool {
        flag.get_long() == self.0.get_long() && flag.get_env().is_some()
    }

    /// Whether its flag takes these values.
    ///
    /// # Errors
    /// What the flag says of them.
    pub(super) fn check(&self, values: &[String]) -> Result<(), String> {
        if self.is_switch() {
            return Ok(());
        }
        let flag = self.0.clone().env(None::<&str>).required(false).global(false);
        let command = Command::new("updraft")
            .no_binary_name(true)
            .disable_help_flag(true);
        let written = values.iter().map(|value| format!("--{}={value}", self.name()));
        let checked = command.arg(flag).try_get_matches_from(written);
        checked.map(drop).map_err(|error| {
            let values = values
                .iter()
                .filter(|value| self.is_secret() && !value.is_empty());
            values.fold(said(&error), |said, value| said.replace(value.as_str(), "…"))
        })
    }

    /// A value as a file has it.
    pub(crate) fn written(&self, values: &[String]) -> String {
        if self.is_list() {
            let values: Vec<_> = values.iter().map(|value| quoted(value)).collect();
            return format!("[{}]", values.join(", "));
        }
        let value = values.first().map_or("", String::as_str);
        let is_plain = self.is_switch()
            || value
                .parse::<u64>()
                .is_ok_and(|number| number.to_string() == value);
        match is_plain {
            true => value.to_owned(),
            false => quoted(value),
        }
    }
}

/// A text as TOML has it: what JSON escapes is escaped alike, and one letter more.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// What clap says of an error, in one line.
pub(crate) fn said(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.strip_prefix("error: ").unwrap_or(&text).lines();
    let lines = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"));
    let lines: Vec<_> = lines.map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A place in a file, as in `updraft.toml:3`.
pub(super) fn place(file: &Path, line: usize) -> String {
    format!("{}:{line}", file.display())
}
