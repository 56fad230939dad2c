//! What is given beside flags and variables: in a file of settings, and in files that variables name, as containers give secrets.

use std::{collections::BTreeMap, env, fmt, path::Path};

use clap::Command;

use super::{file, settings::Settings};

/// Why settings cannot be had from files: every mistake with its file and line.
///
/// ```
/// use updraft::Config;
///
/// let error = Config::from_file("no-such-file.toml").unwrap_err();
/// assert!(error.mistakes()[0].starts_with("cannot read no-such-file.toml"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError(Vec<String>);

impl LoadError {
    /// One line each, as in `updraft.toml:3: unknown key 'max_call' in [limits]: write max-call`.
    pub fn mistakes(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn of(mistake: String) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for LoadError {}

/// Values by the names of their settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given(BTreeMap<String, Value>);

#[derive(Clone)]
struct Value {
    values: Vec<String>,
    /// Where they stand: file and line, or a variable.
    origin: String,
}

/// Without the values, which may be secret.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl Given {
    /// Reads the file, if there is one, but for groups that are of no concern here (`apart`), and the files of secrets that
    /// variables name.
    ///
    /// # Errors
    /// All that is wrong in them.
    pub(crate) fn read(path: Option<&Path>, settings: &Settings, apart: &[&str]) -> Result<Self, LoadError> {
        let (mut given, mut mistakes) = (Self::default(), Vec::new());
        match path.map(|path| file::read(path, settings, apart)) {
            Some(Ok(entries)) => entries.into_iter().for_each(|entry| {
                let (values, origin) = (entry.values, entry.place);
                given.0.insert(entry.name, Value { values, origin });
            }),
            Some(Err(wrong)) => mistakes.extend(wrong),
            None => {}
        }
        for setting in settings.iter().filter(|setting| setting.is_secret()) {
            let variable = setting.variable();
            match secret(variable).and_then(|secret| match secret {
                Some(secret) => setting
                    .check(std::slice::from_ref(&secret))
                    .map(|()| Some(secret)),
                None => Ok(None),
            }) {
                Ok(Some(secret)) => {
                    let (values, origin) = (vec![secret], of_file(variable));
                    given
                        .0
                        .insert(setting.name().to_owned(), Value { values, origin });
                }
                Ok(None) => {}
                Err(mistake) => mistakes.push(mistake),
            }
        }
        match mistakes.is_empty() {
            true => Ok(given),
            false => Err(LoadError(mistakes)),
        }
    }

    /// The command with these values for defaults, wherever it or one below it has such a setting: so flags go before them, and
    /// variables.
    pub(crate) fn apply(&self, settings: &Settings, command: Command) -> Command {
        let command = command.mut_args(|flag| {
            let setting = settings.iter().find(|setting| setting.is_at(&flag));
            match setting.and_then(|setting| self.0.get(setting.name())) {
                Some(given) => flag.required(false).default_values(given.values.clone()),
                None => flag,
            }
        });
        command.mut_subcommands(|command| self.apply(settings, command))
    }

    /// Where a setting stands, if it is given here.
    pub(crate) fn origin(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|given| given.origin.as_str())
    }
}

/// The variable that names a file with a secret.
fn of_file(variable: &str) -> String {
    format!("{variable}_FILE")
}

/// What is in the file that a variable names, without the ends of its lines.
fn secret(variable: &str) -> Result<Option<String>, String> {
    let names_file = of_file(variable);
    let Some(path) = env::var_os(&names_file) else {
        return Ok(None);
    };
    if env::var_os(variable).is_some() {
        return Err(format!("{variable} and {names_file} are both set: leave one out"));
    }
    let shown = Path::new(&path).display();
    let text = file::contents(Path::new(&path))
        .map_err(|error| format!("{names_file}: cannot read {shown}: {error}"))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    match secret.trim().is_empty() {
        true => Err(format!("{names_file}: {shown} is empty")),
        false => Ok(Some(secret.to_owned())),
    }
}
