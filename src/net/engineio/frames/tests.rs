use proptest::{collection::vec, prelude::*};

use super::*;

/// Something to send: a text or a Buffer of so many bytes.
#[derive(Clone, Debug)]
enum Sent {
    Text(usize),
    Buffer(usize),
}

fn sent() -> impl Strategy<Value = Sent> {
    let length = prop_oneof![0..200_usize, LARGE - 2..LARGE + 2, LARGE..5 * LARGE];
    prop_oneof![length.clone().prop_map(Sent::Text), length.prop_map(Sent::Buffer)]
}

/// What is done to frames between messages.
#[derive(Clone, Copy, Debug)]
enum Done {
    Written(usize),
    HoldsLess,
    ForgetsWritten,
    TakesBack(usize),
}

fn done() -> impl Strategy<Value = Done> {
    prop_oneof![
        3 => (0..3 * LARGE).prop_map(Done::Written),
        1 => Just(Done::HoldsLess),
        1 => Just(Done::ForgetsWritten),
        1 => (0..2 * LARGE).prop_map(Done::TakesBack),
    ]
}

fn filled(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at + number * 7) as u8 & 0x7f).collect()
}

fn put(frames: &mut Frames, protocol: Protocol, number: usize, sent: &Sent) {
    match sent {
        Sent::Text(length) => encode::frame(&mut frames.bytes, Kind::Text, &filled(number, *length)),
        Sent::Buffer(length) => frames.binary(protocol, filled(number, *length).into()),
    }
}

/// The same, in one piece.
fn expected(protocol: Protocol, number: usize, sent: &Sent) -> Vec<u8> {
    let mut bytes = Vec::new();
    match sent {
        Sent::Text(length) => encode::frame(&mut bytes, Kind::Text, &filled(number, *length)),
        Sent::Buffer(length) => {
            let prefix: &[u8] = match protocol {
                Protocol::V3 => &[MESSAGE],
                Protocol::V4 => &[],
            };
            encode::frame(
                &mut bytes,
                Kind::Binary,
                &[prefix, &filled(number, *length)].concat(),
            );
        }
    }
    bytes
}

/// What is written next, of so many bytes at most, as a socket takes it.
fn written(frames: &mut Frames, most: usize) -> Vec<u8> {
    let mut slices = no_slices();
    let filled = frames.slices(&mut slices);
    let mut bytes: Vec<u8> = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect();
    if let Some(piece) = frames.piece() {
        assert_eq!(piece, bytes);
    }
    bytes.truncate(most);
    frames.advance(bytes.len());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn all_leaves_in_its_order_whatever_is_done_meanwhile(
        steps in vec((sent(), vec(done(), 0..4)), 1..8),
        is_old: bool,
    ) {
        let protocol = if is_old { Protocol::V3 } else { Protocol::V4 };
        let (mut frames, mut left, mut all) = (Frames::default(), Vec::new(), Vec::new());
        for (number, (sent, then)) in steps.iter().enumerate() {
            let mark = frames.mark();
            put(&mut frames, protocol, number, sent);
            all.extend(expected(protocol, number, sent));
            let length = match sent {
                Sent::Text(length) => (true, *length),
                Sent::Buffer(length) => (false, length + usize::from(is_old)),
            };
            prop_assert_eq!(frames.messages(mark).collect::<Vec<_>>(), [length]);
            prop_assert_eq!(frames.len(), all.len() - left.len());
            for done in then {
                match done {
                    Done::Written(most) => left.extend(written(&mut frames, *most)),
                    Done::HoldsLess => frames.hold_less(LARGE),
                    Done::ForgetsWritten => frames.forget_written(),
                    Done::TakesBack(length) => {
                        let mark = frames.mark();
                        put(&mut frames, protocol, 0, &Sent::Buffer(*length));
                        frames.truncate(mark);
                    }
                }
                prop_assert_eq!(frames.len(), all.len() - left.len());
                prop_assert_eq!(frames.is_empty(), all.len() == left.len());
            }
        }
        while !frames.is_empty() {
            left.extend(written(&mut frames, usize::MAX));
        }
        prop_assert!(left == all);
        prop_assert_eq!(frames.take().len(), 0);
        prop_assert!(frames.is_empty());
    }

    #[test]
    fn frames_that_are_shared_are_appended_as_they_are(mine in vec(sent(), 0..3), shared in vec(sent(), 0..4), most in 0..3 * LARGE) {
        let of = |all: &[Sent]| {
            let mut frames = Frames::default();
            all.iter().for_each(|sent| put(&mut frames, Protocol::V4, 1, sent));
            frames
        };
        let flat = |all: &[Sent]| all.iter().flat_map(|sent| expected(Protocol::V4, 1, sent)).collect::<Vec<_>>();
        let (mut frames, shared_frames) = (of(&mine), of(&shared));
        let mut left = written(&mut frames, most);
        frames.append(&shared_frames);
        while !frames.is_empty() {
            left.extend(written(&mut frames, usize::MAX));
        }
        prop_assert!(left == [flat(&mine), flat(&shared)].concat());
        prop_assert_eq!(shared_frames.len(), flat(&shared).len());
        prop_assert_eq!(shared_frames.all_messages().count(), shared.len());
    }
}

#[test]
fn a_large_buffer_is_not_copied_until_little_is_left_of_it() {
    let buffer = Bytes::from(vec![7; 1 << 20]);
    let mut frames = Frames::default();
    frames.binary(Protocol::V4, buffer.clone());
    let is_it = |frames: &Frames, from: usize| {
        let parts: Vec<_> = frames.parts().collect();
        std::ptr::eq(parts[parts.len() - 1], &buffer[from..])
    };
    assert!(is_it(&frames, 0));
    let half = 1 << 19;
    frames.advance(10 + half);
    frames.hold_less(LARGE);
    assert!(is_it(&frames, half));
    frames.advance(half - 100);
    frames.hold_less(LARGE);
    assert!(!is_it(&frames, buffer.len() - 100));
    assert_eq!(frames.parts().collect::<Vec<_>>(), [[7; 100]]);
}
