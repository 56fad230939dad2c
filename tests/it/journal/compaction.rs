//! What compaction may take, and what nobody notices of it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tokio::time::sleep;
use updraft::{
    Event,
    journal::{Append, Appended, Cursor, Journal, Removed, Retention, TopicBounds},
};

use super::{
    WHOLE, append, event, everything,
    model::{Shown, show},
    names, once,
    store::Store,
    wait_for,
};

/// Removes all that may ever be removed.
const NOTHING: Retention = Retention {
    least: Duration::ZERO,
    tombstones: Duration::ZERO,
    age: Some(Duration::ZERO),
    events: None,
    bytes: None,
};

/// How old something is that was appended at this time.
fn age(time: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now - Duration::from_millis(time)
}

/// Old events lie so far behind new ones, twice.
const BETWEEN: Duration = Duration::from_millis(100);

/// Compacts with an age that is between those of old and new events. `None` where that took so long that the new
/// ones had become old meanwhile.
async fn compact_between(
    journal: &dyn Journal,
    new: &Appended,
    keep: impl FnOnce(Duration) -> Retention,
) -> Option<Removed> {
    let between = age(new.time) + BETWEEN;
    let removed = journal.compact("board", keep(between)).await.unwrap();
    (age(new.time) < between).then_some(removed)
}

pub(super) fn ages_decide_what_may_go<S: Store>() {
    wait_for(async {
        // Again, where the clock was faster than the story.
        while tell_of_ages(&*S::new().journal()).await.is_none() {}
    });
}

async fn tell_of_ages(journal: &dyn Journal) -> Option<()> {
    const HOUR: Duration = Duration::from_secs(60 * 60);
    let generation = |name: &str| {
        [
            event(&format!("{name} loose")),
            event(&format!("{name} of a")).key("a"),
            Event::tombstone(format!("{name} end"), format!("{name} key")),
        ]
    };
    let old = journal.append(append("board", generation("old"))).await.unwrap();
    while age(old.time) < 2 * BETWEEN {
        sleep(2 * BETWEEN - age(old.time)).await;
    }
    let new = journal.append(append("board", generation("new"))).await.unwrap();
    let all = everything(journal, "board").await;

    // Everything is kept for the least time, whatever else is said.
    let least = Retention {
        least: HOUR,
        events: Some(0),
        bytes: Some(0),
        ..NOTHING
    };
    assert_eq!(journal.compact("board", least).await.unwrap().events, 0);
    assert_eq!(
        journal.bounds("board").await,
        Ok(TopicBounds { head: 6, floor: 0 })
    );

    // What is older than that goes where another took its place: an event of `a`.
    let superseded = |least| Retention {
        least,
        tombstones: HOUR,
        age: None,
        ..NOTHING
    };
    let removed = compact_between(journal, &new, superseded).await?;
    assert_eq!((removed.events, removed.bytes), (1, all[1].size() as u64));
    assert_eq!(
        journal.bounds("board").await,
        Ok(TopicBounds { head: 6, floor: 2 })
    );

    // Tombstones go by an age of their own, and so do events without a key.
    let tombstones = |tombstones| Retention {
        tombstones,
        age: None,
        ..NOTHING
    };
    assert_eq!(compact_between(journal, &new, tombstones).await?.events, 1);
    let left = ["old loose", "new loose", "new of a", "new end"];
    assert_eq!(names(&everything(journal, "board").await), left);
    assert_eq!(
        journal.bounds("board").await,
        Ok(TopicBounds { head: 6, floor: 3 })
    );
    let loose = |age| Retention {
        tombstones: HOUR,
        age: Some(age),
        ..NOTHING
    };
    assert_eq!(compact_between(journal, &new, loose).await?.events, 1);
    assert_eq!(names(&everything(journal, "board").await), left[1..]);

    // The latest event of a key stays, however old.
    assert_eq!(journal.compact("board", NOTHING).await.unwrap().events, 2);
    assert_eq!(names(&everything(journal, "board").await), ["new of a"]);
    Some(())
}

pub(super) fn a_long_topic_is_compacted_to_its_end<S: Store>() {
    wait_for(async {
        const EVENTS: u64 = 7000;
        let store = S::new();
        let journal = store.journal();
        let events = (0..EVENTS).map(|number| event("counted").key((number % 3).to_string()));
        journal.append(append("board", events)).await.unwrap();
        let removed = journal.compact("board", NOTHING).await.unwrap();
        assert_eq!(removed.events, EVENTS - 3);
        let left: Vec<_> = everything(&*journal, "board")
            .await
            .iter()
            .map(|record| record.seq)
            .collect();
        assert_eq!(left, [EVENTS - 2, EVENTS - 1, EVENTS]);
        let bounds = TopicBounds {
            head: EVENTS,
            floor: EVENTS - 3,
        };
        assert_eq!(journal.bounds("board").await, Ok(bounds));
    });
}

