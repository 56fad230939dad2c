//! The directory that a journal is.

#[cfg(unix)]
use std::time::UNIX_EPOCH;
use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::opening::OpenError;

/// The database in a journal's directory.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("journal.db")
}

/// The database in a directory that has one.
pub(super) fn existing(directory: &Path) -> Result<PathBuf, OpenError> {
    let path = database(directory);
    match fs::metadata(&path) {
        Ok(_) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(OpenError::Missing(directory.to_owned()))
        }
        Err(error) => Err(unusable(directory)(error)),
    }
}

/// Makes a directory that is still there after a power loss.
pub(super) fn create(directory: &Path) -> Result<(), OpenError> {
    make(directory).map_err(unusable(directory))
}

fn make(directory: &Path) -> io::Result<()> {
    let missing = directory.ancestors().take_while(|path| !path.exists()).count();
    fs::create_dir_all(directory)?;
    for holder in directory.ancestors().skip(1).take(missing) {
        // An empty path is the relative one's start.
        let holder = if holder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            holder
        };
        // Elsewhere a directory cannot be opened, and keeps its entries by itself.
        #[cfg(unix)]
        File::open(holder)?.sync_all()?;
    }
    Ok(())
}

/// The lock's file in a journal's directory.
pub(super) fn lock_file(directory: &Path) -> PathBuf {
    directory.join("lock")
}

/// What tells the database from a copy of it, in a text: a copy is another file, made at another time. `None` where the
/// system does not say.
#[cfg(unix)]
pub(super) fn origin(database: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(database).ok()?;
    let made = metadata.created().ok()?;
    let since = made.duration_since(UNIX_EPOCH).unwrap_or_default();
    Some(format!("{}:{}", metadata.ino(), since.as_nanos()))
}

#[cfg(not(unix))]
pub(super) fn origin(_: &Path) -> Option<String> {
    None
}

/// A lock of our own, since SQLite lets a second writer in. It is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Lock {
    pub(super) fn metadata(&self) -> io::Result<fs::Metadata> {
        self.0.metadata()
    }
}

impl Drop for Lock {
    /// Closing the file would not do: a program that is just being started has a copy of it for a moment.
    fn drop(&mut self) {
        // It fails where the file system knows no locks, and then there was none.
        let _ = self.0.unlock();
    }
}

pub(super) fn lock(directory: &Path) -> Result<Lock, OpenError> {
    let file = File::create(lock_file(directory)).map_err(unusable(directory))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked(directory.to_owned())),
        Err(TryLockError::Error(source)) => Err(unusable(directory)(source)),
    }
}

/// The error where the system refuses.
pub(super) fn unusable(directory: &Path) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Directory {
        path: directory.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_go_can_be_locked_again_though_a_new_program_has_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let first = lock(directory.path()).unwrap();
        assert!(matches!(lock(directory.path()), Err(OpenError::Locked(_))));
        let _copy = first.0.try_clone().unwrap();
        drop(first);
        lock(directory.path()).unwrap();
    }
}
