//! What topics promise to whoever reads them (`src/feed/`): told with a real server, on every store.

mod any_readers;
mod begin;
mod board;
mod bodies;
mod canary;
mod clients;
mod compaction;
mod consumers;
mod declarations;
mod earlier;
mod handshakes;
mod hindered;
mod once;
mod orders;
pub(crate) mod presence;
mod projections;
mod publish;
mod reader;
mod resume;
mod skipping;
mod slow;

use std::{future::Future, path::Path, sync::Arc, time::Duration};

use updraft::{
    App, Event, Topic, everyone,
    journal::{Append, Cursor, Durability, Journal, MemoryJournal, Record, Retention, SqliteJournal},
};

use self::reader::Reader;
use crate::support::{Local, within_patience};

/// Tells every story on every store.
macro_rules! on_every_store {
    ($($room:ident::$story:ident),+ $(,)?) => {
        mod memory {
            use super::*;
            $(
                #[test]
                fn $story() {
                    wait_for($room::$story(in_memory()));
                }
            )+
        }

        mod sqlite {
            use super::*;
            $(
                #[test]
                fn $story() {
                    let directory = tempfile::tempdir().unwrap();
                    wait_for(async { $room::$story(in_directory(directory.path())).await });
                }
            )+
        }
    };
}

on_every_store! {
    begin::a_new_reader_gets_the_compacted_backlog_then_live,
    begin::an_empty_topic_is_live_at_once,
    begin::a_second_subscription_takes_the_place_of_the_first,
    begin::after_unsubscribe_nothing_of_the_topic_arrives,
    begin::who_may_not_read_is_told_so,
    begin::what_a_handshake_asks_for_comes_before_the_first_call,
    begin::a_reader_who_is_gone_holds_nothing,
    resume::who_resumes_gets_all_that_came_after_and_nothing_twice,
    resume::who_cannot_resume_begins_anew,
    resume::a_handshake_subscribes,
    handshakes::who_asks_for_what_is_refused_is_told_and_gets_the_rest,
    handshakes::what_is_no_list_of_topics_is_refused_as_a_whole,
    handshakes::half_a_surrogate_pair_in_a_handshake_costs_nothing_else,
    handshakes::a_handshake_of_hundreds_of_topics_is_answered_within_bounds,
    slow::a_reader_who_does_not_read_misses_nothing,
    slow::who_may_skip_skips_and_ends_the_same,
    publish::the_servers_own_names_are_not_published,
    publish::of_two_who_expect_the_same_end_one_wins,
    publish::a_batch_arrives_whole_and_unbroken,
    publish::what_nobody_declared_cannot_be_published_to,
    publish::what_goes_on_after_a_call_publishes_too,
    once::who_tries_again_gets_the_first_answer,
    once::an_answer_with_buffers_comes_again,
    bodies::a_key_with_another_body_is_a_conflict,
    once::who_tries_again_too_early_waits_for_the_first_answer,
    once::what_changed_nothing_runs_again,
    once::a_call_that_never_ended_has_its_answer,
    once::all_that_a_call_publishes_is_published,
    once::calls_with_and_without_a_key_begin_in_order,
    earlier::who_gave_up_and_tries_again_gets_what_the_first_try_said,
    earlier::what_follows_the_publish_of_an_earlier_try_is_not_published,
    earlier::who_tries_again_at_another_server_gets_the_first_answer,
    earlier::who_was_not_told_that_it_was_published_may_try_again,
    compaction::what_a_topic_need_not_keep_goes,
    compaction::a_topic_is_left_alone_until_there_may_be_something_to_remove,
    compaction::a_call_is_remembered_for_as_long_as_is_configured,
    projections::a_projection_is_the_fold_of_its_topic,
    projections::an_event_that_the_fold_panics_on_is_left_out,
    projections::a_fold_that_always_panics_leaves_the_state_as_it_began,
    projections::a_projection_that_compaction_overtakes_misses_no_end,
    orders::a_function_finds_what_it_published,
    orders::what_one_server_acked_is_read_at_another,
    orders::fifty_who_decide_about_different_things_are_all_accepted,
    orders::of_fifty_who_decide_about_one_thing_each_sees_the_one_before,
    orders::so_do_those_who_decide_at_two_servers,
    orders::a_key_that_ended_is_decided_about_anew,
    orders::who_decides_again_by_the_same_id_gets_the_first_answer,
    orders::who_finds_done_what_an_earlier_try_did_gets_its_answer,
    orders::who_cannot_see_what_was_acked_is_told_so_in_time,
    consumers::a_consumer_gets_all_in_order_and_goes_on_after_a_restart,
    consumers::what_a_consumer_fails_on_goes_to_the_dead_letters,
    presence::a_socket_is_there_from_its_entry_until_it_goes,
    presence::members_of_a_server_that_is_gone_are_gone_at_the_next_start,
    presence::of_many_who_come_and_go_those_are_there_who_did_not_go,
    presence::what_is_no_presence_cannot_be_entered,
}

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

fn in_memory() -> Arc<dyn Journal> {
    Arc::new(MemoryJournal::new().unwrap())
}

/// Without a sync per commit: no story loses power.
fn in_directory(directory: &Path) -> Arc<dyn Journal> {
    Arc::new(SqliteJournal::open(directory, Durability::ProcessCrash).unwrap())
}

/// Everything of a topic, in one page.
const WHOLE: Cursor = Cursor {
    after: 0,
    up_to: u64::MAX,
    events: usize::MAX,
    bytes: usize::MAX,
};

async fn everything(journal: &dyn Journal, topic: &str) -> Vec<Record> {
    journal.read(topic, WHOLE).await.unwrap().records
}

/// A server whose only topic everyone may read.
async fn serve(journal: &Arc<dyn Journal>, topic: &str) -> Local {
    let topic = Topic::new(topic.to_owned()).readable_by(everyone);
    Local::of(App::new().journal(journal.clone()).topic(topic)).await
}

/// Appends a batch; where its last event stands.
async fn publish(journal: &Arc<dyn Journal>, topic: &str, events: impl IntoIterator<Item = Event>) -> u64 {
    let append = Append {
        topic: topic.to_owned(),
        events: events.into_iter().collect(),
        ..Append::default()
    };
    journal.append(append).await.unwrap().last
}

/// A card as it is now.
fn card(id: &str, title: &str) -> Event {
    Event::new("card.set").key(id.to_owned()).data(title).unwrap()
}

/// The end of a card.
fn end(id: &str) -> Event {
    Event::tombstone("card.removed", id.to_owned())
}

/// An event without a key.
fn note(text: &str) -> Event {
    Event::new("note").data(text).unwrap()
}

/// Removes all that need not be kept, once it is old enough for that: until the floor is here.
async fn compact_to(journal: &Arc<dyn Journal>, topic: &str, floor: u64) {
    let keep = Retention {
        least: Duration::ZERO,
        tombstones: Duration::ZERO,
        ..Retention::default()
    };
    within_patience("the compaction", async {
        while journal.bounds(topic).await.unwrap().floor < floor {
            journal.compact(topic, keep).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}
