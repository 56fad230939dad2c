//! Any message there and back, and what is none.

use std::time::Duration;

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{Captured, written};
use crate::{
    call::payload::{Arguments, Data},
    net::rooms::bus::{
        adapter::samples::{any_name, any_target, bytes, json_value},
        message::{AcksWanted, Message, NamedEvent},
        redis::{
            channels::{Channels, Topic},
            decode,
            encode::Publication,
            fuzzing::replay,
            membership::Membership,
            of_node,
        },
    },
};

#[test]
fn what_is_malformed_is_an_error_and_what_is_for_another_namespace_is_nothing() {
    for broken in [
        "{",
        "{}",
        r#"{"type":2,"rooms":["a"]}"#,
        r#"{"type":3,"opts":null,"rooms":["a"]}"#,
        r#"{"type":4,"close":true}"#,
        r#"{"type":5,"requestId":"r"}"#,
        r#"{"type":5,"opts":{}}"#,
        r#"{"type":6}"#,
        r#"{"type":6,"data":[]}"#,
        r#"{"type":6,"data":[null]}"#,
        r#"{"type":7,"requestId":"r","opts":{}}"#,
        r#"{"type":7,"requestId":"r","packet":{"type":2,"data":["x"]}}"#,
        r#"{"type":99}"#,
        r#"{"type":-1}"#,
    ] {
        assert!(
            decode::request(broken.as_bytes(), Membership::Member).is_err(),
            "{broken}"
        );
    }
    for broken in [&b""[..], b"\xc1", b"\x93", b"\x90", b"\x80", b"\xff\xff"] {
        assert!(decode::broadcast(broken, "/").is_err(), "{broken:?}");
        assert!(decode::request(broken, Membership::Member).is_err(), "{broken:?}");
    }
    let captured = Captured::all().swap_remove(1);
    assert!(
        decode::broadcast(&captured.payload(), "/room1")
            .unwrap()
            .is_none()
    );
    // ["emitter", {type: 2, data: ["x"]}, {rooms: []}]: what names no namespace is of the first.
    let nameless = bytes("93a7656d697474657282a47479706502a46461746191a17881a5726f6f6d7390");
    assert!(decode::broadcast(&nameless, "/").unwrap().is_some());
    assert!(decode::broadcast(&nameless, "/admin").unwrap().is_none());
    // What is empty in PHP is an array, and in Go nothing.
    for flags in ["90", "c0"] {
        let text = "93a7656d697474657283a47479706502a46461746191a178a36e7370a12f82a5726f6f6d73c0a5666c616773";
        let said = decode::broadcast(&bytes(&format!("{text}{flags}")), "/").unwrap();
        assert!(said.is_some(), "{flags}");
    }
}

#[test]
fn channels_are_those_of_node_servers_and_patterns_match_no_others() {
    let channels = Channels::new("chat", "updraft-1");
    let all = channels.of(&"/room*[a]\\?".into(), Membership::Listener);
    let name = |(name, topic): &(String, Topic)| (name.clone(), *topic);
    assert_eq!(
        all.patterns.iter().map(name).collect::<Vec<_>>(),
        [
            (r"chat#/room\*\[a\]\\\?#*".to_owned(), Topic::Broadcasts),
            (r"chat-request#/room\*\[a\]\\\?#".to_owned(), Topic::Requests),
        ]
    );
    assert!(
        all.channels
            .iter()
            .all(|(name, _)| !name.starts_with("chat-request"))
    );
    let member = channels.of(&"/".into(), Membership::Member);
    assert!(
        member
            .channels
            .contains(&("chat-request#/#".to_owned(), Topic::Requests))
    );
    assert_eq!(member.patterns.len(), 1);
}

proptest! {
    #[test]
    fn any_emit_comes_as_it_went(
        target in any_target(),
        name in any_name(),
        values in vec(json_value(), 0..5),
        buffers in vec(vec(any::<u8>(), 0..300), 0..4),
        request in option::of("[0-9a-f]{16}"),
        wait in 1..100_000_u64,
    ) {
        let buffers: Vec<Bytes> = buffers.into_iter().map(Bytes::from).collect();
        let mut arguments = values;
        for number in 0..buffers.len() {
            arguments.push(json!({"in": [{"_placeholder": true, "num": number}]}));
        }
        let arguments = Value::from(arguments);
        let wait = Duration::from_millis(wait);
        let sent = Message::Emit {
            target: target.clone(),
            event: NamedEvent {
                name: name.clone(),
                data: Data::several(arguments.to_string().into(), buffers.clone()),
            },
            acks: request.clone().map(|request| AcksWanted { request, wait }),
        };
        // As a Node server hears it, whose uid is none of ours.
        let Publication { channel, payload } = written("EzJs2i", "/chat", &sent);
        let said = match request {
            None => decode::broadcast(&payload, "/chat"),
            Some(_) => decode::request(&payload, Membership::Member),
        };
        let one = match target.rooms() {
            [room] => format!("{room}#"),
            _ => String::new(),
        };
        let expected = format!("socket.io#/chat#{one}");
        prop_assert!(request.is_some() || channel == expected);
        let Message::Emit { target: heard, event, acks } = said.unwrap().unwrap().message else {
            return Err(TestCaseError::fail("an emit"));
        };
        prop_assert_eq!(&heard, &target);
        prop_assert_eq!(&event.name, &name);
        let (text, held) = Arguments::written(&event.data).unwrap().to_parts();
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
        prop_assert_eq!(held, buffers);
        prop_assert_eq!(acks.is_some(), request.is_some());
        prop_assert!(acks.is_none_or(|acks| acks.wait == wait));
    }

    #[test]
    fn what_is_read_of_a_damaged_message_is_written_and_read_as_the_same(
        which in 0..16_usize, damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut payload = Captured::all()[which].payload();
        for (at, byte) in damage {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        replay(&payload);
    }

    #[test]
    fn nothing_that_comes_is_a_panic(text in any::<String>(), bytes in vec(any::<u8>(), 0..200)) {
        for payload in [text.as_bytes(), &bytes] {
            let _ = decode::broadcast(payload, "/");
            let _ = decode::request(payload, Membership::Member);
            let _ = decode::request(payload, Membership::Listener);
            let _ = decode::response(payload);
            let _ = of_node(payload);
        }
    }
}
