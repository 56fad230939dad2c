//! What servers ask each other, and what they answer.

use serde_json::{Value, json};

use super::{event, writer};
use crate::{
    call::{hub::RemoteSocket, identity::Identity, payload::Arguments, target::Target},
    net::rooms::bus::{
        adapter::samples::bytes,
        message::{Answer, Message},
        redis::{
            decode,
            encode::{Publication, Writer},
            membership::Membership,
            of_node,
        },
    },
};

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
        assert!(
            decode::request(&publication.payload, Membership::Member)
                .unwrap()
                .is_none()
        );
    }
    for publication in [&list[0], &announced[0]] {
        assert!(of_node(&publication.payload).unwrap().is_some());
    }
}

/// What a node answers to a request of a Node server.
fn answered(
    request: &str,
    membership: Membership,
    answer: impl FnOnce(&Message) -> Answer,
) -> Option<Publication> {
    let said = decode::request(request.as_bytes(), membership).unwrap()?;
    let answer = answer(&said.message);
    let request = match said.message {
        Message::List { request, .. } => Some(request),
        Message::Announce { request, .. } => request,
        Message::Emit { acks, .. } => acks.map(|acks| acks.request),
        other => panic!("{other:?}"),
    }?;
    let writer = Writer {
        membership,
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
        let answer = answered(request, Membership::Member, answer).unwrap();
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
    let nothing = |_: &Message| Answer::Heeded(Arguments::default());
    assert_eq!(said(INQUIRE, nothing), r#"{"type":6,"requestId":"N5mkur"}"#);
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
    let ack = answered(ASK, Membership::Member, acked).unwrap();
    // As `notepack.io` has {type: 9, requestId: "N5mkur", packet: "yes"}.
    assert_eq!(
        ack.payload,
        bytes("83a47479706509a9726571756573744964a64e356d6b7572a67061636b6574a3796573")
    );
    // Without an argument there is none: `null` would be one.
    let acked = |_: &Message| Answer::Acked {
        socket: Some("s1".to_owned()),
        arguments: Arguments::default(),
    };
    let ack = answered(ASK, Membership::Member, acked).unwrap();
    assert_eq!(
        ack.payload,
        bytes("82a47479706509a9726571756573744964a64e356d6b7572")
    );
}

#[test]
fn a_node_that_is_not_counted_says_nothing_that_would_be_counted() {
    for request in [FETCH, ALL_ROOMS, IDS] {
        assert!(
            decode::request(request.as_bytes(), Membership::Listener)
                .unwrap()
                .is_none(),
            "{request}"
        );
    }
    assert!(
        answered(INQUIRE, Membership::Listener, heeded).is_none(),
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
    assert!(answered(ASK, Membership::Listener, asked).is_none());
}

#[test]
fn answers_of_node_servers_are_understood() {
    let answer = |text: &str| {
        let said = decode::response(text.as_bytes()).unwrap()?;
        let Message::Answer { request, answer } = said.message else {
            panic!("an answer");
        };
        assert_eq!(request, "4f2a4f2a4f2a4f2a");
        Some(answer)
    };
    let Some(Answer::Sockets(sockets)) = answer(
        r#"{"requestId":"4f2a4f2a4f2a4f2a","sockets":[{"id":"s1","handshake":{},"rooms":["s1","a",7],"data":{"name":"ada"}}]}"#,
    ) else {
        panic!("sockets");
    };
    assert_eq!(sockets[0].rooms, ["7", "a"]);
    assert_eq!(*sockets[0].data::<Value>().unwrap(), json!({"name": "ada"}));
    assert!(matches!(
        answer(r#"{"type":8,"requestId":"4f2a4f2a4f2a4f2a","clientCount":3}"#),
        Some(Answer::Asked { sockets: 3, .. })
    ));
    let heeded = |text| match answer(text) {
        Some(Answer::Heeded(arguments)) => arguments.to_parts().0.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        heeded(r#"{"type":6,"requestId":"4f2a4f2a4f2a4f2a","data":{"a":1}}"#),
        r#"[{"a":1}]"#
    );
    assert_eq!(heeded(r#"{"type":6,"requestId":"4f2a4f2a4f2a4f2a"}"#), "[]");
    assert_eq!(
        heeded(r#"{"type":6,"requestId":"4f2a4f2a4f2a4f2a","data":null}"#),
        "[null]"
    );
    // {type: 9, requestId: "4f2a", packet: …}, as `notepack.io` has null and undefined.
    for (packet, arguments) in [("c0", "[null]"), ("d40000", "[]")] {
        let ack = bytes(&format!(
            "83a47479706509a9726571756573744964a434663261a67061636b6574{packet}"
        ));
        let acked = decode::response(&ack).unwrap().map(|said| said.message);
        let Some(Message::Answer {
            answer: Answer::Acked { arguments: heard, .. },
            ..
        }) = acked
        else {
            panic!("an ack");
        };
        assert_eq!(&*heard.to_parts().0, arguments);
    }
    // Of other servers' requests of other kinds.
    for other in [
        r#"{"requestId":"4f2a4f2a4f2a4f2a","rooms":["a"]}"#,
        r#"{"requestId":"4f2a4f2a4f2a4f2a","sockets":["s1"]}"#,
        r#"{"requestId":"4f2a4f2a4f2a4f2a"}"#,
        "{}",
        // And those that other servers wait for are not read at all.
        r#"{"requestId":"N5mkur","sockets":[{"id":"s1","#,
        r#"{"type":8,"requestId":"N5mkur","#,
    ] {
        assert!(answer(other).is_none(), "{other}");
    }
}

#[test]
fn old_servers_name_one_socket_and_one_room() {
    let said = |text: &str| {
        decode::request(text.as_bytes(), Membership::Listener)
            .unwrap()
            .unwrap()
            .message
    };
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
