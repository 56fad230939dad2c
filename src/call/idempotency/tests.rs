//! However a call ends, its key is not among those that run any more.

use std::{future::pending, panic::AssertUnwindSafe, sync::Barrier, thread, time::Duration};

use futures_util::{FutureExt, future::BoxFuture, task::noop_waker_ref};
use tokio::task::yield_now;

use super::*;
use crate::{
    call::{
        identity::Identity,
        payload::{Arrived, Call, Limits, Name},
    },
    error::{CallError, Code},
    event::Event,
    journal::{Append, MemoryJournal, Once},
};

type Function = BoxFuture<'static, Result<Reply>>;

fn idempotency() -> Idempotency {
    Idempotency::new(Arc::new(MemoryJournal::new().unwrap()))
}

fn call(key: &str) -> IdempotentCall {
    let arrived = Arrived {
        text: format!(r#"["event",{{"event":"api.test.run","id":"{key}"}}]"#).into(),
        attachments: Vec::new(),
    };
    let call = Call::decode(arrived, &Limits::default()).unwrap();
    IdempotentCall::of(&call, &Identity::ANONYMOUS).unwrap().unwrap()
}

/// In an hour.
fn ending() -> Ending {
    let limit = Duration::from_hours(1);
    Ending {
        event: Name::new("api.test.run"),
        latest: tokio::time::Instant::now() + limit,
        limit,
    }
}

/// Runs a call to its end, however it ends.
async fn run(idempotency: &Idempotency, start: impl FnOnce() -> Result<Function>) {
    let (call, ending) = (call("key"), ending());
    let applied = idempotency.apply(&call, (), async { start() }, &ending);
    let _ = AssertUnwindSafe(applied).catch_unwind().await;
}

fn running(idempotency: &Idempotency) -> usize {
    idempotency.running.len()
}

/// One that has begun, and does not end by itself.
fn begun<'a>(idempotency: &'a Idempotency, call: &'a IdempotentCall) -> BoxFuture<'a, Result<Reply>> {
    let mut begun = Box::pin(async move {
        let start = async { Ok(pending::<Result<Reply>>().boxed()) };
        idempotency.apply(call, (), start, &ending()).await
    });
    assert!(
        begun
            .poll_unpin(&mut std::task::Context::from_waker(noop_waker_ref()))
            .is_pending()
    );
    begun
}

#[tokio::test]
async fn nothing_is_left_of_a_call_that_came_to_its_end() {
    let idempotency = idempotency();
    run(&idempotency, || Ok(async { Ok(None) }.boxed())).await;
    assert_eq!(running(&idempotency), 0, "an answer");
    let refused = || CallError::new(Code::Forbidden, "no");
    run(&idempotency, move || Ok(async move { Err(refused()) }.boxed())).await;
    assert_eq!(running(&idempotency), 0, "an error");
    run(&idempotency, move || Err(refused())).await;
    assert_eq!(running(&idempotency), 0, "arguments that do not fit");
    run(&idempotency, || Ok(async { panic!("at once") }.boxed())).await;
    assert_eq!(running(&idempotency), 0, "a panic");
    let late = async {
        yield_now().await;
        panic!("later")
    };
    run(&idempotency, || Ok(late.boxed())).await;
    assert_eq!(running(&idempotency), 0, "a late panic");
    run(&idempotency, || panic!("before")).await;
    assert_eq!(running(&idempotency), 0, "a panic before it begins");
}

/// It was tried before the server was brought up to date, and is tried again after.
#[tokio::test]
async fn a_key_of_a_journal_from_before_is_known_where_the_call_is_written_the_same_way() {
    let (idempotency, first, ending) = (idempotency(), call("key"), ending());
    assert_ne!(first.digest, first.digest_as_written);
    let append = |digest| Append {
        topic: "board".to_owned(),
        events: vec![Event::new("note")],
        expect: None,
        expect_keys: Vec::new(),
        once: Some(Once {
            key: "key".to_owned(),
            digest,
            answer: None,
        }),
    };
    let appended = idempotency.journal.append(append(first.digest_as_written)).await;
    let never = || async { Ok(async { panic!("it ran again") }.boxed()) };
    let again = idempotency.apply::<Function>(&first, (), never(), &ending).await;
    let again = serde_json::to_value(again.unwrap().unwrap()).unwrap();
    assert_eq!(again, idempotency.position(appended.unwrap().last).to_string());
    let mut other = call("key");
    other.digest_as_written = 0;
    let refused = idempotency.apply::<Function>(&other, (), never(), &ending).await;
    assert_eq!(refused.err().unwrap().code(), Code::Conflict);
}

/// As one is that takes too long, or whose server stops.
#[tokio::test]
async fn nothing_is_left_of_a_call_that_is_dropped() {
    let idempotency = idempotency();
    let (first, second, third, other) = (call("key"), call("key"), call("key"), call("other"));
    let first = begun(&idempotency, &first);
    let second = begun(&idempotency, &second);
    let third = begun(&idempotency, &third);
    let other = begun(&idempotency, &other);
    assert_eq!(running(&idempotency), 2, "by key");
    drop(other);
    assert_eq!(running(&idempotency), 1);
    drop(second);
    assert_eq!(running(&idempotency), 1, "one of those that wait for their turn");
    drop(first);
    assert_eq!(running(&idempotency), 1, "the one that ran, while another waits");
    drop(third);
    assert_eq!(running(&idempotency), 0);
}

/// Each of two callers that leave could take the other for one that stays.
#[test]
fn nothing_is_left_of_calls_that_are_dropped_at_once() {
    const ROUNDS: usize = 20_000;
    let (idempotency, together) = (idempotency(), Barrier::new(2));
    let timers = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let timers = timers.unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _timers = timers.enter();
                let call = call("key");
                for round in 0..ROUNDS {
                    let begun = begun(&idempotency, &call);
                    together.wait();
                    drop(begun);
                    together.wait();
                    assert_eq!(running(&idempotency), 0, "round {round}");
                    together.wait();
                }
            });
        }
    });
}
