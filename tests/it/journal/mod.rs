//! What a journal promises (`src/journal/contract.rs`), held against every store by one suite.

mod any_sequence;
#[cfg(all(unix, feature = "postgres"))]
mod away;
mod compaction;
#[cfg(all(unix, feature = "postgres"))]
mod concurrent;
mod crash;
mod due;
mod earlier;
mod expectations;
mod failures;
mod full_disk;
#[cfg(all(unix, feature = "postgres"))]
mod histories;
mod leases;
mod log_size;
mod lost;
mod model;
#[cfg(all(unix, feature = "postgres"))]
mod order;
mod promises;
#[cfg(all(unix, feature = "postgres"))]
mod refused;
#[cfg(all(unix, feature = "postgres"))]
mod shared;
mod steps;
mod store;

use std::future::Future;

use futures_util::{FutureExt, StreamExt};
use tokio::task::unconstrained;
use updraft::{
    Event,
    journal::{Append, Batch, Cursor, Journal, Once, Record, Tail, Tailed},
};

#[cfg(all(unix, feature = "postgres"))]
use crate::support::journal_answer;

/// Tells every story of the suite of every store. A new store is one more line here.
macro_rules! every_store {
    ($($room:ident::$story:ident),+ $(,)?) => {
        every_store!(memory: store::Memory; $($room::$story),+);
        every_store!(sqlite: store::Sqlite; $($room::$story),+);
        #[cfg(all(unix, feature = "postgres"))]
        every_store!(postgres: store::Postgres; $($room::$story),+);
    };
    ($name:ident: $store:ty; $($room:ident::$story:ident),+) => {
        mod $name {
            use super::*;
            $(
                #[test]
                fn $story() {
                    $room::$story::<$store>();
                }
            )+
        }
    };
}

every_store! {
    any_sequence::any_sequence_leaves_what_the_model_says,
    promises::appends_from_many_tasks_are_whole_and_in_one_order,
    promises::of_those_who_expect_the_same_head_one_wins,
    expectations::of_those_who_expect_a_key_one_wins_and_no_other_key_loses,
    expectations::a_key_that_ended_can_be_expected_to_have_no_event,
    expectations::a_batch_may_expect_several_keys,
    promises::a_key_is_applied_once_however_many_try,
    promises::the_tail_tells_what_can_be_read_already,
    promises::a_tail_that_lags_is_told_so,
    promises::a_page_and_its_bounds_are_of_one_moment,
    leases::a_lease_is_renewed_with_its_token,
    leases::a_committed_position_never_goes_back,
    promises::a_page_is_never_empty_while_there_is_more,
    promises::numbers_beyond_what_a_file_can_say_are_no_error,
    promises::names_that_are_none_are_refused,
    promises::a_batch_without_events_is_remembered_but_leaves_no_trace,
    compaction::ages_decide_what_may_go,
    compaction::a_long_topic_is_compacted_to_its_end,
    due::it_is_told_when_more_may_go,
    due::what_is_due_goes_and_not_before,
    compaction::idempotency_keys_are_forgotten_by_age,
    compaction::a_reader_who_pages_while_others_append_and_compact_ends_up_right,
    compaction::a_sequence_number_is_not_used_again_after_its_event_went,
}

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

/// Everything of a topic, in one page.
const WHOLE: Cursor = Cursor {
    after: 0,
    up_to: u64::MAX,
    events: usize::MAX,
    bytes: usize::MAX,
};

fn event(name: &str) -> Event {
    Event::new(name.to_owned()).data(name).unwrap()
}

fn append(topic: &str, events: impl IntoIterator<Item = Event>) -> Append {
    Append {
        topic: topic.to_owned(),
        events: events.into_iter().collect(),
        ..Append::default()
    }
}

fn once(key: &str, digest: u64) -> Once {
    Once {
        key: key.to_owned(),
        digest,
        answer: None,
    }
}

/// Appends an event to the board once, however often it has to be tried.
#[cfg(all(unix, feature = "postgres"))]
async fn append_once(journal: &dyn Journal, key: &str, event: Event) {
    let append = || Append {
        once: Some(once(key, 1)),
        ..append("board", [event.clone()])
    };
    journal_answer(async || journal.append(append()).await)
        .await
        .unwrap();
}

async fn everything(journal: &dyn Journal, topic: &str) -> Vec<Record> {
    journal.read(topic, WHOLE).await.unwrap().records
}

/// What the tail has to tell by now, however much a task may do at a time.
fn next_of(tail: &mut Tail) -> Option<Tailed> {
    unconstrained(tail.next()).now_or_never().flatten()
}

/// The same where it did not lag.
fn batch_of(tail: &mut Tail) -> Option<Batch> {
    match next_of(tail)? {
        Tailed::Batch(batch) => Some(batch),
        Tailed::Lagged(missed) => panic!("{missed} batches were missed"),
    }
}

/// The names of events, where a story told them apart by these.
fn names(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| &*record.name).collect()
}
