//! Whatever clients do, the budget holds, and clients that wait get theirs.

use std::thread;

use futures_util::FutureExt;
use proptest::prelude::*;

use super::*;

fn budget(most: usize) -> Arc<Budget> {
    Budget::new(most, Counter::default())
}

#[test]
fn who_holds_little_is_served_when_those_who_hold_much_are_not() {
    let budget = budget(1600);
    let (greedy, modest) = (Holder::new(budget.clone()), Holder::new(budget.clone()));
    let much = greedy.hold();
    assert!(!much.take(1201), "the last quarter is for others");
    assert!(much.take(1200));
    assert!(!much.take(1));
    let little = modest.hold();
    assert!(!little.take(201), "two hold: a half of the last quarter each");
    assert!(little.take(200));
    assert!(!little.take(1));
    drop(much);
    assert!(little.take(1000));
    drop(little);
    assert_eq!((budget.held(), budget.holders.load(Ordering::Relaxed)), (0, 0));
}

#[test]
fn a_queue_counts_in_steps_and_nothing_while_it_is_short() {
    let budget = budget(10 * STEP);
    let queue = Holder::new(budget.clone()).hold();
    assert!(queue.cover(STEP));
    assert_eq!(budget.held(), 0);
    assert!(queue.cover(STEP + 1) && queue.cover(10));
    assert_eq!(budget.held(), 2 * STEP);
    let handed_on = queue.split(0);
    assert_eq!(budget.held(), 2 * STEP);
    assert!(queue.cover(3 * STEP) && !queue.cover(8 * STEP));
    queue.shrink_to(0);
    assert_eq!(budget.held(), 2 * STEP);
    drop(handed_on);
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn those_who_wait_hear_that_something_was_given_back() {
    let holder = Holder::new(budget(100));
    let held = holder.hold();
    assert!(held.take(10));
    let freed = holder.freed();
    drop(held);
    freed.await;
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Take(usize),
    GiveBack(usize),
    Cover(usize),
    Settle(usize),
    Split(usize),
    Drop,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || 0..5 * STEP;
    prop_oneof![
        bytes().prop_map(Step::Take),
        bytes().prop_map(Step::GiveBack),
        bytes().prop_map(Step::Cover),
        bytes().prop_map(Step::Settle),
        bytes().prop_map(Step::Split),
        Just(Step::Drop),
    ]
}

fn play(holder: &Arc<Holder>, steps: &[Step], most: usize) {
    let mut held = holder.hold();
    let mut handed_on = Vec::new();
    for step in steps {
        match *step {
            Step::Take(bytes) => drop(held.take(bytes)),
            Step::GiveBack(bytes) => held.give_back(bytes),
            Step::Cover(bytes) => {
                let has = held.cover(bytes);
                assert!(!has || held.bytes() >= counted(bytes));
            }
            Step::Settle(bytes) => {
                held.shrink_to(bytes);
                assert!(held.bytes() <= counted(bytes));
            }
            Step::Split(bytes) => handed_on.push(held.split(bytes)),
            Step::Drop => held = holder.hold(),
        }
        assert!(holder.budget.held() <= most);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever clients do at the same time, no more is held than may be, and nothing when all have gone.
    #[test]
    fn it_is_never_exceeded_and_never_leaks(
        clients in proptest::collection::vec(proptest::collection::vec(step(), 0..40), 1..5),
        most in 0..12 * STEP,
    ) {
        let budget = budget(most);
        thread::scope(|scope| {
            for steps in &clients {
                // Two threads for each client: its calls and its queue are on different ones.
                let holder = Holder::new(budget.clone());
                let same = holder.clone();
                scope.spawn(move || play(&holder, steps, most));
                scope.spawn(move || play(&same, steps, most));
            }
        });
        prop_assert_eq!(budget.held(), 0);
        prop_assert_eq!(budget.holders.load(Ordering::Relaxed), 0);
    }
}

/// Clients that each wait for all that they need, hold nothing meanwhile, and give it back once they have it: each gets it,
/// however much they need together, and beside others that hold little.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_wait_are_granted_theirs() {
    let budget = budget(64 * STEP);
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..40_usize {
        let holder = Holder::new(budget.clone());
        clients.spawn(async move {
            for round in 0..50 {
                let held = holder.hold();
                // From a step and a half to the largest that is granted.
                let needs = STEP * 3 / 2 + (client * 7 + round * 13) % 31 * STEP;
                held.granted(needs).await;
                assert!(holder.budget.held() <= holder.budget.most());
                tokio::task::yield_now().await;
            }
        });
    }
    let all = async { while clients.join_next().await.is_some_and(|ended| ended.is_ok()) {} };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), all).await;
    assert!(in_time.is_ok(), "some wait for ever");
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn who_needs_little_does_not_wait_for_those_who_need_much() {
    let budget = budget(64 * STEP);
    let holder = || Holder::new(budget.clone());
    let (first, next, small) = (holder().hold(), holder().hold(), holder().hold());
    first.granted(32 * STEP).await;
    let mut waits = Box::pin(next.granted(32 * STEP));
    assert!((&mut waits).now_or_never().is_none());
    assert!(small.granted(4 * STEP).now_or_never().is_some());
    let third = holder().hold();
    assert!(
        third.granted(9 * STEP).now_or_never().is_none(),
        "it would fit, and comes after the one before"
    );
    drop(first);
    waits.await;
}
