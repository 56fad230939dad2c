//! What the official adapter and emitters said when they were run, and any message there and back.

use std::time::Duration;

use bytes::Bytes;
use proptest::{collection::vec, option, prelude::*};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    super::{
        adapter::samples::{any_target, bytes, json_value},
        message::{AcksWanted, Answer, Message, NamedEvent},
    },
    channels::{Channels, Topic},
    decode::{self, OURS, Said},
    encode::{Publication, Writer},
    of_node,
};
use crate::call::{
    hub::RemoteSocket,
    identity::Identity,
    payload::{Arguments, Data},
    target::Target,
};

/// What was published when Node's servers and emitters were run.
#[derive(Deserialize)]
struct Captured {
    what: String,
    channel: String,
    hex: Option<String>,
    text: Option<String>,
    decoded: Value,
}

impl Captured {
    fn all() -> Vec<Self> {
        serde_json::from_str(include_str!("captured.json")).unwrap()
    }

    fn payload(&self) -> Vec<u8> {
        let text = self.text.as_ref().map(|text| text.clone().into_bytes());
        text.unwrap_or_else(|| bytes(self.hex.as_ref().unwrap()))
    }

    fn namespace(&self) -> &str {
        self.channel.split('#').nth(1).unwrap()
    }

    fn read(&self) -> Said {
        let payload = self.payload();
        let said = match self.channel.starts_with("socket.io#") {
            true => decode::broadcast(&payload, self.namespace()),
            false => decode::request(&payload, true),
        };
        said.unwrap_or_else(|error| panic!("{}: {error}", self.what))
            .expect("it is for this node")
    }

    /// The event, with its Buffers as they stand in what was decoded.
    fn event(&self) -> &Value {
        let decoded = &self.decoded;
        let packets = [&decoded[1]["data"], &decoded["packet"]["data"], &decoded["data"]];
        packets.into_iter().find(|event| event.is_array()).unwrap()
    }

    fn options(&self) -> &Value {
        match self.decoded.is_array() {
            true => &self.decoded[2],
            false => &self.decoded["opts"],
        }
    }
}

fn writer(uid: &str) -> Writer {
    Writer {
        uid: uid.to_owned(),
        channels: Channels::new("socket.io", uid),
        is_member: true,
    }
}

/// The one thing that is published for a message, or the last: what Node servers hear.
fn written(uid: &str, namespace: &str, message: &Message) -> Publication {
    writer(uid).write(namespace, message).unwrap().pop().unwrap()
}

/// An event as JSON, with text in the place of its Buffers.
fn shown(event: &NamedEvent) -> Value {
    fn show(value: &mut Value, buffers: &[Bytes]) {
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| show(value, buffers)),
            Value::Object(fields) if fields.contains_key("_placeholder") => {
                let buffer = &buffers[fields["num"].as_u64().unwrap() as usize];
                let digits: String = buffer.iter().map(|byte| format!("{byte:02x}")).collect();
                *value = format!("<bin {digits}>").into();
            }
            Value::Object(fields) => fields.values_mut().for_each(|value| show(value, buffers)),
            _ => {}
        }
    }
    let (text, buffers) = Arguments::written(&event.data).unwrap().to_parts();
    let mut event_and_all: Vec<Value> = vec![(*event.name).into()];
    event_and_all.extend(serde_json::from_str::<Vec<Value>>(&text).unwrap());
    let mut all = Value::from(event_and_all);
    show(&mut all, &buffers);
    all
}

