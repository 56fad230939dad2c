//! `config`: checks the settings, prints a file of the defaults, shows which value each has.

use clap::{ArgMatches, Args, Subcommand, parser::ValueSource};

use super::terminal::{Failure, Lines, Said, say};
use crate::{
    app::App,
    config::{Config, Given, Setting, Settings, shown_url},
};

/// Longest line of a comment.
const WIDTH: usize = 100;

/// What stands at the top of a file of the defaults.
const TOP: &str = "\
# Settings of updraft serve. Each is a flag without its dashes, in the group of its heading in --help.
# A flag goes before its variable (UPDRAFT_…), the variable before this file, the file before the default.
# What is commented out is the default, or has none and shows what it takes.";

#[derive(Args, Debug)]
pub(super) struct Settle {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Say what is wrong with the settings, or that all is well
    Check(Box<Config>),
    /// Print a file with each setting, what it does, and its default
    Default,
    /// Print each setting, its value and where it is from: a flag, a variable, a line of a file, or the default. Secrets are hidden
    Show(Box<Config>),
}

impl Settle {
    pub(super) fn run(
        self,
        app: App,
        (settings, given, matches): (&Settings, &Given, &ArgMatches),
    ) -> Result<(), Failure> {
        match self.command {
            Command::Check(config) => {
                app.config(*config).check()?;
                say("All is well.")
            }
            Command::Default => {
                say(format_args!("{TOP}\n"))?;
                print(settings, default)
            }
            Command::Show(_) => print(settings, |lines, setting| {
                lines.say(shown(setting, given, matches))
            }),
        }
    }
}

/// Prints all settings in their groups.
fn print(settings: &Settings, mut each: impl FnMut(&mut Lines, &Setting) -> Said) -> Result<(), Failure> {
    let mut lines = Lines::new();
    for (number, group) in settings.groups().iter().enumerate() {
        let before = if number == 0 { "" } else { "\n" };
        if lines.say(format_args!("{before}[{group}]"))?.is_break() {
            return Ok(());
        }
        for setting in settings.of_group(group) {
            if each(&mut lines, setting)?.is_break() {
                return Ok(());
            }
        }
    }
    lines.flush().map(drop)
}

fn default(lines: &mut Lines, setting: &Setting) -> Said {
    let mut help = setting.help();
    let words = setting.words();
    if !words.is_empty() {
        help = format!("{help}: {}", words.join(" or "));
    }
    let comment: String = wrapped(&help).iter().map(|line| format!("\n# {line}")).collect();
    let values = match setting.default() {
        none if none.is_empty() && setting.is_switch() => vec!["false".to_owned()],
        none if none.is_empty() && !setting.is_list() => vec![setting.value_name().to_owned()],
        values => values,
    };
    let (name, written) = (setting.name(), setting.written(&values));
    lines.say(format_args!("{comment}\n#{name} = {written}"))
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A setting with its value, and where that is from.
fn shown(setting: &Setting, given: &Given, matches: &ArgMatches) -> String {
    let raw = matches.get_raw(setting.id()).into_iter().flatten();
    let values: Vec<_> = raw.map(|value| value.to_string_lossy().into_owned()).collect();
    let origin = match matches.value_source(setting.id()) {
        Some(ValueSource::CommandLine) => format!("--{}", setting.name()),
        Some(ValueSource::EnvVariable) => setting.variable().to_owned(),
        _ => given.origin(setting.name()).unwrap_or("default").to_owned(),
    };
    let name = setting.name();
    let written = match values.is_empty() {
        true if setting.is_list() => format!("{name} = []"),
        true => format!("#{name} is not set"),
        false if setting.is_secret() => format!("#{name} is set, and hidden"),
        false if values.iter().any(|value| shown_url(value) != *value) => {
            let values: Vec<_> = values.iter().map(|value| shown_url(value)).collect();
            format!("#{name} = {} # in part hidden", setting.written(&values))
        }
        false => format!("{name} = {}", setting.written(&values)),
    };
    format!("{written:<40} # {origin}")
}
