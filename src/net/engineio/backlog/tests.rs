use super::*;
use crate::call::memory::{Budget, Holder};

fn empty() -> State {
    let budget = Budget::new(1 << 30, Default::default());
    State::new(Protocol::V4, Holder::new(budget).hold(), None)
}

fn message(number: usize) -> Outgoing {
    Outgoing::Text(format!("4{number}").into_bytes())
}

fn polled(state: &mut State) -> Vec<Outgoing> {
    match state.take_packets() {
        Polled::Packets(packets, _) => packets,
        other => panic!("packets were expected, not {other:?}"),
    }
}

#[test]
fn polls_take_what_was_said_in_order_and_no_more_than_clients_bear() {
    let mut state = empty();
    for number in 0..40 {
        assert!(state.put(&message(number), Priority::Normal).unwrap());
    }
    let mut heard = Vec::new();
    for expected in [16, 16, 8] {
        let packets = polled(&mut state);
        assert_eq!(packets.len(), expected);
        heard.extend(packets);
    }
    assert_eq!(heard, (0..40).map(message).collect::<Vec<_>>());
    assert!(matches!(state.take_packets(), Polled::Nothing));
    state.ended = true;
    assert!(matches!(state.take_packets(), Polled::Over));
}

#[test]
fn what_waits_is_bounded_and_refusals_stand_beyond_that() {
    let mut state = empty();
    let taken = (0..).take_while(|number| state.put(&message(*number), Priority::Normal).unwrap());
    assert_eq!(taken.count(), MOST_MESSAGES);
    assert!(state.put(&message(0), Priority::Beyond).unwrap());
    let beyond = (0..).take_while(|number| state.put(&message(*number), Priority::Beyond).unwrap());
    assert_eq!(beyond.count() + 1, MOST_BEYOND);
    let large = Outgoing::Text(vec![b'4'; MOST_BYTES]);
    let mut state = empty();
    assert!(state.put(&large, Priority::Normal).unwrap());
    assert!(
        !state.put(&message(0), Priority::Normal).unwrap(),
        "bytes count too"
    );
    polled(&mut state);
    assert!(
        state.put(&message(0), Priority::Normal).unwrap(),
        "there is room again"
    );
}

#[test]
fn only_notices_are_not_waited_for() {
    let mut state = empty();
    state.put(&message(0), Priority::Notice).unwrap();
    assert!(state.is_flushed());
    state.put(&message(1), Priority::Normal).unwrap();
    assert!(!state.is_flushed());
    polled(&mut state);
    assert!(state.is_flushed());
}
