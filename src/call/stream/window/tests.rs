use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn width(frames: u32) -> NonZeroU32 {
    NonZeroU32::new(frames).unwrap()
}

#[test]
fn so_many_frames_are_out_and_no_more() {
    let mut window = SendWindow::new(0, Some(width(2)));
    assert_eq!((window.send(), window.send()), (0, 1));
    assert!(!window.has_room());
    assert_eq!(window.credit(1), Ok(true));
    assert!(window.has_room());
    assert_eq!(window.send(), 2);
    assert!(!window.has_room());
}

#[test]
fn without_a_window_there_is_always_room() {
    let mut window = SendWindow::new(0, None);
    for number in 0..100 {
        assert!(window.has_room());
        assert_eq!(window.send(), number);
    }
}

#[test]
fn a_credit_that_was_overtaken_is_no_news_and_one_for_the_future_a_fault() {
    let mut window = SendWindow::new(7, Some(width(4)));
    assert_eq!(window.credit(8), Err(NeverSent));
    for _ in 0..3 {
        window.send();
    }
    assert_eq!(window.credit(9), Ok(true));
    assert_eq!(window.credit(8), Ok(false));
    assert_eq!(window.credit(11), Err(NeverSent));
    assert_eq!(window.end(), 7, "none is known to have left");
    window.sent();
    assert_eq!(window.end(), 10);
}

#[test]
fn frames_come_in_order_and_with_credit() {
    let mut window = ReceiveWindow::new(width(2));
    assert_eq!(window.arrives(1), Err(Unfit::OutOfOrder { expected: 0 }));
    assert_eq!(window.arrives(0), Ok(()));
    assert_eq!(window.arrives(0), Err(Unfit::OutOfOrder { expected: 1 }));
    assert_eq!(window.arrives(1), Ok(()));
    assert_eq!(window.arrives(2), Err(Unfit::WithoutCredit));
    assert_eq!(window.take(), Some(1));
    assert_eq!(window.arrives(2), Ok(()));
    assert_eq!(window.is_due(3), Ok(()));
    assert_eq!(window.is_due(2), Err(Unfit::OutOfOrder { expected: 3 }));
}

/// What may happen at either end of a stream whose packets take their time.
#[derive(Clone, Debug)]
enum Step {
    Send,
    Arrive,
    Take,
    CreditArrives,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Send),
        Just(Step::Arrive),
        Just(Step::Take),
        Just(Step::CreditArrives)
    ];
    prop::collection::vec(step, 0..400)
}

proptest! {
    /// Both ends by the same arithmetic, over a line that keeps order: whatever happens when, no frame comes without credit, no more
    /// are out than the window, and none is stuck once everything has arrived.
    #[test]
    fn whatever_happens_when_frames_flow_within_the_window(frames in 1_u32..20, steps in steps()) {
        let mut sender = SendWindow::new(0, Some(width(frames)));
        let mut receiver = ReceiveWindow::new(width(frames));
        let (mut line, mut credits) = (VecDeque::new(), VecDeque::new());
        let (mut waiting, mut taken) = (0_u64, 0_u64);
        let mut step = |step: &Step| -> Result<(), TestCaseError> {
            match step {
                Step::Send if sender.has_room() => line.push_back(sender.send()),
                Step::Arrive => if let Some(n) = line.pop_front() {
                    prop_assert_eq!(receiver.arrives(n), Ok(()));
                    waiting += 1;
                },
                Step::Take if waiting > 0 => {
                    waiting -= 1;
                    taken += 1;
                    credits.extend(receiver.take());
                }
                Step::CreditArrives => if let Some(n) = credits.pop_front() {
                    prop_assert_eq!(sender.credit(n), Ok(true));
                },
                Step::Send | Step::Take => {}
            }
            prop_assert!(sender.next - taken <= u64::from(frames));
            Ok(())
        };
        for one in &steps {
            step(one)?;
        }
        for _ in 0..2 * frames {
            for one in [Step::Arrive, Step::Take, Step::CreditArrives] {
                step(&one)?;
            }
        }
        prop_assert!(sender.has_room(), "all that was sent is taken, and no credit came");
    }
}
