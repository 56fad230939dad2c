//! A compaction says when another may find more, so that whoever compacts need not look in vain.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use updraft::{
    Event,
    journal::{Journal, Retention},
};

use super::{append, event, store::Store, wait_for};
use crate::support::within_patience;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Keeps for ever what need not go at once.
const FOR_EVER: Retention = Retention {
    least: Duration::ZERO,
    tombstones: Duration::MAX,
    age: None,
    events: None,
    bytes: None,
};

/// How many events went, and in how many hours there may be more to do.
async fn compact(journal: &dyn Journal, keep: Retention) -> (u64, Option<u64>) {
    let removed = journal.compact("board", keep).await.unwrap();
    let again = journal.compact("board", keep).await.unwrap();
    assert_eq!((again.events, again.due), (0, removed.due), "and nothing before");
    (removed.events, removed.due.map(hours))
}

/// So many are left, give or take what a slow machine needs.
fn hours(due: Instant) -> u64 {
    let left = due.saturating_duration_since(Instant::now()) + HOUR / 2;
    left.as_secs() / HOUR.as_secs()
}

pub(super) fn it_is_told_when_more_may_go<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        assert_eq!(
            compact(&*journal, FOR_EVER).await,
            (0, None),
            "there is nothing yet"
        );
        let events = [
            event("loose"),
            event("superseded").key("a"),
            Event::tombstone("end", "b"),
            event("latest").key("a"),
        ];
        journal.append(append("board", events)).await.unwrap();

        let young = Retention {
            least: HOUR,
            ..FOR_EVER
        };
        assert_eq!(compact(&*journal, young).await, (0, Some(1)));
        assert_eq!(
            compact(&*journal, FOR_EVER).await,
            (1, None),
            "what is left may stay"
        );
        let ending = Retention {
            tombstones: 2 * HOUR,
            ..FOR_EVER
        };
        assert_eq!(compact(&*journal, ending).await, (0, Some(2)));
        let ageing = Retention {
            age: Some(HOUR),
            ..ending
        };
        assert_eq!(
            compact(&*journal, ageing).await,
            (0, Some(1)),
            "the earlier of both"
        );
        let young = Retention {
            least: HOUR,
            tombstones: Duration::ZERO,
            ..FOR_EVER
        };
        assert_eq!(compact(&*journal, young).await, (0, Some(1)));
        let numbered = Retention {
            least: HOUR,
            events: Some(0),
            ..FOR_EVER
        };
        assert_eq!(compact(&*journal, numbered).await, (0, Some(1)));

        // What comes later is due later, and the old ones stay the first.
        let later = journal
            .append(append("board", [Event::tombstone("end", "c")]))
            .await
            .unwrap()
            .time;
        assert_eq!(compact(&*journal, ending).await, (0, Some(2)));
        let now = Retention {
            tombstones: age(later) + HOUR,
            ..FOR_EVER
        };
        assert!(journal.compact("board", now).await.unwrap().due.is_some());
        let all = Retention {
            age: Some(Duration::ZERO),
            tombstones: Duration::ZERO,
            ..FOR_EVER
        };
        assert_eq!(
            compact(&*journal, all).await,
            (3, None),
            "the latest of a key is never due"
        );
    });
}

/// How old something is that was appended at this time.
fn age(time: u64) -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap() - Duration::from_millis(time)
}

/// Step by step through more events than a step looks at, each of its own age.
pub(super) fn what_is_due_goes_and_not_before<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let keep = Retention {
            tombstones: Duration::from_millis(40),
            ..FOR_EVER
        };
        let ends = |from: u32| (from..from + 3000).map(|number| Event::tombstone("end", number.to_string()));
        for from in [0, 3000, 6000] {
            journal.append(append("board", ends(from))).await.unwrap();
        }
        let mut gone = 0;
        within_patience("all to be due, one after the other", async {
            loop {
                let removed = journal.compact("board", keep).await.unwrap();
                gone += removed.events;
                let Some(due) = removed.due else {
                    break;
                };
                while Instant::now() < due {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let next = journal.compact("board", keep).await.unwrap();
                assert!(next.events > 0, "what is due goes");
                gone += next.events;
                if next.due.is_none() {
                    break;
                }
            }
        })
        .await;
        assert_eq!(gone, 9000);
    });
}
