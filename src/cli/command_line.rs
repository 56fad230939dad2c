//! What was typed, with what variables and a file of settings say beside it.

use std::{collections::BTreeMap, env, ffi::OsString, path::PathBuf};

use clap::{ArgMatches, CommandFactory, Error, FromArgMatches, Parser, Subcommand, error::ErrorKind};

#[cfg(any(feature = "postgres", feature = "redis"))]
use super::emit;
use super::{
    call, config, events, health, log,
    logging::{self, LogFormat},
    manual, server_url,
};
use crate::config::{Config, Given, LoadError, Settings};

/// Where the flags of the default command are.
const DEFAULT_COMMAND: &str = "Without a command it serves, and takes the flags of `serve`: `serve --help` lists them, with their variables.";

/// An event server that speaks Socket.IO
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = DEFAULT_COMMAND)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) config: Config,

    /// File of settings, in TOML: a flag without its dashes is a key, in the group of its heading. Flags and variables go before
    /// it; `config default` prints one
    #[arg(
        id = "config_file",
        long = "config",
        env = "UPDRAFT_CONFIG",
        value_name = "FILE",
        help_heading = "Configuration",
        global = true
    )]
    config_file: Option<PathBuf>,

    /// What is logged to standard error, as in `debug` or `updraft=debug,warn`
    #[arg(
        id = "log_filter",
        long = "log",
        env = "UPDRAFT_LOG",
        value_name = "FILTER",
        value_parser = logging::filter,
        default_value = logging::DEFAULT,
        help_heading = "Log",
        global = true
    )]
    pub(super) log: String,

    /// How the log is written
    #[arg(
        long,
        env = "UPDRAFT_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        help_heading = "Log",
        global = true
    )]
    pub(super) log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve until SIGTERM or Ctrl-C; the default command
    Serve(Box<Config>),
    /// Check the settings, print a file of the defaults, or show which value each has and where it is from
    Config(Box<config::Settle>),
    /// Ask a running server whether it is ready for clients; fails where it is not, as the health check of a container
    Health(health::Health),
    /// List the events of a server with this configuration
    Events(Box<events::Events>),
    /// Call an event of a running server and print the answer; events that it emits meanwhile go to standard error, as
    /// `name: data`
    Call(call::Call),
    /// Emit to the sockets of all servers that share a bus, those of Node too
    #[cfg(any(feature = "postgres", feature = "redis"))]
    Emit(Box<emit::Emit>),
    /// Inspect, export, import, verify and compact the journal
    Log(log::Log),
    /// Print a script by which a shell completes commands and flags
    Completion(manual::Completion),
    /// Write the manual pages, as files for `man`
    Manpage(manual::Manpage),
}

/// What was typed, and where each setting is from.
pub(super) struct CommandLine {
    pub(super) cli: Cli,
    /// The table of settings.
    pub(super) settings: Settings,
    /// Of the command that was named last.
    pub(super) matches: ArgMatches,
    pub(super) given: Given,
}

impl CommandLine {
    /// What may be typed. The settings of the default command are shown by that command alone, so that the program's own help
    /// is one page.
    pub(super) fn line() -> clap::Command {
        Cli::command().mut_args(|flag| match flag.is_global_set() {
            true => flag,
            false => flag.hide(true),
        })
    }

    /// The settings of a server, for the commands that have them all.
    pub(super) fn serving(self) -> Option<Config> {
        match self.cli.command {
            None => Some(self.cli.config),
            Some(Command::Serve(config)) => Some(*config),
            Some(_) => None,
        }
    }

    /// Each setting as it was written, by its name.
    pub(super) fn written(&self) -> BTreeMap<String, Vec<OsString>> {
        let written = self.settings.iter().map(|setting| {
            let values = self.matches.try_get_raw(setting.id()).ok().flatten();
            let values = values.into_iter().flatten().map(ToOwned::to_owned).collect();
            (setting.name().to_owned(), values)
        });
        written.collect()
    }
}

/// Why there is none.
pub(super) enum Unread {
    /// What clap says, of an error or for help.
    Typed(Error),
    /// What is wrong in files.
    Files(LoadError, LogFormat),
}

/// Reads the command line, and the files that it and variables name.
///
/// # Errors
/// What is wrong in them.
pub(super) fn read() -> Result<CommandLine, Unread> {
    let command = CommandLine::line();
    let settings = Settings::of(&command);
    let words = command_first(&command, env::args_os().collect());
    let first = leaf(typed(&command, &words).map_err(Unread::Typed)?);
    let file = first.get_one::<PathBuf>("config_file").cloned();
    let format = first.get_one::<LogFormat>("log_format").copied();
    let given = Given::read(file.as_deref(), &settings, &[])
        .map_err(|error| Unread::Files(error, format.unwrap_or_default()))?;
    let matches = server_url::apply(&given, &settings, given.apply(&settings, command))
        .try_get_matches_from(&words)
        .map_err(Unread::Typed)?;
    Ok(CommandLine {
        cli: Cli::from_arg_matches(&matches).map_err(Unread::Typed)?,
        settings,
        matches: leaf(matches),
        given,
    })
}

/// The words with the command before the flags: `--port 80 serve` is `serve --port 80`. Clap takes no flag before a command, as
/// those of the default command are not those of the others.
fn command_first(command: &clap::Command, mut words: Vec<OsString>) -> Vec<OsString> {
    if !words.get(1).is_some_and(is_flag) {
        return words;
    }
    // As they are typed: what variables say is looked at later.
    let typed = command
        .clone()
        .mut_args(|flag| flag.env(None::<&str>).required(false));
    // A word that is the value of a flag leaves that flag without one.
    let is_whole = |flags: &[OsString]| typed.clone().try_get_matches_from(flags).is_ok();
    let flags = (2..words.len()).find(|&end| names(command, &words[end..]) > 0 && is_whole(&words[..end]));
    if let Some(end) = flags {
        let names = names(command, &words[end..]);
        words[1..end + names].rotate_right(names);
    }
    words
}

/// How many words name a command, as the two of `log tail`.
fn names(command: &clap::Command, words: &[OsString]) -> usize {
    let Some((word, rest)) = words.split_first() else {
        return 0;
    };
    let below = command.find_subcommand(word);
    below.map_or(0, |below| 1 + names(below, rest))
}

fn is_flag(word: &OsString) -> bool {
    word.as_encoded_bytes().starts_with(b"-")
}

/// What was typed; a file that is named there may yet say what is missing.
fn typed(command: &clap::Command, words: &[OsString]) -> Result<ArgMatches, Error> {
    match command.clone().try_get_matches_from(words) {
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => lenient(command.clone())
            .try_get_matches_from(words)
            .map_err(|_| error),
        typed => typed,
    }
}

fn lenient(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|flag| match flag.get_env().is_some() {
        true => flag.required(false),
        false => flag,
    });
    command.mut_subcommands(lenient)
}

/// That of the last command, which has the flags that are everywhere too.
fn leaf(mut matches: ArgMatches) -> ArgMatches {
    while let Some((_, deeper)) = matches.remove_subcommand() {
        matches = deeper;
    }
    matches
}

#[cfg(test)]
mod tests;
