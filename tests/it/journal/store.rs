//! The stores that the suite is held against.

use std::{future::Future, path::Path, sync::Arc};

use tempfile::TempDir;
use updraft::journal::{Durability, Journal, MemoryJournal, SqliteJournal};
#[cfg(all(unix, feature = "postgres"))]
pub(super) use with_postgres::Postgres;

pub(super) trait Store: Sized {
    /// Sequences of steps that are played on it.
    const CASES: u32 = 48;

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

#[cfg(all(unix, feature = "postgres"))]
mod with_postgres {
    use tokio::{runtime::Handle, task::block_in_place};
    use updraft::journal::PostgresJournal;

    use super::{Arc, Journal, Store};
    use crate::support::TestDatabase;

    pub(in super::super) struct Postgres {
        journal: Arc<PostgresJournal>,
        database: TestDatabase,
    }

    async fn open(database: &TestDatabase) -> Arc<PostgresJournal> {
        Arc::new(PostgresJournal::open(&database.url, None).await.unwrap())
    }

    impl Store for Postgres {
        const CASES: u32 = 12;

        fn new() -> Self {
            let database = block_in_place(TestDatabase::new);
            let journal = block_in_place(|| Handle::current().block_on(open(&database)));
            Self { journal, database }
        }

        fn journal(&self) -> Arc<dyn Journal> {
            self.journal.clone()
        }

        async fn reopened(self) -> Self {
            let Self { journal, database } = self;
            journal.close().await;
            let journal = open(&database).await;
            Self { journal, database }
        }
    }
}
