//! What many callers at once may rely on, and what the edges of a journal are.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::StreamExt;
use tokio::task::JoinSet;
use updraft::{
    Event,
    journal::{Append, Appended, Cursor, Journal, JournalError, Page, Retention, Tailed, TopicBounds},
};

use super::{WHOLE, append, batch_of, event, everything, names, next_of, once, store::Store, wait_for};
use crate::support::within_patience;

/// Appends all of them from tasks of their own.
pub(super) async fn together(
    journal: &Arc<dyn Journal>,
    appends: impl IntoIterator<Item = Append>,
) -> Vec<Result<Appended, JournalError>> {
    let mut tasks = JoinSet::new();
    for append in appends {
        let journal = journal.clone();
        tasks.spawn(async move { journal.append(append).await });
    }
    tasks.join_all().await
}

pub(super) fn appends_from_many_tasks_are_whole_and_in_one_order<S: Store>() {
    wait_for(async {
        const TASKS: usize = 16;
        const EACH: usize = 20;
        let store = S::new();
        let mut tail = store.journal().tail();
        let mut tasks = JoinSet::new();
        for task in 0..TASKS {
            let journal = store.journal();
            tasks.spawn(async move {
                let mut before = 0;
                for number in 0..EACH {
                    let batch = (0..3).map(|part| event(&format!("{task}.{number}.{part}")));
                    let appended = journal.append(append("board", batch)).await.unwrap();
                    assert_eq!(appended.last, appended.first + 2);
                    assert!(appended.first > before, "what is appended later stands later");
                    before = appended.last;
                }
            });
        }
        tasks.join_all().await;

        let events = everything(&*store.journal(), "board").await;
        assert_eq!(events.len(), TASKS * EACH * 3);
        for batch in events.chunks(3) {
            let first = batch[0]
                .name
                .strip_suffix(".0")
                .expect("a batch begins with its first event");
            let expected: Vec<_> = (0..3).map(|part| format!("{first}.{part}")).collect();
            assert_eq!(
                names(batch),
                expected,
                "nothing stands between the events of a batch"
            );
        }
        let mut told = Vec::new();
        while let Some(batch) = batch_of(&mut tail) {
            told.extend(batch.iter().map(|record| (**record).clone()));
        }
        assert_eq!(told, events);
    });
}

pub(super) fn of_those_who_expect_the_same_head_one_wins<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        journal.append(append("other", [event("beside")])).await.unwrap();
        let mut head = 0;
        for round in 0..5 {
            let attempt = |number| Append {
                expect: Some(head),
                ..append("board", [event(&format!("{round}.{number}"))])
            };
            let outcomes = together(&journal, (0..8).map(attempt)).await;
            let won: Vec<_> = outcomes.iter().flatten().collect();
            assert_eq!(won.len(), 1, "{outcomes:?}");
            let refusal = JournalError::Expectation {
                expected: head,
                head: won[0].last,
            };
            let refused = outcomes
                .iter()
                .filter(|outcome| **outcome == Err(refusal.clone()));
            assert_eq!(refused.count(), 7, "{outcomes:?}");
            head = won[0].last;
        }
        assert_eq!(everything(&*journal, "board").await.len(), 5);
    });
}

pub(super) fn a_key_is_applied_once_however_many_try<S: Store>() {
    wait_for(async {
        let store = S::new();
        let mut tail = store.journal().tail();
        let attempt = |number: u64| Append {
            once: Some(once("call-1", number % 2)),
            ..append("board", [event(&format!("body {}", number % 2))])
        };
        let outcomes = together(&store.journal(), (0..32).map(attempt)).await;
        let fresh = outcomes.iter().flatten().filter(|appended| !appended.repeated);
        assert_eq!(fresh.count(), 1, "{outcomes:?}");
        let same = outcomes
            .iter()
            .flatten()
            .map(|appended| (appended.first, appended.last));
        assert_eq!(same.collect::<BTreeSet<_>>(), BTreeSet::from([(1, 1)]));
        let other = outcomes
            .iter()
            .filter(|outcome| **outcome == Err(JournalError::OtherBody));
        assert_eq!(other.count(), 16, "those with the other body");

        // So it stays after a restart.
        let store = store.reopened().await;
        let journal = store.journal();
        let events = everything(&*journal, "board").await;
        assert_eq!(events.len(), 1);
        let winner = u64::from(&*events[0].name == "body 1");
        let again = journal.append(attempt(winner)).await.unwrap();
        assert!(again.repeated);
        assert_eq!(
            journal.append(attempt(winner + 1)).await,
            Err(JournalError::OtherBody)
        );
        assert_eq!(everything(&*journal, "board").await, events);
        let told = batch_of(&mut tail).unwrap();
        assert_eq!(*told[0], events[0]);
        assert_eq!(batch_of(&mut tail), None, "and nothing else was told");
    });
}

