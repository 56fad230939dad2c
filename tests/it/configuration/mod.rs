//! The file of settings, and what stands beside it: flags, variables, files of secrets.

mod file;
#[cfg(unix)]
mod reload;
mod secrets;
mod sources;
mod typed;

use std::{fs, path::PathBuf};

use tempfile::TempDir;

/// A file of settings, in a directory of its own.
struct File {
    directory: TempDir,
}

impl File {
    fn new(text: &str) -> Self {
        let this = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        this.write(text);
        this
    }

    fn write(&self, text: &str) {
        fs::write(self.at("updraft.toml"), text).unwrap();
    }

    /// A file beside it.
    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn path(&self) -> String {
        self.at("updraft.toml").display().to_string()
    }
}
