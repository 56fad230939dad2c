//! The stores that the suite is held against.

use std::{future::Future, path::Path, sync::Arc};

use tempfile::TempDir;
use updraft::journal::{Durability, Journal, MemoryJournal, SqliteJournal};

pub(super) trait Store: Sized {
    /// An empty one.
    fn new() -> Self;

    fn journal(&self) -> Arc<dyn Journal>;

    /// Closes and opens it. A store that ends with its process stays as it is. Nobody else may hold the journal.
    fn reopened(self) -> impl Future<Output = Self>;
}

pub(super) struct Memory(Arc<MemoryJournal>);

impl Store for Memory {
    fn new() -> Self {
        Self(Arc::new(MemoryJournal::new().unwrap()))
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.0.clone()
    }

    async fn reopened(self) -> Self {
        self
    }
}

pub(super) struct Sqlite {
    journal: Arc<SqliteJournal>,
    directory: TempDir,
}

/// Opens without a sync per commit: no story loses power, and they are many.
fn open(directory: &Path) -> Arc<SqliteJournal> {
    Arc::new(SqliteJournal::open(directory, Durability::ProcessCrash).unwrap())
}

impl Store for Sqlite {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let journal = open(directory.path());
        Self { journal, directory }
    }

    fn journal(&self) -> Arc<dyn Journal> {
        self.journal.clone()
    }

    async fn reopened(self) -> Self {
        let Self { journal, directory } = self;
        let Some(journal) = Arc::into_inner(journal) else {
            panic!("somebody holds the journal");
        };
        journal.close().await;
        let journal = open(directory.path());
        Self { journal, directory }
    }
}
