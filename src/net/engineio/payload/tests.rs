use proptest::prelude::*;

use super::{
    Protocol::{V3, V4},
    *,
};

const MOST: usize = 100;

fn read(protocol: Protocol, content: Content, body: &[u8]) -> Result<Vec<Packet<'_>>, Malformed> {
    Packets::new(protocol, content, body, MOST)?.collect()
}

fn hi() -> Packet<'static> {
    Packet::Binary(b"hi"[..].into())
}

/// The examples of both documents, and what their clients write.
#[test]
fn payloads_are_read_as_each_generation_writes_them() {
    let packets = [Packet::Text("hello"), Packet::Ping(""), Packet::Text("world")];
    let read4 = read(V4, Content::Text, b"4hello\x1e2\x1e4world").unwrap();
    assert_eq!(read4, packets);
    assert_eq!(
        read(V4, Content::Text, b"4hello\x1ebaGk=").unwrap(),
        [Packet::Text("hello"), hi()]
    );
    assert_eq!(read(V3, Content::Text, b"6:4hello1:26:4world").unwrap(), packets);
    let euro = "2:4€6:b4aGk=3:4😀".as_bytes();
    assert_eq!(
        read(V3, Content::Text, euro).unwrap(),
        [Packet::Text("€"), hi(), Packet::Text("😀")]
    );
    let binary = b"\x00\x04\xff4\xe2\x82\xac\x01\x03\xff\x04hi\x00\x06\xffb4aGk=";
    assert_eq!(
        read(V3, Content::Binary, binary).unwrap(),
        [Packet::Text("€"), hi(), hi()]
    );
    let long = [&b"\x00\x01\x02\xff4"[..], &[b'x'; 11]].concat();
    assert_eq!(
        read(V3, Content::Binary, &long).unwrap(),
        [Packet::Text("xxxxxxxxxxx")]
    );
}

#[test]
fn payloads_are_written_as_each_generation_reads_them() {
    let packets = [Packet::Text("€😀"), hi(), Packet::Noop];
    assert_eq!(
        text(V4, packets.clone(), 1000).body,
        "4€😀\x1ebaGk=\x1e6".as_bytes()
    );
    assert_eq!(
        text(V3, packets.clone(), 1000).body,
        "4:4€😀6:b4aGk=1:6".as_bytes()
    );
    let both = binary(packets, 1000);
    assert_eq!(both.content, Content::Binary);
    let parts = [
        b"\x00\x08\xff4",
        "€😀".as_bytes(),
        b"\x01\x03\xff\x04hi\x00\x01\xff6",
    ];
    assert_eq!(both.body, parts.concat());
    let plain = binary([Packet::Noop], 1000);
    assert_eq!((plain.content, &plain.body[..]), (Content::Text, &b"1:6"[..]));
}

