//! Which journal a command is about: that in a directory, or in a database.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use clap::Args;

use crate::{
    cli::terminal::Failure,
    journal::{Destination, Inspection, OpenError, SqliteDestination, SqliteInspection},
};
#[cfg(feature = "postgres")]
use crate::{
    config::DatabaseUrl,
    journal::{PostgresDestination, PostgresInspection},
};

#[derive(Args, Debug)]
pub(super) struct Source {
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

impl Source {
    /// Looks at one moment of it.
    pub(super) fn open(&self) -> Result<Box<dyn Inspection>, Failure> {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return Ok(Box::new(PostgresInspection::open(database.as_str())?));
        }
        Ok(Box::new(SqliteInspection::open(&self.data)?))
    }

    /// Where a journal is to be.
    pub(super) fn destination(&self) -> Result<Box<dyn Destination>, Failure> {
        #[cfg(feature = "postgres")]
        if let Some(database) = &self.database {
            return Ok(Box::new(PostgresDestination::open(database.as_str())?));
        }
        let destination = SqliteDestination::open(&self.data).map_err(|error| refused(&error, &self.data))?;
        Ok(Box::new(destination))
    }

    /// The directory, for what a database needs not.
    pub(super) fn directory(&self, why: &'static str) -> Result<&Path, Failure> {
        match self.is_database() {
            true => Err(why.into()),
            false => Ok(&self.data),
        }
    }

    pub(super) fn is_database(&self) -> bool {
        #[cfg(feature = "postgres")]
        let is_database = self.database.is_some();
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
            false => self.data.display().fmt(f),
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
