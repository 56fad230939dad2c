//! What an append may expect of keys: that they are as its appender saw them.

use std::time::Duration;

use updraft::{
    Event,
    journal::{Append, JournalError, Retention, SeenKey},
};

use super::{append, event, everything, promises::together, store::Store, wait_for};
use crate::support::within_patience;

/// An append that expects a key as it was seen.
fn expecting(key: &'static str, up_to: u64, event: Event) -> Append {
    let key = key.into();
    Append {
        expect_keys: vec![SeenKey { key, up_to }],
        ..append("board", [event])
    }
}

pub(super) fn of_those_who_expect_a_key_one_wins_and_no_other_key_loses<S: Store>() {
    const OTHERS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let mut seen = 0;
        for round in 0..5 {
            let about = |key: &'static str| expecting(key, seen, event(&round.to_string()).key(key));
            let same = (0..8).map(|_| about("card"));
            let outcomes = together(&journal, same.chain(OTHERS.map(about))).await;
            let refusal = JournalError::Key {
                key: "card".into(),
                up_to: seen,
            };
            let refused = outcomes
                .iter()
                .filter(|outcome| **outcome == Err(refusal.clone()));
            assert_eq!(refused.count(), 7, "{outcomes:?}");
            let won: Vec<_> = outcomes.iter().flatten().collect();
            assert_eq!(won.len(), 9, "{outcomes:?}");
            seen = won.iter().map(|appended| appended.last).max().unwrap();
            assert_eq!(
                journal.head("board").await,
                Ok(seen),
                "it is known when it is acked"
            );
        }
        assert_eq!(everything(&*journal, "board").await.len(), 5 * 9);
    });
}

/// A key that ended is as one that never was: before its end is removed, and after.
pub(super) fn a_key_that_ended_can_be_expected_to_have_no_event<S: Store>() {
    wait_for(async {
        let mut store = S::new();
        let added = || event("added").key("card");
        let removed = || Event::tombstone("removed", "card");
        let moved_on = |up_to| {
            let key = "card".into();
            Err(JournalError::Key { key, up_to })
        };
        for is_compacted in [false, true] {
            let journal = store.journal();
            let born = journal.append(expecting("card", 0, added())).await.unwrap().last;
            assert_eq!(journal.append(expecting("card", 0, added())).await, moved_on(0));
            let ended = journal
                .append(expecting("card", born, removed()))
                .await
                .unwrap()
                .last;
            if is_compacted {
                let keep = Retention {
                    least: Duration::ZERO,
                    tombstones: Duration::ZERO,
                    ..Retention::default()
                };
                within_patience("the compaction", async {
                    while journal.bounds("board").await.unwrap().floor < ended {
                        journal.compact("board", keep).await.unwrap();
                    }
                })
                .await;
            }
            assert_eq!(
                journal.append(expecting("card", born, added())).await,
                moved_on(born)
            );
            drop(journal);
            store = store.reopened().await;
            let journal = store.journal();
            assert_eq!(
                journal.append(expecting("card", born, added())).await,
                moved_on(born)
            );
            assert_eq!(journal.head("board").await, Ok(ended));
            // Both who saw the end and who never saw anything see it as it is.
            let again = journal
                .append(expecting("card", ended, added()))
                .await
                .unwrap()
                .last;
            journal.append(expecting("card", again, removed())).await.unwrap();
        }
    });
}

/// All of it or nothing: also where only the last of the keys is not as it was seen.
pub(super) fn a_batch_may_expect_several_keys<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let seen = journal
            .append(append("board", [event("a").key("from")]))
            .await
            .unwrap()
            .last;
        let key = |key: &'static str, up_to| SeenKey {
            key: key.into(),
            up_to,
        };
        let transfer = |to| Append {
            expect_keys: vec![key("from", seen), key("to", to)],
            ..append("board", [event("taken").key("from"), event("given").key("to")])
        };
        journal
            .append(append("board", [event("b").key("to")]))
            .await
            .unwrap();
        let refusal = JournalError::Key {
            key: "to".into(),
            up_to: seen,
        };
        assert_eq!(journal.append(transfer(seen)).await, Err(refusal));
        assert_eq!(everything(&*journal, "board").await.len(), 2);
        journal.append(transfer(seen + 1)).await.unwrap();
        assert_eq!(everything(&*journal, "board").await.len(), 4);
    });
}
