//! `completion` and `manpage`: the command line as scripts for shells and as manual pages, from what `--help` is from.

use std::{env, fs, path::PathBuf};

use clap::{Args, Command};
use clap_complete::{Generator, Shell};
use clap_mangen::Man;

use super::terminal::{Failure, say};

#[derive(Args, Debug)]
pub(super) struct Completion {
    /// Shell that reads the script
    #[arg(value_enum)]
    shell: Shell,
}

impl Completion {
    /// For this command line.
    pub(super) fn print(&self, line: Command) -> Result<(), Failure> {
        let mut script = Vec::new();
        self.shell.try_generate(&built(line), &mut script)?;
        say(String::from_utf8(script)?.trim_end())
    }
}

#[derive(Args, Debug)]
pub(super) struct Manpage {
    /// Where the pages go: one for the program, and one for each command
    #[arg(long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

impl Manpage {
    /// Those of this command line.
    pub(super) fn write(&self, line: Command) -> Result<(), Failure> {
        fs::create_dir_all(&self.directory)
            .and_then(|()| self.write_pages(&built(line)))
            .map_err(|error| Failure(format!("cannot write to {}: {error}", self.directory.display())))
    }

    /// That of the command, and those of the commands below it.
    fn write_pages(&self, command: &Command) -> std::io::Result<()> {
        let source = concat!("updraft ", env!("CARGO_PKG_VERSION"));
        Man::new(command.clone())
            .source(source)
            .generate_to(&self.directory)?;
        let below = command.get_subcommands();
        below
            .filter(|command| !command.is_hide_set())
            .try_for_each(|command| self.write_pages(command))
    }
}

/// The command line under the name that this program was started by.
fn built(line: Command) -> Command {
    let started = env::args_os().next().map(PathBuf::from);
    let name = started
        .as_deref()
        .and_then(|path| path.file_stem()?.to_str())
        .unwrap_or("updraft")
        .to_owned();
    let line = line.name(name.clone()).bin_name(name);
    let mut line = line.disable_help_subcommand(true);
    line.build();
    line
}
