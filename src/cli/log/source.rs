//! Which journal a command is about: that in a directory, or in a database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

#[cfg(feature = "postgres")]
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use crate::{
    cli::terminal::Failure,
    journal::{Destination, Inspection, OpenError, SqliteDestination, SqliteInspection},
};
#[cfg(feature = "postgres")]
use crate::{
    config::DatabaseUrl,
    journal::{PostgresDestination, PostgresInspection},
};

/// A directory that a flag names goes before a database that a variable does.
#[derive(Debug)]
pub(super) struct Source(Given);

#[derive(Args, Debug)]
struct Given {
    /// Directory of the journal
    #[arg(
        long,
        env = "UPDRAFT_DATA",
        value_name = "DIR",
        default_value = "./data",
        global = true
    )]
    data: PathBuf,

    /// PostgreSQL database that is the journal, instead of the directory
    #[cfg(feature = "postgres")]
    #[arg(
        long,
        env = "UPDRAFT_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        global = true
    )]
    database: Option<DatabaseUrl>,
}

impl Args for Source {
    fn augment_args(command: Command) -> Command {
        Given::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Given::augment_args_for_update(command)
    }
}

impl FromArgMatches for Source {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut given = Given::from_arg_matches(matches)?;
        given.choose(matches);
        Ok(Self(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)?;
        self.0.choose(matches);
        Ok(())
    }
}

impl Given {
    #[cfg(feature = "postgres")]
    fn choose(&mut self, matches: &ArgMatches) {
        let is_flag = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        if is_flag("data") && !is_flag("database") {
            self.database = None;
        }
    }

    #[cfg(not(feature = "postgres"))]
    fn choose(&mut self, _: &ArgMatches) {}
}

impl Source {
    /// Looks at one moment of it.
    pub(super) fn open(&self) -> Result<Box<dyn Inspection>, Failure> {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.0.database {
            return Ok(Box::new(PostgresInspection::open(database.as_str())?));
        }
        Ok(Box::new(SqliteInspection::open(&self.0.data)?))
    }

    /// Where a journal is to be.
    pub(super) fn destination(&self) -> Result<Box<dyn Destination>, Failure> {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.0.database {
            return Ok(Box::new(PostgresDestination::open(database.as_str())?));
        }
        let destination =
            SqliteDestination::open(&self.0.data).map_err(|error| refused(&error, &self.0.data))?;
        Ok(Box::new(destination))
    }

    /// The directory, for what a database needs not.
    pub(super) fn directory(&self, why: &'static str) -> Result<&Path, Failure> {
        match self.is_database() {
            true => Err(why.into()),
            false => Ok(&self.0.data),
        }
    }

    pub(super) fn is_database(&self) -> bool {
        #[cfg(feature = "postgres")]
        let is_database = self.0.database.is_some();
        #[cfg(not(feature = "postgres"))]
        let is_database = false;
        is_database
    }
}

/// Without the URL, which may hold a password.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_database() {
            true => f.write_str("the database"),
            false => self.0.data.display().fmt(f),
        }
    }
}

/// The failure of a command that needs the journal for itself and did not get it.
pub(super) fn refused(error: &OpenError, data: &Path) -> Failure {
    match error {
        OpenError::Locked(_) => Failure(format!(
            "a server has the journal in {} open, or another process: stop it first",
            data.display()
        )),
        _ => Failure(error.to_string()),
    }
}
