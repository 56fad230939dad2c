//! Ages, by a clock that is set.

use std::sync::atomic::{AtomicI64, Ordering};

use tempfile::TempDir;

use super::{
    super::{import::SqliteDestination, inspection::SqliteInspection},
    *,
};
use crate::{
    event::Event,
    journal::{
        export::Export,
        import::{Import, Lineage},
        record::Once,
    },
};

const YEARS: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// Nothing is kept for its age.
const NOTHING: Retention = Retention {
    least: Duration::ZERO,
    tombstones: Duration::ZERO,
    age: Some(Duration::ZERO),
    events: None,
    bytes: None,
};

/// Everything is kept for an hour, and then goes.
const AN_HOUR: Retention = Retention {
    least: HOUR,
    tombstones: HOUR,
    age: Some(HOUR),
    events: None,
    bytes: None,
};

/// A journal, and by how many milliseconds its clock is wrong.
struct Story {
    directory: TempDir,
    wrong: Arc<AtomicI64>,
    journal: SqliteJournal,
}

fn open(directory: &Path, wrong: &Arc<AtomicI64>) -> SqliteJournal {
    let wrong = wrong.clone();
    let clock = move || now().saturating_add_signed(wrong.load(Ordering::Relaxed));
    SqliteJournal::open_by(directory, Durability::ProcessCrash, Box::new(clock)).unwrap()
}

impl Story {
    fn begin() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let wrong = Arc::default();
        let journal = open(directory.path(), &wrong);
        Self {
            directory,
            wrong,
            journal,
        }
    }

    /// The clock is wrong by this from now on.
    fn set(&self, years: i64) {
        let wrong = i64::try_from(YEARS.as_millis()).unwrap() / 10 * years;
        self.wrong.store(wrong, Ordering::Relaxed);
    }

    async fn restart(self) -> Self {
        let Self {
            directory,
            wrong,
            journal,
        } = self;
        journal.close().await;
        let journal = open(directory.path(), &wrong);
        Self {
            directory,
            wrong,
            journal,
        }
    }

    /// Calls of these numbers: each publishes an event of one key, one without, and the end of a key of its own.
    async fn calls(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let once = Once {
                key: number.to_string(),
                digest: 0,
                answer: None,
            };
            let append = Append {
                topic: "board".to_owned(),
                events: vec![
                    Event::new("set").key("a"),
                    Event::new("said"),
                    Event::tombstone("ended", number.to_string()),
                ],
                expect: None,
                expect_keys: Vec::new(),
                once: Some(once),
            };
            self.journal.append(append).await.unwrap();
        }
    }

    /// How many calls are forgotten, and how many events go, by these ages.
    async fn gone(&self, keep: Retention) -> (usize, u64) {
        let mut calls = 0;
        loop {
            match self.journal.expire_keys(keep.least).await.unwrap() {
                0 => break,
                some => calls += some,
            }
        }
        (calls, self.journal.compact("board", keep).await.unwrap().events)
    }
}

fn tell<F: Future<Output = ()>>(story: impl FnOnce(Story) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async { story(Story::begin()).await });
}

#[test]
fn what_was_stamped_by_a_clock_ten_years_ahead_goes_by_its_age() {
    tell(|story| async move {
        story.set(10);
        story.calls(0..1100).await;
        story.set(0);
        let story = story.restart().await;
        story.calls(1100..3100).await;
        assert_eq!(story.gone(AN_HOUR).await, (0, 0), "nothing is as old as that");
        assert_eq!(
            story.gone(NOTHING).await,
            (3100, 3 * 3100 - 1),
            "all but the latest of the key"
        );
    });
}

#[test]
fn nothing_ages_by_a_clock_that_is_set_while_the_journal_is_open() {
    tell(|story| async move {
        let mut all = 0;
        for years in [0, 10, 0, -10, 0, 20] {
            story.set(years);
            story.calls(all..all + 10).await;
            all += 10;
            assert_eq!(story.gone(AN_HOUR).await, (0, 0), "by {years} years");
        }
        let due = story
            .journal
            .compact("board", AN_HOUR)
            .await
            .unwrap()
            .due
            .unwrap();
        let left = due.saturating_duration_since(std::time::Instant::now());
        assert!(left <= HOUR && left > HOUR / 2, "{left:?}");
        assert_eq!(story.gone(NOTHING).await, (60, 179));
    });
}

#[test]
fn events_have_the_time_of_the_clock_also_where_it_was_set_back() {
    tell(|story| async move {
        let mut times = Vec::new();
        for years in [10, 0, -10] {
            story.set(years);
            let append = Append {
                topic: "board".to_owned(),
                events: vec![Event::new("said")],
                ..Append::default()
            };
            times.push(story.journal.append(append).await.unwrap().time);
        }
        let years = |milliseconds: u64| milliseconds / (YEARS.as_millis() as u64 / 100);
        assert_eq!(years(times[0] - times[1] + 1000), 100);
        assert_eq!(years(times[1] - times[2] + 1000), 100);
    });
}

#[test]
fn a_restart_with_a_clock_that_is_behind_ages_nothing_and_one_that_is_ahead_by_what_passed() {
    tell(|story| async move {
        story.calls(0..10).await;
        story.set(-10);
        let story = story.restart().await;
        story.calls(10..20).await;
        assert_eq!(story.gone(AN_HOUR).await, (0, 0));
        // While it was stopped, years may have passed: that cannot be told from a clock that was set.
        story.set(10);
        let story = story.restart().await;
        assert_eq!(story.gone(AN_HOUR).await, (20, 59));
    });
}

#[test]
fn a_file_without_counted_time_takes_what_is_stamped_later_for_new() {
    tell(|story| async move {
        story.set(10);
        story.calls(0..10).await;
        story.set(0);
        let Story {
            directory,
            wrong,
            journal,
        } = story;
        journal.close().await;
        let file = rusqlite::Connection::open(directory.path().join("journal.db")).unwrap();
        let earlier = "DROP TABLE clocks; DELETE FROM meta WHERE name IN ('time', 'ahead', 'origin')";
        file.execute_batch(earlier).unwrap();
        drop(file);
        let journal = open(directory.path(), &wrong);
        let story = Story {
            directory,
            wrong,
            journal,
        };
        story.calls(10..20).await;
        assert_eq!(story.gone(AN_HOUR).await, (0, 0));
        assert_eq!(story.gone(NOTHING).await, (20, 59));
    });
}

#[test]
fn what_an_import_has_from_the_future_counts_as_of_the_import() {
    tell(|story| async move {
        story.set(10);
        story.calls(0..10).await;
        let mut export = Vec::new();
        let inspection = SqliteInspection::open(story.directory.path()).unwrap();
        let exporting = Export::begin(&inspection, &[]).unwrap();
        exporting.write(&mut export, &|| ()).unwrap();
        // Also where a server made an empty journal before.
        let Story {
            directory,
            wrong,
            journal,
        } = Story::begin();
        journal.close().await;
        let import = Import::begin(&*export).unwrap();
        let mut destination = SqliteDestination::open(directory.path()).unwrap();
        import.fill(&mut destination, Lineage::Moved, &|| ()).unwrap();
        drop(destination);
        let journal = open(directory.path(), &wrong);
        let story = Story {
            directory,
            wrong,
            journal,
        };
        assert_eq!(story.gone(AN_HOUR).await, (0, 0));
        assert_eq!(story.gone(NOTHING).await, (10, 29));
    });
}