fn names(options: &Value, field: &str) -> Vec<String> {
    let names = options[field].as_array().cloned().unwrap_or_default();
    names
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn all_that_node_servers_and_emitters_said_is_understood() {
    let all = Captured::all();
    assert_eq!(all.len(), 16);
    for captured in all {
        let Said { uid, message } = captured.read();
        let said_uid = match captured.decoded.is_array() {
            true => &captured.decoded[0],
            false => &captured.decoded["uid"],
        };
        assert_eq!(uid, said_uid.as_str().unwrap_or_default());
        let options = captured.options();
        let (target, event) = match &message {
            Message::Emit { target, event, acks } => {
                assert_eq!(acks.is_some(), captured.what.contains("ack"));
                (Some(target), Some(event))
            }
            Message::Announce { event, request: None } => (None, Some(event)),
            Message::Join { target, rooms } | Message::Leave { target, rooms } => {
                assert_eq!(rooms, &names(&captured.decoded, "rooms"));
                (Some(target), None)
            }
            Message::Disconnect { target, closes: true } => (Some(target), None),
            other => panic!("{}: {other:?}", captured.what),
        };
        if let Some(target) = target {
            assert_eq!(target.rooms(), names(options, "rooms"), "{}", captured.what);
            assert_eq!(target.excepted(), names(options, "except"), "{}", captured.what);
            let is_volatile = options["flags"]["volatile"] == true;
            assert_eq!(target.is_volatile(), is_volatile, "{}", captured.what);
        }
        if let Some(event) = event {
            assert_eq!(&shown(event), captured.event(), "{}", captured.what);
        }
    }
}

#[test]
fn the_same_is_written_to_the_byte_and_to_the_channel() {
    // Node has a type for times, which JSON has not; the emitters order their fields in another way than the adapter.
    let by_servers =
        |captured: &Captured| captured.what.starts_with("classic") && !captured.what.contains("Date");
    let mut compared = 0;
    for captured in Captured::all().into_iter().filter(by_servers) {
        let Said { uid, mut message } = captured.read();
        if let Message::Emit { acks: Some(acks), .. } = &mut message {
            // Of another node it is a request of its own.
            acks.request = captured.decoded["requestId"].as_str().unwrap().to_owned();
        }
        let Publication { channel, payload } = written(&uid, captured.namespace(), &message);
        assert_eq!(channel, captured.channel, "{}", captured.what);
        assert_eq!(payload, captured.payload(), "{}", captured.what);
        compared += 1;
    }
    assert_eq!(compared, 9);
}

#[test]
fn a_node_knows_its_own_broadcasts_without_reading_them() {
    let uid = format!("{OURS}0123456789abcdef");
    let emit = Message::Emit {
        target: Target::all(),
        event: event("x"),
        acks: None,
    };
    let own = written(&uid, "/", &emit).payload;
    assert!(writer(&uid).is_own(&own));
    assert!(!writer(&format!("{OURS}0123456789abcdee")).is_own(&own));
    for captured in Captured::all() {
        assert!(!writer(&uid).is_own(&captured.payload()));
    }
}

fn event(name: &str) -> NamedEvent {
    NamedEvent {
        name: name.into(),
        data: Data::new(&1).unwrap(),
    }
}

fn text(publication: &Publication) -> &str {
    std::str::from_utf8(&publication.payload).unwrap()
}

#[test]
fn what_wants_answers_is_said_to_nodes_in_full_and_to_node_servers_in_their_way() {
    let request = "4f2a4f2a4f2a4f2a".to_owned();
    let list = Message::List {
        target: Target::within("a"),
        request: request.clone(),
    };
    let announce = Message::Announce {
        event: event("hello"),
        request: Some(request),
    };
    let list = writer("updraft-1").write("/", &list).unwrap();
    assert_eq!(list[0].channel, "socket.io-updraft#/#");
    assert_eq!(
        text(&list[0]),
        r#"{"type":7,"data":{"opts":{"rooms":["a"],"except":[],"flags":{}},"requestId":"4f2a4f2a4f2a4f2a"},"uid":"updraft-1","nsp":"/"}"#
    );
    assert_eq!(list[1].channel, "socket.io-request#/#");
    assert_eq!(
        text(&list[1]),
        r#"{"uid":"updraft-1","requestId":"4f2a4f2a4f2a4f2a","type":5,"opts":{"rooms":["a"],"except":[]}}"#
    );
    let announced = writer("updraft-1").write("/", &announce).unwrap();
    assert_eq!(
        text(&announced[1]),
        r#"{"uid":"updraft-1","requestId":"4f2a4f2a4f2a4f2a","type":6,"data":["hello",1]}"#
    );
    // Another node has it by the channel of nodes, and not twice.
    for publication in [&list[1], &announced[1]] {
        assert!(decode::request(&publication.payload, true).unwrap().is_none());
    }
    for publication in [&list[0], &announced[0]] {
        assert!(of_node(&publication.payload).unwrap().is_some());
    }
}

/// What a node answers to a request of a Node server.
fn answered(request: &str, is_member: bool, answer: impl FnOnce(&Message) -> Answer) -> Option<Publication> {
    let said = decode::request(request.as_bytes(), is_member).unwrap()?;
    let answer = answer(&said.message);
    let request = match said.message {
        Message::List { request, .. } => Some(request),
        Message::Announce { request, .. } => request,
        Message::Emit { acks, .. } => acks.map(|acks| acks.request),
        other => panic!("{other:?}"),
    }?;
    let writer = Writer {
        is_member,
        ..writer("updraft-1")
    };
    let answer = Message::Answer { request, answer };
    writer.write("/", &answer).unwrap().pop()
}

fn sockets(_: &Message) -> Answer {
    let socket = |id: &str, rooms: &[&str]| {
        let rooms = rooms.iter().map(ToString::to_string).collect();
        RemoteSocket::at_other_node(id, rooms, Identity::ANONYMOUS, Value::Null)
    };
    Answer::Sockets(vec![socket("s1", &["a"]), socket("s2", &["a", "b"])])
}

fn heeded(_: &Message) -> Answer {
    Answer::Heeded(Arguments::of_ack("[5]".into(), Vec::new(), Default::default()).unwrap())
}

const FETCH: &str = r#"{"uid":"EzJs2i","requestId":"N5mkur","type":5,"opts":{"rooms":[],"except":[]}}"#;
const ALL_ROOMS: &str = r#"{"uid":"EzJs2i","requestId":"N5mkur","type":1}"#;
const IDS: &str = r#"{"uid":"EzJs2i","requestId":"N5mkur","type":0,"rooms":["a"]}"#;
const INQUIRE: &str = r#"{"uid":"EzJs2i","requestId":"N5mkur","type":6,"data":["hello",1]}"#;
const ASK: &str = r#"{"uid":"EzJs2i","requestId":"N5mkur","type":7,"packet":{"type":2,"data":["q",1],"nsp":"/"},"opts":{"rooms":[],"except":[],"flags":{"timeout":1000}}}"#;

#[test]
fn a_member_answers_node_servers_in_their_form() {
    let said = |request, answer: fn(&Message) -> Answer| {
        let answer = answered(request, true, answer).unwrap();
        assert_eq!(answer.channel, "socket.io-response#/#");
        text(&answer).to_owned()
    };
    assert_eq!(
        said(FETCH, sockets),
        r#"{"requestId":"N5mkur","sockets":[{"id":"s1","handshake":{"headers":{},"query":{},"auth":{}},"rooms":["s1","a"],"data":{}},{"id":"s2","handshake":{"headers":{},"query":{},"auth":{}},"rooms":["s2","a","b"],"data":{}}]}"#
    );
    assert_eq!(
        said(ALL_ROOMS, sockets),
        r#"{"requestId":"N5mkur","rooms":["a","b","s1","s2"]}"#
    );
    assert_eq!(
        said(IDS, sockets),
        r#"{"requestId":"N5mkur","sockets":["s1","s2"]}"#
    );
    assert_eq!(
        said(INQUIRE, heeded),
        r#"{"type":6,"requestId":"N5mkur","data":5}"#
    );
    let asked = |_: &Message| Answer::Asked {
        sockets: 2,
        ids: vec!["s1".to_owned(), "s2".to_owned()],
    };
    assert_eq!(
        said(ASK, asked),
        r#"{"type":8,"requestId":"N5mkur","clientCount":2}"#
    );
    let acked = |_: &Message| Answer::Acked {
        socket: Some("s1".to_owned()),
        arguments: Arguments::of_ack(r#"["yes",2]"#.into(), Vec::new(), Default::default()).unwrap(),
    };
    let ack = answered(ASK, true, acked).unwrap();
    // As `notepack.io` has {type: 9, requestId: "N5mkur", packet: "yes"}.
    assert_eq!(
        ack.payload,
        bytes("83a47479706509a9726571756573744964a64e356d6b7572a67061636b6574a3796573")
    );
}

#[test]
fn a_node_that_is_not_counted_says_nothing_that_would_be_counted() {
    for request in [FETCH, ALL_ROOMS, IDS] {
        assert!(
            decode::request(request.as_bytes(), false).unwrap().is_none(),
            "{request}"
        );
    }
    assert!(
        answered(INQUIRE, false, heeded).is_none(),
        "it heeds, and does not answer"
    );
    let asked = |message: &Message| {
        assert!(
            matches!(message, Message::Emit { acks: Some(_), .. }),
            "clients have a function to call"
        );
        Answer::Asked {
            sockets: 1,
            ids: Vec::new(),
        }
    };
    assert!(answered(ASK, false, asked).is_none());
}

#[test]
fn answers_of_node_servers_are_understood() {
    let answer = |text: &str| {
        let said = decode::response(text.as_bytes()).unwrap()?;
        let Message::Answer { request, answer } = said.message else {
            panic!("an answer");
        };
        assert_eq!(request, "4f2a");
        Some(answer)
    };
    let Some(Answer::Sockets(sockets)) = answer(
        r#"{"requestId":"4f2a","sockets":[{"id":"s1","handshake":{},"rooms":["s1","a",7],"data":{"name":"ada"}}]}"#,
    ) else {
        panic!("sockets");
    };
    assert_eq!(sockets[0].rooms, ["7", "a"]);
    assert_eq!(*sockets[0].data::<Value>().unwrap(), json!({"name": "ada"}));
    assert!(matches!(
        answer(r#"{"type":8,"requestId":"4f2a","clientCount":3}"#),
        Some(Answer::Asked { sockets: 3, .. })
    ));
    let heeded = |text| match answer(text) {
        Some(Answer::Heeded(arguments)) => arguments.to_parts().0.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        heeded(r#"{"type":6,"requestId":"4f2a","data":{"a":1}}"#),
        r#"[{"a":1}]"#
    );
    assert_eq!(heeded(r#"{"type":6,"requestId":"4f2a"}"#), "[]");
    // {type: 9, requestId: "4f2a", packet: null}
    let ack = bytes("83a47479706509a9726571756573744964a434663261a67061636b6574c0");
    let Some(Said {
        message:
            Message::Answer {
                answer: Answer::Acked { arguments, .. },
                ..
            },
        ..
    }) = decode::response(&ack).unwrap()
    else {
        panic!("an ack");
    };
    assert_eq!(&*arguments.to_parts().0, "[null]");
    // Of other servers' requests of other kinds.
    for other in [
        r#"{"requestId":"4f2a","rooms":["a"]}"#,
        r#"{"requestId":"4f2a","sockets":["s1"]}"#,
        r#"{"requestId":"4f2a"}"#,
        "{}",
    ] {
        assert!(answer(other).is_none(), "{other}");
    }
}

#[test]
fn old_servers_name_one_socket_and_one_room() {
    let said = |text: &str| decode::request(text.as_bytes(), false).unwrap().unwrap().message;
    let Message::Join { target, rooms } = said(r#"{"requestId":"r","type":2,"sid":"s1","room":7}"#) else {
        panic!("a join");
    };
    assert_eq!((target, &*rooms), (Target::within("s1"), &["7".to_owned()][..]));
    let Message::Disconnect { target, closes } =
        said(r#"{"requestId":"r","type":4,"sid":"s1","close":true}"#)
    else {
        panic!("a disconnect");
    };
    assert_eq!((target, closes), (Target::within("s1"), true));
}

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
        r#"{"type":6,"data":[1]}"#,
        r#"{"type":7,"requestId":"r","opts":{}}"#,
        r#"{"type":7,"requestId":"r","packet":{"type":2,"data":["x"]}}"#,
        r#"{"type":99}"#,
        r#"{"type":-1}"#,
    ] {
        assert!(decode::request(broken.as_bytes(), true).is_err(), "{broken}");
    }
    for broken in [&b""[..], b"\xc1", b"\x93", b"\x90", b"\x80", b"\xff\xff"] {
        assert!(decode::broadcast(broken, "/").is_err(), "{broken:?}");
        assert!(decode::request(broken, true).is_err(), "{broken:?}");
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
}

#[test]
fn channels_are_those_of_node_servers_and_patterns_match_no_others() {
    let channels = Channels::new("chat", "updraft-1");
    let all = channels.of(&"/room*[a]\\?".into(), false);
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
    let member = channels.of(&"/".into(), true);
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
        name in "\\PC{1,40}",
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
                name: name.clone().into(),
                data: Data::several(arguments.to_string().into(), buffers.clone()),
            },
            acks: request.clone().map(|request| AcksWanted { request, wait }),
        };
        // As a Node server hears it, whose uid is none of ours.
        let Publication { channel, payload } = written("EzJs2i", "/chat", &sent);
        let said = match request {
            None => decode::broadcast(&payload, "/chat"),
            Some(_) => decode::request(&payload, true),
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
        prop_assert_eq!(&*event.name, &*name);
        let (text, held) = Arguments::written(&event.data).unwrap().to_parts();
        prop_assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), arguments);
        prop_assert_eq!(held, buffers);
        prop_assert_eq!(acks.is_some(), request.is_some());
        prop_assert!(acks.is_none_or(|acks| acks.wait == wait));
    }

    #[test]
    fn nothing_that_comes_is_a_panic(text in any::<String>(), bytes in vec(any::<u8>(), 0..200), is_member: bool) {
        for payload in [text.as_bytes(), &bytes] {
            let _ = decode::broadcast(payload, "/");
            let _ = decode::request(payload, is_member);
            let _ = decode::response(payload);
            let _ = of_node(payload);
        }
    }
}