pub(super) fn idempotency_keys_are_forgotten_by_age<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        for number in 0..2500 {
            let once = Some(once(&number.to_string(), 1));
            let append = Append {
                once,
                ..append("calls", [])
            };
            journal.append(append).await.unwrap();
        }
        assert_eq!(journal.expire_keys(Duration::from_secs(60 * 60)).await, Ok(0));
        assert!(journal.stored_outcome("0").await.unwrap().is_some());
        let mut forgotten = 0;
        // Some at a time.
        loop {
            match journal.expire_keys(Duration::ZERO).await.unwrap() {
                0 => break,
                some => forgotten += some,
            }
        }
        assert_eq!(forgotten, 2500);
        assert_eq!(journal.stored_outcome("0").await, Ok(None));
    });
}

pub(super) fn a_sequence_number_is_not_used_again_after_its_event_went<S: Store>() {
    wait_for(async {
        let mut store = S::new();
        for round in 1..4 {
            let journal = store.journal();
            let appended = journal
                .append(append("board", [event("gone soon")]))
                .await
                .unwrap();
            assert_eq!(appended.first, round);
            journal.compact("board", NOTHING).await.unwrap();
            assert!(everything(&*journal, "board").await.is_empty());
            drop(journal);
            store = store.reopened().await;
            let bounds = store.journal().bounds("board").await;
            assert_eq!(
                bounds,
                Ok(TopicBounds {
                    head: round,
                    floor: round
                })
            );
        }
    });
}

/// While some append and one compacts without pause, readers come and page through the backlog, then through what
/// came since, and begin anew where the floor has passed them. In the end each shows what the last appends said.
pub(super) fn a_reader_who_pages_while_others_append_and_compact_ends_up_right<S: Store>() {
    wait_for(async {
        const KEYS: usize = 40;
        const WRITERS: usize = 4;
        let store = S::new();
        let is_over = Arc::new(AtomicBool::new(false));

        let compactor = {
            let (journal, is_over) = (store.journal(), is_over.clone());
            tokio::spawn(async move {
                let mut removed = 0;
                while !is_over.load(Ordering::Relaxed) || removed == 0 {
                    removed += journal.compact("board", NOTHING).await.unwrap().events;
                }
                removed
            })
        };
        let readers: Vec<_> = (1..5)
            .map(|events| {
                let (journal, is_over) = (store.journal(), is_over.clone());
                tokio::spawn(async move { follow(&*journal, events * 3, &is_over).await })
            })
            .collect();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let journal = store.journal();
                tokio::spawn(async move { write(&*journal, writer, KEYS).await })
            })
            .collect();

        let mut expected = Shown::new();
        for writer in writers {
            expected.extend(writer.await.unwrap());
        }
        is_over.store(true, Ordering::Relaxed);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), expected);
        }
        compactor.await.unwrap();
    });
}

/// Sets and ends keys of its own, some of them in one batch. What they hold in the end.
async fn write(journal: &dyn Journal, writer: usize, keys: usize) -> BTreeMap<String, String> {
    let mut holds = BTreeMap::new();
    for number in 0..300 {
        let key = format!("{writer}.{}", number * 7 % keys);
        let events = match number % 3 {
            0 => vec![Event::tombstone("end", key.clone())],
            1 => vec![event("loose"), event(&format!("set {number}")).key(key.clone())],
            _ => vec![
                Event::tombstone("end", key.clone()),
                event(&format!("set {number}")).key(key.clone()),
            ],
        };
        journal.append(append("board", events)).await.unwrap();
        match number % 3 {
            0 => holds.remove(&key),
            _ => holds.insert(key, format!("\"set {number}\"")),
        };
    }
    holds
}

/// What a reader shows once it has everything that was there when it was over.
async fn follow(journal: &dyn Journal, events: usize, is_over: &AtomicBool) -> Shown {
    let began = Instant::now();
    'anew: loop {
        assert!(began.elapsed() < crate::support::PATIENCE, "it comes to an end");
        let bounds = journal.bounds("board").await.unwrap();
        let mut shown = Shown::new();
        let mut cursor = Cursor {
            after: 0,
            up_to: bounds.head,
            events,
            ..WHOLE
        };
        loop {
            let page = journal.backlog("board", cursor).await.unwrap().records;
            page.iter().for_each(|record| show(&mut shown, record));
            match page.last() {
                Some(last) => cursor.after = last.seq,
                None => break,
            }
        }
        cursor = Cursor {
            after: bounds.head,
            up_to: u64::MAX,
            ..cursor
        };
        loop {
            let was_over = is_over.load(Ordering::Relaxed);
            let page = journal.read("board", cursor).await.unwrap();
            if page.bounds.floor > cursor.after {
                continue 'anew;
            }
            let page = page.records;
            page.iter().for_each(|record| show(&mut shown, record));
            match page.last() {
                Some(last) => cursor.after = last.seq,
                None if was_over => return shown,
                None => tokio::task::yield_now().await,
            }
        }
    }
}
