use proptest::prelude::*;

use super::{
    super::reference::{Heard, hear, hear_deflated, reference},
    *,
};

const LIMIT: usize = 300;

/// A frame as a client may send it, or not.
#[derive(Clone, Debug)]
struct Raw {
    first: u8,
    mask: Option<[u8; 4]>,
    payload: Vec<u8>,
}

impl Raw {
    fn new(first: u8, payload: &[u8]) -> Self {
        Self {
            first,
            mask: Some([1, 2, 3, 250]),
            payload: payload.to_vec(),
        }
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        bytes.push(self.first);
        match self.payload.len() {
            length @ ..126 => bytes.push(masked | length as u8),
            length => {
                bytes.push(masked | 126);
                bytes.extend((length as u16).to_be_bytes());
            }
        }
        bytes.extend(self.mask.into_iter().flatten());
        let mask = self.mask.unwrap_or_default();
        bytes.extend(
            self.payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    }
}

fn bytes(frames: &[Raw]) -> Vec<u8> {
    let mut bytes = Vec::new();
    frames.iter().for_each(|frame| frame.write(&mut bytes));
    bytes
}

fn heard(frames: &[Raw]) -> Vec<Heard> {
    let bytes = bytes(frames);
    let (heard, violation) = hear(&[&bytes], LIMIT);
    assert_eq!(violation, None);
    heard
}

#[track_caller]
fn refused(frames: &[Raw]) -> u16 {
    let bytes = bytes(frames);
    let (_, violation) = hear(&[&bytes], LIMIT);
    violation.expect("it is refused").code()
}

/// The examples of RFC 6455, 5.7, that a client may send.
#[test]
fn the_standards_examples_are_read_as_it_has_them() {
    let masked = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(hear(&[masked], LIMIT).0, [Heard::Text("Hello".into())]);
    let pong = b"\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
    assert_eq!(hear(&[pong], LIMIT).0, [Heard::Pong(b"Hello".into())]);
    let fragments = [Raw::new(0x01, b"Hel"), Raw::new(0x80, b"lo")];
    assert_eq!(heard(&fragments), [Heard::Text("Hello".into())]);
}

#[test]
fn control_frames_stand_between_fragments() {
    let frames = [
        Raw::new(0x01, "ü".as_bytes().split_at(1).0),
        Raw::new(0x89, b"are you there"),
        Raw::new(0x00, b""),
        Raw::new(0x8a, b""),
        Raw::new(0x80, "ü".as_bytes().split_at(1).1),
        Raw::new(0x82, &[0xff; 200]),
        Raw::new(0x88, b"\x03\xe8bye"),
        Raw::new(0x81, b"never read"),
    ];
    assert_eq!(
        heard(&frames),
        [
            Heard::Ping(b"are you there".into()),
            Heard::Pong(Vec::new()),
            Heard::Text("ü".into()),
            Heard::Binary(vec![0xff; 200]),
            Heard::Close(Some((1000, "bye".into()))),
        ]
    );
}

#[test]
fn what_breaks_the_protocol_is_refused_by_its_head_alone() {
    let cases: [(&[u8], u16); 9] = [
        (b"\x81\x05", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
        (b"\xa1\x80\0\0\0\0", 1002),
        (b"\x91\x80\0\0\0\0", 1002),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\x8b\x80\0\0\0\0", 1002),
        (b"\x09\x80\0\0\0\0", 1002),
        (b"\x89\xfe\x00\x7e\0\0\0\0", 1002),
        (b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0", 1009),
    ];
    for (head, code) in cases {
        let violation = hear(&[head], LIMIT).1;
        assert_eq!(violation.map(Violation::code), Some(code), "{head:x?}");
    }
    assert_eq!(refused(&[Raw::new(0x80, b"of nothing")]), 1002);
    assert_eq!(refused(&[Raw::new(0x01, b"a"), Raw::new(0x81, b"b")]), 1002);
    assert_eq!(refused(&[Raw::new(0x88, b"\x03\xed")]), 1002);
    let unmasked = Raw {
        mask: None,
        ..Raw::new(0x82, b"x")
    };
    assert_eq!(refused(&[unmasked]), 1002);
}

#[test]
fn a_message_over_the_limit_is_refused_before_it_is_there() {
    assert_eq!(
        heard(&[Raw::new(0x82, &[0; LIMIT])]),
        [Heard::Binary(vec![0; LIMIT])]
    );
    let head = &bytes(&[Raw::new(0x82, &[0; LIMIT + 1])])[..8];
    assert_eq!(hear(&[head], LIMIT).1, Some(Violation::TooLarge));
    let fragments = [Raw::new(0x02, &[0; LIMIT - 1]), Raw::new(0x80, &[0; 1])];
    assert_eq!(heard(&fragments), [Heard::Binary(vec![0; LIMIT])]);
    let fragments = [Raw::new(0x02, &[0; LIMIT - 1]), Raw::new(0x00, &[0; 2])];
    assert_eq!(refused(&fragments), 1009);
    assert_eq!(
        hear(&[b"\x02\x80\0\0\0\0".as_slice(); 10_000], 0)
            .1
            .map(Violation::code),
        Some(1002)
    );
}

#[test]
fn text_that_is_not_utf8_is_refused_with_the_fragment_that_breaks_it() {
    assert_eq!(refused(&[Raw::new(0x81, b"a\xff")]), 1007);
    assert_eq!(refused(&[Raw::new(0x01, b"a\xff")]), 1007);
    assert_eq!(refused(&[Raw::new(0x01, b"a\xc3"), Raw::new(0x00, b"a")]), 1007);
    assert_eq!(refused(&[Raw::new(0x01, b"a\xc3"), Raw::new(0x80, b"")]), 1007);
    assert_eq!(refused(&[Raw::new(0x88, b"\x03\xe8\xff")]), 1007);
}

#[test]
fn between_messages_a_decoder_holds_nothing() {
    assert!(size_of::<Decoder>() <= 16);
    let mut decoder = Decoder::new(LIMIT, None);
    let mut input = bytes(&[Raw::new(0x01, b"Hel"), Raw::new(0x80, b"lo")]);
    let Ok(Decoded::Fragment(used)) = decoder.decode(&mut input) else {
        panic!("a fragment");
    };
    assert!(decoder.held() >= 3);
    let rest = &mut input[used..];
    assert_eq!(decoder.decode(rest), Ok(Decoded::Event(8, Event::Text("Hello"))));
    assert_eq!(decoder.decode(&mut []), Ok(Decoded::Needs(2)));
    assert_eq!(decoder.held(), 0);
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => "[a-zü€😀]{0,20}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..12),
        1 => (0_usize..LIMIT + 20).prop_map(|length| vec![b'x'; length]),
        1 => (any::<u16>(), "[a-zü]{0,5}").prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat()),
        1 => (1000_u16..1017, "[a-zü]{0,5}").prop_map(|(code, reason)| [&code.to_be_bytes()[..], reason.as_bytes()].concat()),
    ]
}

fn frame() -> impl Strategy<Value = Raw> {
    let first = prop_oneof![
        12 => prop::sample::select(vec![0x81_u8, 0x82, 0x01, 0x02, 0x00, 0x80, 0x00, 0x80, 0x89, 0x8a]),
        1 => Just(0x88),
        1 => any::<u8>(),
    ];
    let mask = prop_oneof![30 => any::<[u8; 4]>().prop_map(Some), 1 => Just(None)];
    (first, mask, payload()).prop_map(|(first, mask, payload)| Raw { first, mask, payload })
}

/// Fragments of one text, cut anywhere, and what stands between them.
fn fragmented() -> impl Strategy<Value = Vec<Raw>> {
    (
        "[a-zü€😀]{1,40}",
        any::<Vec<prop::sample::Index>>(),
        any::<bool>(),
    )
        .prop_map(|(text, cuts, with_ping)| {
            let mut cuts: Vec<usize> = cuts.iter().take(4).map(|cut| cut.index(text.len())).collect();
            cuts.sort_unstable();
            let ends = cuts.iter().copied().chain([text.len()]);
            let starts = [0].into_iter().chain(cuts.iter().copied());
            let mut frames = Vec::new();
            for (start, end) in starts.zip(ends) {
                let first = if start == 0 && frames.is_empty() {
                    0x01
                } else {
                    0x00
                };
                let last = if end == text.len() { 0x80 } else { 0x00 };
                if with_ping && !frames.is_empty() {
                    frames.push(Raw::new(0x89, b"between"));
                }
                frames.push(Raw::new(first | last, &text.as_bytes()[start..end]));
                if last != 0 {
                    break;
                }
            }
            frames
        })
}

/// Any frames, with whole messages in fragments among them; bytes of it changed, or not.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![3 => frame().prop_map(|frame| vec![frame]), 1 => fragmented()];
    let flips = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    let flips = prop_oneof![2 => Just(Vec::new()), 1 => flips];
    (proptest::collection::vec(part, 1..8), flips).prop_map(|(parts, flips)| {
        let mut bytes = bytes(&parts.concat());
        for (at, to) in flips {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        bytes
    })
}

const DEFLATE: Option<Deflate> = Some(Deflate { threshold: 0 });

#[test]
fn a_message_says_in_its_first_frame_that_it_is_compressed() {
    let frames = [
        Raw::new(0xc1, b"whole"),
        Raw::new(0x42, b"frag"),
        Raw::new(0x89, b"ping"),
        Raw::new(0x00, b"me"),
        Raw::new(0x80, b"nts"),
        Raw::new(0x82, b"as it is"),
        // Fragments that would be no UTF-8.
        Raw::new(0x41, b"\xff"),
        Raw::new(0x80, b"\xff"),
    ];
    let expected = vec![
        Heard::Deflated(Form::Text, b"whole".into()),
        Heard::Ping(b"ping".into()),
        Heard::Deflated(Form::Binary, b"fragments".into()),
        Heard::Binary(b"as it is".into()),
        Heard::Deflated(Form::Text, b"\xff\xff".into()),
    ];
    let bytes = bytes(&frames);
    assert_eq!(hear_deflated(&[&bytes], LIMIT, DEFLATE), (expected.clone(), None));
    let singles: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(hear_deflated(&singles, LIMIT, DEFLATE), (expected, None));
}

#[test]
fn nothing_else_is_compressed() {
    let refused = |frames: &[Raw], deflate| {
        let bytes = bytes(frames);
        let (heard, violation) = hear_deflated(&[&bytes], LIMIT, deflate);
        assert_eq!(heard, []);
        assert!(
            matches!(violation, Some(Violation::Protocol(_))),
            "{frames:?}: {violation:?}"
        );
    };
    // Where nothing was agreed; control frames; later fragments; the other reserved bits.
    refused(&[Raw::new(0xc1, b"x")], None);
    for first in [0xc8, 0xc9, 0xca, 0xa1, 0x91, 0xe1, 0xd1, 0xc3] {
        refused(&[Raw::new(first, b"")], DEFLATE);
    }
    refused(&[Raw::new(0x41, b"x"), Raw::new(0xc0, b"x")], DEFLATE);
    refused(&[Raw::new(0x01, b"x"), Raw::new(0x40, b"x")], DEFLATE);
    refused(&[Raw::new(0xc0, b"x")], DEFLATE);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn another_implementation_hears_the_same(stream in stream()) {
        let ours = hear(&[&stream], LIMIT);
        if let Some(theirs) = reference(&stream, &ours, LIMIT) {
            prop_assert_eq!((&ours.0, ours.1.is_some()), (&theirs.0, theirs.1), "{:?}", ours.1);
        }
    }

    #[test]
    fn splits_change_nothing(stream in stream(), cuts: Vec<prop::sample::Index>) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        prop_assert_eq!(hear(&parts, LIMIT), hear(&[&stream], LIMIT));
    }

    #[test]
    fn anything_is_read_within_its_bounds(bytes: Vec<u8>) {
        hear(&[&bytes], LIMIT);
        let singles: Vec<&[u8]> = bytes.chunks(1).collect();
        prop_assert_eq!(hear(&singles, LIMIT), hear(&[&bytes], LIMIT));
    }
}
