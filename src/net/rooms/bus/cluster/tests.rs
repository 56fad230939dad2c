//! What the official adapters and emitters said when they were run, and any message there and back.

mod acks;

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use serde_json::{Value, json};

use super::{
    super::{
        adapter::samples::{any_name, any_target, bytes, json_value},
        message::{AcksWanted, Answer, Message, NamedEvent},
    },
    ClusterMessage,
    decode::{Said, What, decode, decode_row},
    encode::{encode, stand_in},
};
use crate::call::{
    hub::RemoteSocket,
    identity::Identity,
    payload::{Arguments, Data, WrittenName},
    target::Target,
};

const UID: &str = "199214c6ab90ac51";

fn emit(target: Target, data: Data) -> ClusterMessage {
    let name = WrittenName::Text("x".into());
    ClusterMessage::About(Message::Emit {
        target,
        event: NamedEvent { name, data },
        acks: None,
    })
}

fn one() -> Data {
    Data::new(&1).unwrap()
}

fn written(message: &ClusterMessage) -> String {
    encode(UID, "/", message).unwrap().text
}

fn message(said: Said) -> Message {
    match said.what {
        What::Whole(ClusterMessage::About(message)) => message,
        other => panic!("{other:?}"),
    }
}

/// The target, the name and the arguments of an emit.
fn emitted(said: Said) -> (Target, String, Value, Vec<Bytes>) {
    let Message::Emit {
        target,
        event,
        acks: None,
    } = message(said)
    else {
        panic!("an emit");
    };
    let (text, buffers) = Arguments::written(&event.data).unwrap().to_parts();
    (
        target,
        event.name.as_str().to_owned(),
        serde_json::from_str(&text).unwrap(),
        buffers,
    )
}

