//! Whether the journal's files are still those that are open. Files that were removed, moved away or replaced can be
//! written for as long as they are open, and all of that is gone when they are closed.

#[cfg(unix)]
use std::time::SystemTime;
use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    directory::{self, Lock},
    opening::OpenError,
};

/// What tells a file from all others that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device: u64,
    #[cfg(unix)]
    inode: u64,
    /// The inode of a file that is gone may be another's soon.
    #[cfg(unix)]
    made: Option<SystemTime>,
}

impl Identity {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            made: metadata.created().ok(),
        }
    }

    /// Elsewhere files that are open cannot be replaced, and it is enough that they are there.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Self {
        Self {}
    }
}

/// A file as it was when it was opened.
#[derive(Debug)]
struct Opened {
    path: PathBuf,
    identity: Identity,
}

impl Opened {
    fn at(path: PathBuf) -> Result<Self, OpenError> {
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Self {
                identity: Identity::of(&metadata),
                path,
            }),
            Err(error) => Err(lost(&path, &error)),
        }
    }

    fn check(&self) -> Result<(), OpenError> {
        match fs::metadata(&self.path) {
            Ok(metadata) if Identity::of(&metadata) == self.identity => Ok(()),
            Ok(_) => Err(OpenError::Lost {
                path: self.path.clone(),
                what: "was replaced by another file".to_owned(),
            }),
            Err(error) => Err(lost(&self.path, &error)),
        }
    }
}

fn lost(path: &Path, error: &io::Error) -> OpenError {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "was removed or moved away".to_owned(),
        _ => format!("cannot be found any more ({error})"),
    };
    OpenError::Lost {
        path: path.to_owned(),
        what,
    }
}

/// The files of an open journal.
#[derive(Debug)]
pub(super) struct Files {
    lock: Opened,
    database: Opened,
    /// SQLite's own beside the database: they may be others after the writer opened it anew.
    beside: Mutex<Vec<Opened>>,
}

impl Files {
    /// Those of a journal that was just opened.
    pub(super) fn of(directory: &Path, lock: &Lock) -> Result<Self, OpenError> {
        let metadata = lock.metadata().map_err(directory::unusable(directory))?;
        let lock = Opened {
            path: directory::lock_file(directory),
            identity: Identity::of(&metadata),
        };
        let this = Self {
            lock,
            database: Opened::at(directory::database(directory))?,
            beside: Mutex::default(),
        };
        this.opened_anew()?;
        this.check()?;
        Ok(this)
    }

    /// The writer opened the database again.
    pub(super) fn opened_anew(&self) -> Result<(), OpenError> {
        let beside = ["db-wal", "db-shm"].map(|extension| self.database.path.with_extension(extension));
        *self.beside() = beside.into_iter().map(Opened::at).collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Whether they are all still there, for the writer.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        self.check_database()?;
        self.beside().iter().try_for_each(Opened::check)
    }

    /// Whether the database and its lock file are still there: for readers, whose connections come and go.
    pub(super) fn check_database(&self) -> Result<(), OpenError> {
        self.lock.check()?;
        self.database.check()
    }

    fn beside(&self) -> MutexGuard<'_, Vec<Opened>> {
        self.beside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