pub(super) fn the_tail_tells_what_can_be_read_already<S: Store>() {
    wait_for(async {
        const EVENTS: u64 = 200;
        let store = S::new();
        let mut tail = store.journal().tail();
        let journal = store.journal();
        let appender = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            for number in 0..EVENTS {
                let (journal, once) = (journal.clone(), once(&number.to_string(), 0));
                let append = Append {
                    once: Some(once),
                    ..append("board", [event(&number.to_string())])
                };
                tasks.spawn(async move { journal.append(append).await.unwrap() });
            }
            tasks.join_all().await;
        });
        let journal = store.journal();
        let mut told = 0;
        while told < EVENTS {
            let next = within_patience("the tail to go on", tail.next()).await;
            let Some(Tailed::Batch(batch)) = next else {
                panic!("it lags, or ends: {next:?}");
            };
            for record in batch.iter() {
                told += 1;
                assert_eq!(record.seq, told, "in order, none left out");
                let only = Cursor {
                    after: told - 1,
                    up_to: told,
                    ..WHOLE
                };
                let page = journal.read("board", only).await.unwrap();
                assert_eq!(page.records, [(**record).clone()]);
                assert!(journal.bounds("board").await.unwrap().head >= told);
                let stored = journal.stored_outcome(&record.name).await.unwrap();
                assert_eq!(stored.expect("the key is known by now").appended.first, told);
            }
        }
        appender.await.unwrap();
    });
}

pub(super) fn a_tail_that_lags_is_told_so<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let mut tail = journal.tail();
        let mut heads = Vec::new();
        // One after the other, so that none of them share a commit.
        for number in 0..1100 {
            let appended = journal
                .append(append("board", [event(&number.to_string())]))
                .await
                .unwrap();
            heads.push(appended.last);
        }
        let Some(Tailed::Lagged(missed)) = next_of(&mut tail) else {
            panic!("more was appended than the tail holds");
        };
        // What it missed is in the journal, what it holds goes on behind that.
        let missed = usize::try_from(missed).unwrap();
        let next = batch_of(&mut tail).unwrap();
        assert_eq!(next[0].seq, heads[missed]);
        let cursor = Cursor {
            up_to: heads[missed] - 1,
            ..WHOLE
        };
        assert_eq!(journal.read("board", cursor).await.unwrap().records.len(), missed);
    });
}

/// While one appends and compacts: what is above the floor of a page, and within its cursor, is in the page.
pub(super) fn a_page_and_its_bounds_are_of_one_moment<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let changing = tokio::spawn(async move {
            let keep = Retention {
                least: Duration::ZERO,
                events: Some(3),
                ..Retention::default()
            };
            for number in 0..200 {
                let batch = append("board", [event(&number.to_string())]);
                journal.append(batch).await.unwrap();
                journal.compact("board", keep).await.unwrap();
            }
        });
        let journal = store.journal();
        let mut pages = 0;
        while !changing.is_finished() || pages == 0 {
            for is_backlog in [false, true] {
                let Page { bounds, records } = match is_backlog {
                    true => journal.backlog("board", WHOLE).await.unwrap(),
                    false => journal.read("board", WHOLE).await.unwrap(),
                };
                let seqs: Vec<_> = records.iter().map(|record| record.seq).collect();
                assert_eq!(seqs, (bounds.floor + 1..=bounds.head).collect::<Vec<_>>());
            }
            pages += 1;
        }
        changing.await.unwrap();
    });
}