#[test]
fn an_emit_is_written_as_the_official_adapter_writes_it() {
    assert_eq!(
        written(&emit(Target::all(), one())),
        r#"{"type":3,"data":{"packet":{"type":2,"data":["x",1]},"opts":{"rooms":[],"except":[],"flags":{}}},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    assert_eq!(
        written(&emit(Target::within("room1"), one())),
        r#"{"type":3,"data":{"packet":{"type":2,"data":["x",1]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let target = Target::within("a").and("b").except("c").volatile();
    assert_eq!(
        written(&emit(target, one())),
        r#"{"type":3,"data":{"packet":{"type":2,"data":["x",1]},"opts":{"rooms":["a","b"],"except":["c"],"flags":{"volatile":true}}},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let binary = encode(
        UID,
        "/",
        &emit(
            Target::all(),
            Data::from_parts(
                r#"{"_placeholder":true,"num":0}"#.into(),
                vec![Bytes::from_static(&[1, 2])],
            ),
        ),
    );
    assert_eq!(
        binary.unwrap().to_msgpack().unwrap(),
        bytes(
            "84a47479706503a46461746182a67061636b657482a47479706502a46461746192a178c4020102a46f70747383a5726f6f6d7390a6657863657\
             07490a5666c61677380a3756964b031393932313463366162393061633531a36e7370a12f"
        )
    );
}

#[test]
fn what_concerns_sockets_and_nodes_is_written_with_the_fields_of_the_official_adapter() {
    assert_eq!(
        written(&ClusterMessage::Heartbeat),
        r#"{"type":2,"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let about = |message| written(&ClusterMessage::About(message));
    let (target, rooms) = (Target::within("a"), vec!["n1".to_owned(), "n2".to_owned()]);
    assert_eq!(
        about(Message::Join {
            target: target.clone(),
            rooms
        }),
        r#"{"type":4,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"rooms":["n1","n2"]},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    assert_eq!(
        about(Message::Disconnect {
            target: target.clone(),
            closes: true
        }),
        r#"{"type":6,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"close":true},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let request = "4f2a".to_owned();
    assert_eq!(
        about(Message::List {
            target,
            request: request.clone()
        }),
        r#"{"type":7,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"requestId":"4f2a"},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    let event = NamedEvent {
        name: WrittenName::Text("hello".into()),
        data: one(),
    };
    assert_eq!(
        about(Message::Announce {
            event,
            request: Some(request)
        }),
        r#"{"type":9,"data":{"requestId":"4f2a","packet":["hello",1]},"uid":"199214c6ab90ac51","nsp":"/"}"#
    );
    assert_eq!(
        stand_in(UID, 3).unwrap(),
        (
            r#"{"uid":"199214c6ab90ac51","type":3,"attachmentId":""#.to_owned(),
            r#""}"#
        )
    );
}

#[test]
fn the_official_emitter_is_understood_though_it_leaves_the_namespace_out() {
    let said = decode(
        r#"{"type":3,"data":{"packet":{"type":2,"data":["x",1],"nsp":"/"},"opts":{"rooms":["room1"],"flags":{},"except":[]}},"uid":"emitter"}"#,
    );
    let said = said.unwrap();
    assert_eq!((&*said.uid, &said.namespace), ("emitter", &None));
    assert_eq!(
        emitted(said),
        (Target::within("room1"), "x".to_owned(), json!([1]), vec![])
    );
    let row = bytes(
        "83a47479706503a46461746182a67061636b657483a47479706502a46461746192a162c40101a36e7370a12fa46f70747383a5726f6f6d7390a5666c\
         61677380a665786365707490a3756964a7656d6974746572",
    );
    let placeholder = json!([{"_placeholder": true, "num": 0}]);
    let buffers = vec![Bytes::from_static(&[1])];
    assert_eq!(
        emitted(decode_row(&row).unwrap()),
        (Target::all(), "b".to_owned(), placeholder, buffers)
    );
    let stands_in = decode(r#"{"uid":"emitter","type":3,"attachmentId":"7"}"#).unwrap();
    assert!(matches!(stands_in.what, What::Row(7)));
}

#[test]
fn rooms_may_be_numbers_halves_of_pairs_are_replaced_and_what_is_missing_is_nothing() {
    let said = decode(
        r#"{"uid":"n","type":3,"nsp":"/","data":{"packet":{"type":2,"data":["cut \ud83d"]},"opts":{"rooms":[7,"a"]}}}"#,
    );
    let (target, name, arguments, _) = emitted(said.unwrap());
    assert_eq!((target, &*name), (Target::within("7").and("a"), "cut \u{fffd}"));
    assert_eq!(arguments, json!([]));
    for broken in [
        "",
        "[]",
        "{}",
        r#"{"type":3}"#,
        r#"{"type":99,"data":{}}"#,
        r#"{"type":3,"data":{"packet":{"type":2,"data":[]}}}"#,
        r#"{"type":3,"data":{"packet":{"type":3,"data":["x"]}}}"#,
        r#"{"type":3,"data":{"packet":{"type":2,"data":[null]},"opts":{}}}"#,
        r#"{"type":7,"data":{"opts":{}}}"#,
        r#"{"type":3,"data":{"packet":{"type":2,"data":["x"]}}}"#,
        r#"{"type":4,"data":{"rooms":["a"]}}"#,
        r#"{"type":5,"data":{"rooms":["a"],"opts":null}}"#,
        r#"{"type":6,"data":{"close":true}}"#,
        r#"{"type":7,"data":{"requestId":"r"}}"#,
        r#"{"type":-1}"#,
    ] {
        assert!(decode(broken).is_err(), "{broken}");
    }
    for broken in [
        &b""[..],
        b"\xc1",
        b"\x01",
        b"\x81\xa4type\x03",
        b"\x81\xa4type\x02\x00",
    ] {
        assert!(decode_row(broken).is_err(), "{broken:?}");
    }
}

#[test]
fn a_socket_keeps_its_subject_and_its_rooms_on_the_way_and_nothing_of_its_claims_and_handshake_leaves() {
    let identity = Identity::of("ada").until(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let rooms = vec!["a".to_owned(), "b".to_owned()];
    let socket = RemoteSocket::at_other_node(
        "id-1",
        rooms.clone(),
        identity.clone().with_claims(json!({"role": "admin"})),
        Value::Null,
    );
    let anonymous = RemoteSocket::at_other_node("id-2", Vec::new(), Identity::ANONYMOUS, Value::Null);
    let text = written(&ClusterMessage::About(Message::Answer {
        request: "r".to_owned(),
        answer: Answer::Sockets(vec![socket, anonymous]),
    }));
    let said: Value = serde_json::from_str(&text).unwrap();
    let first = &said["data"]["sockets"][0];
    assert_eq!(
        first["rooms"],
        json!(["id-1", "a", "b"]),
        "as in Node, that of its own id among them"
    );
    assert_eq!(
        first["handshake"],
        json!({"headers": {}, "query": {}, "auth": {}})
    );
    let Message::Answer {
        answer: Answer::Sockets(sockets),
        ..
    } = message(decode(&text).unwrap())
    else {
        panic!("sockets");
    };
    assert_eq!((sockets[0].id.as_str(), &sockets[0].rooms), ("id-1", &rooms));
    assert!(!text.contains("admin"), "{text}");
    assert_eq!(sockets[0].identity, identity);
    assert!(sockets[1].identity.is_anonymous());
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
        let sent = ClusterMessage::About(Message::Emit {
            target: target.clone(),
            event: NamedEvent {
                name: name.clone(),
                data: Data::several(arguments.to_string().into(), buffers.clone()),
            },
            acks: request.clone().map(|request| AcksWanted { request, wait }),
        });
        let encoded = encode(UID, "/chat", &sent).unwrap();
        let row = decode_row(&encoded.to_msgpack().unwrap()).unwrap();
        let ways = match encoded.buffers.is_empty() {
            true => vec![decode(&encoded.text).unwrap(), row],
            false => vec![row],
        };
        for said in ways {
            prop_assert_eq!((&*said.uid, said.namespace.as_deref()), (UID, Some("/chat")));
            let Message::Emit { target: heard, event, acks } = message(said) else {
                return Err(TestCaseError::fail("an emit"));
            };
            prop_assert_eq!(&heard, &target);
            prop_assert_eq!(&event.name, &name);
            let (text, held) = Arguments::written(&event.data).unwrap().to_parts();
            prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments.clone());
            prop_assert_eq!(held, buffers.clone());
            prop_assert_eq!(acks.as_ref().map(|acks| &acks.request), request.as_ref());
            prop_assert!(acks.is_none_or(|acks| acks.wait == wait));
        }
    }

    #[test]
    fn any_ack_comes_as_it_went(values in vec(json_value(), 0..3), buffers in vec(vec(any::<u8>(), 0..9), 0..3)) {
        let buffers: Vec<Bytes> = buffers.into_iter().map(Bytes::from).collect();
        let mut arguments = values;
        for number in 0..buffers.len() {
            arguments.push(json!({"_placeholder": true, "num": number}));
        }
        let arguments = Value::from(arguments);
        let data = Data::several(arguments.to_string().into(), buffers.clone());
        let sent = ClusterMessage::About(Message::Answer {
            request: "r".to_owned(),
            answer: Answer::Acked {
                socket: Some("s".to_owned()),
                arguments: Arguments::written(&data).unwrap(),
            },
        });
        let encoded = encode(UID, "/", &sent).unwrap();
        let said = decode_row(&encoded.to_msgpack().unwrap()).unwrap();
        let Message::Answer { answer: Answer::Acked { socket, arguments: heard }, .. } = message(said) else {
            return Err(TestCaseError::fail("an ack"));
        };
        prop_assert_eq!(socket.as_deref(), Some("s"));
        let (text, held) = heard.to_parts();
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
        prop_assert_eq!(held, buffers);
    }

    #[test]
    fn nothing_that_comes_is_a_panic(text in any::<String>(), bytes in vec(any::<u8>(), 0..200)) {
        let _ = decode(&text);
        let _ = decode_row(&bytes);
    }
}