#[test]
fn what_is_no_payload_is_refused() {
    for wrong in [&b""[..], b"\x1e4a", b"4a\x1e", b"4a\x1e\x1e4b", b"abc", b"4\xff"] {
        assert!(read(V4, Content::Text, wrong).is_err(), "{wrong:?}");
    }
    assert!(read(V4, Content::Binary, b"4hello").is_err());
    for wrong in [
        &b""[..],
        b"\x00\x01\x02\x03",
        b"4hello",
        b":4",
        b"0:",
        b"2:4",
        b"1e0:4",
        b"-1:4",
        b" 1:4",
        b"1:21",
        b"1:2x:4",
        b"9999999999:4",
        b"99999999999999999999999:4",
        "2:😀".as_bytes(),
        "1:😀".as_bytes(),
        b"3:b2a",
    ] {
        assert!(read(V3, Content::Text, wrong).is_err(), "{wrong:?}");
    }
    for wrong in [
        &b""[..],
        b"\x00\x01\x02\x03",
        b"\x00",
        b"\x00\xff",
        b"\x00\x01",
        b"\x00\x01\xff",
        b"\x00\x02\xff4",
        b"\x02\x01\xff4",
        b"\x00\x0a\xff4444444444",
        b"\x01\x01\xff\x02",
        b"\x00\x02\xff4\xff",
        b"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\xff4",
    ] {
        assert!(read(V3, Content::Binary, wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn a_payload_ends_with_what_is_malformed() {
    let mut packets = Packets::new(V4, Content::Text, b"2\x1ex\x1e2", MOST).unwrap();
    assert_eq!(packets.next(), Some(Ok(Packet::Ping(""))));
    assert!(packets.next().unwrap().is_err());
    assert_eq!(packets.next(), None);
}

#[test]
fn packets_that_come_are_counted() {
    let body = vec!["2"; MOST + 1].join("\x1e");
    let read: Vec<_> = Packets::new(V4, Content::Text, body.as_bytes(), MOST)
        .unwrap()
        .collect();
    assert_eq!(read.len(), MOST + 1);
    assert!(read[..MOST].iter().all(Result::is_ok) && read[MOST].is_err());
}

#[test]
fn a_body_takes_sixteen_packets_and_no_more_bytes_than_it_may() {
    let many = || (0..40).map(|_| Packet::Text("x"));
    assert_eq!(text(V4, many(), 1000).taken, 16);
    assert_eq!(binary(many(), 1000).taken, 16);
    assert_eq!(
        text(V4, many(), 8),
        Payload {
            content: Content::Text,
            body: b"4x\x1e4x\x1e4x".into(),
            taken: 3
        }
    );
    assert_eq!(text(V3, many(), 8).body, b"2:4x2:4x");
    let large = "x".repeat(50);
    let payload = text(V4, [Packet::Text(&large), Packet::Noop], 10);
    assert_eq!((payload.taken, payload.body.len()), (1, 51));
    assert_eq!(text(V4, [], 10).taken, 0);
}

fn packet() -> impl Strategy<Value = (u8, String, Vec<u8>)> {
    (
        0_u8..8,
        "[a-z0-9:ü€😀]{0,20}",
        proptest::collection::vec(any::<u8>(), 0..20),
    )
}

fn made<'a>((kind, text, bytes): &'a (u8, String, Vec<u8>)) -> Packet<'a> {
    match kind {
        0 => Packet::Open(text),
        1 => Packet::Close,
        2 => Packet::Ping(text),
        3 => Packet::Pong(text),
        4 => Packet::Text(text),
        5 => Packet::Upgrade,
        6 => Packet::Noop,
        _ => Packet::Binary(bytes.into()),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(packets in proptest::collection::vec(packet(), 1..20), most in 1_usize..300) {
        let packets: Vec<Packet<'_>> = packets.iter().map(made).collect();
        for (protocol, payload) in [
            (V4, text(V4, packets.clone(), most)),
            (V3, text(V3, packets.clone(), most)),
            (V3, binary(packets.clone(), most)),
        ] {
            prop_assert!(payload.taken > 0);
            prop_assert!(payload.body.len() <= most || payload.taken == 1);
            let read = read(protocol, payload.content, &payload.body).unwrap();
            prop_assert_eq!(&read[..], &packets[..payload.taken]);
        }
    }

    #[test]
    fn any_body_is_read_within_its_bounds(body in payload_like(), is_old: bool, is_binary: bool) {
        let protocol = if is_old { V3 } else { V4 };
        let content = if is_binary { Content::Binary } else { Content::Text };
        let Ok(packets) = Packets::new(protocol, content, &body, MOST) else {
            return Ok(());
        };
        prop_assert!(packets.take(body.len() + 2).count() <= MOST + 1);
    }

    #[test]
    fn units_are_counted_as_javascript_counts_them(text: String) {
        prop_assert_eq!(utf16_length(text.as_bytes()), text.encode_utf16().count());
        prop_assert_eq!(utf16_prefix(&text, utf16_length(text.as_bytes())), Some(text.len()));
    }
}

fn payload_like() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"4".to_vec()),
        Just(b"2:4".to_vec()),
        Just(b"b4aGk=".to_vec()),
        Just(b"\x1e".to_vec()),
        Just(b"\x00\x02\xff4".to_vec()),
        Just(b"\x01\x03\xff\x04h".to_vec()),
        Just("€".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}