pub(super) fn a_page_is_never_empty_while_there_is_more<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let events = ["a", "b"].map(|name| event(name).key(name.to_owned()));
        journal.append(append("board", events)).await.unwrap();
        let cursor = Cursor { bytes: 0, ..WHOLE };
        assert_eq!(
            names(&journal.read("board", cursor).await.unwrap().records),
            ["a"]
        );
        assert_eq!(
            names(&journal.backlog("board", cursor).await.unwrap().records),
            ["a"]
        );
        let cursor = Cursor { after: 1, ..cursor };
        assert_eq!(
            names(&journal.read("board", cursor).await.unwrap().records),
            ["b"]
        );
    });
}

pub(super) fn numbers_beyond_what_a_file_can_say_are_no_error<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        journal.append(append("board", [event("one")])).await.unwrap();
        let beyond = Cursor {
            after: u64::MAX,
            ..WHOLE
        };
        assert_eq!(journal.read("board", beyond).await.unwrap().records, []);
        assert_eq!(everything(&*journal, "board").await.len(), 1);
        journal.commit_offset("board", "mailer", u64::MAX).await.unwrap();
        assert!(journal.committed_offset("board", "mailer").await.unwrap() > 1);
        let wrong = Append {
            expect: Some(u64::MAX),
            ..append("board", [event("two")])
        };
        let refusal = JournalError::Expectation {
            expected: u64::MAX,
            head: 1,
        };
        assert_eq!(journal.append(wrong).await, Err(refusal));
        let keep = Retention {
            least: Duration::ZERO,
            tombstones: Duration::MAX,
            age: Some(Duration::MAX),
            events: Some(u64::MAX),
            bytes: Some(u64::MAX),
        };
        assert_eq!(journal.compact("board", keep).await.unwrap().events, 0);
        assert_eq!(journal.expire_keys(Duration::MAX).await, Ok(0));
    });
}

pub(super) fn a_batch_without_events_is_remembered_but_leaves_no_trace<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        journal.append(append("other", [event("beside")])).await.unwrap();
        let nothing = Append {
            once: Some(once("call-1", 7)),
            ..append("board", [])
        };
        let first = journal.append(nothing.clone()).await.unwrap();
        assert_eq!((first.first, first.last, first.repeated), (0, 0, false));
        assert!(journal.append(nothing).await.unwrap().repeated);
        journal
            .answer("call-1".to_owned(), "done".to_owned())
            .await
            .unwrap();
        let stored = journal.stored_outcome("call-1").await.unwrap().unwrap();
        assert_eq!(stored.answer.as_deref(), Some("done"));

        let refused = Append {
            expect: Some(9),
            ..append("board", [event("too late")])
        };
        let refusal = JournalError::Expectation { expected: 9, head: 0 };
        assert_eq!(journal.append(refused).await, Err(refusal));
        assert_eq!(journal.bounds("board").await, Ok(TopicBounds::default()));
        let topics = journal.topics().await.unwrap();
        assert_eq!(topics, [("other".to_owned(), TopicBounds { head: 1, floor: 0 })]);
    });
}

pub(super) fn names_that_are_none_are_refused<S: Store>() {
    wait_for(async {
        let store = S::new();
        let journal = store.journal();
        let long = "x".repeat(129);
        for name in [
            "topic.start",
            "server.draining",
            "stream.end",
            "auth.x",
            "",
            "a\nb",
            &long,
        ] {
            let batch = [Event::new("said"), Event::new(name.to_owned())];
            let refusal = journal.append(append("board", batch)).await.unwrap_err();
            assert!(
                matches!(&refusal, JournalError::Malformed { name: told, .. } if told == name),
                "{refusal:?}"
            );
            let end = Event::tombstone(name.to_owned(), "key");
            journal.append(append("board", [end])).await.unwrap_err();
        }
        assert_eq!(
            journal.bounds("board").await,
            Ok(TopicBounds::default()),
            "nothing was appended"
        );
    });
}
