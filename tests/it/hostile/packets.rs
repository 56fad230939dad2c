//! Packets that Socket.IO or Engine.IO do not know. The engine closes the connection on those that are
//! broken, and the next client is served; it drops those that only lead nowhere, and the socket goes on.

use super::{Attacker, MARKER, STATUS, Victim, case, keeps_it_to_itself};
use crate::support::RawClient;

#[tokio::test]
async fn broken_packets_close_their_own_connection_only() {
    let of_socket_io = [
        ("no packet at all", "4".to_owned()),
        ("an event without arguments", "42".to_owned()),
        ("an event of no name", "42[]".to_owned()),
        ("an event that is an object", r#"42{"event":1}"#.to_owned()),
        ("an event that is a text", format!(r#"42"{MARKER}""#)),
        ("null as name", "42[null]".to_owned()),
        (
            "an object as name",
            r#"42[{"event":"api.services.status"}]"#.to_owned(),
        ),
        ("an ack below zero", r#"42-1["event",{}]"#.to_owned()),
        ("an ack of letters", r#"42abc["event",{}]"#.to_owned()),
        ("an ack to no call", r#"43["x"]"#.to_owned()),
        (
            "an ack beyond all numbers",
            format!(r#"4399999999999999999999["{MARKER}"]"#),
        ),
        ("a refusal of the server", r#"44{"message":"no"}"#.to_owned()),
        ("an unknown kind", "47[]".to_owned()),
        ("a letter as kind", "4x".to_owned()),
        ("Buffers without a number", r#"45["event",{}]"#.to_owned()),
        ("Buffers in letters", r#"45one-["event",{}]"#.to_owned()),
        ("Buffers below zero", r#"45-1-["event",{}]"#.to_owned()),
        (
            "Buffers beyond all numbers",
            r#"4599999999999999999999-["event",{}]"#.to_owned(),
        ),
        ("a million Buffers", r#"451000000-["event",{}]"#.to_owned()),
        ("a second CONNECT with broken JSON", format!(r#"40{{"{MARKER}"#)),
        ("a CONNECT with a text", r#"40"x""#.to_owned()),
        ("a CONNECT with a number", "407".to_owned()),
        ("a CONNECT with a list", "40[]".to_owned()),
        ("a CONNECT with null", "40null".to_owned()),
        (
            "an ack that is asked for beyond all numbers",
            format!(r#"4299999999999999999999["event",{STATUS}]"#),
        ),
        (
            "an event that is kept for the client: connect",
            r#"421["connect",1]"#.to_owned(),
        ),
        (
            "an event that is kept for the client: disconnect",
            r#"421["disconnect",1]"#.to_owned(),
        ),
        (
            "an event that is kept for the client: disconnecting",
            r#"421["disconnecting",1]"#.to_owned(),
        ),
        (
            "an event that is kept for the client: newListener",
            r#"421["newListener",1]"#.to_owned(),
        ),
        ("nothing", String::new()),
        ("an unknown kind of Engine.IO", "9".to_owned()),
        ("an unknown letter", "ü".to_owned()),
        ("an open of the client's", r#"0{"sid":"x"}"#.to_owned()),
        ("an upgrade without a probe", "5".to_owned()),
        ("a probe without an upgrade", "2probe".to_owned()),
        (
            "Buffers that are followed by none",
            r#"451-1["event",{"_placeholder":true,"num":0}]|42["event",{}]"#.to_owned(),
        ),
        (
            "Buffers that are followed by others",
            r#"452-["event",{}]|451-["event",{}]"#.to_owned(),
        ),
        ("a Buffer out of the blue, in base64", "baGk=".to_owned()),
        ("a farewell to the engine", "1".to_owned()),
        ("broken base64", format!("b*{MARKER}*")),
    ];
    let server = Victim::start(&[]);
    for (about, packet) in of_socket_io {
        let mut attacker = RawClient::connect(&server.url).await;
        for packet in packet.split('|') {
            attacker.send(packet).await;
        }
        is_closed(&mut attacker, about).await;
        let mut next = RawClient::connect(&server.url).await;
        assert!(next.is_well().await, "the next client after: {about}");
    }
    keeps_it_to_itself(server);
}

/// Nothing more is said, and the connection ends.
async fn is_closed(client: &mut RawClient, about: &str) {
    use tokio_tungstenite::tungstenite::Message;
    while let Some(message) = client.next().await {
        let said = match &message {
            Message::Text(text) => text.as_str(),
            _ => continue,
        };
        // The engine may say that it closes.
        assert!(matches!(said, "1" | "6" | "41"), "{about}: {said:.200}");
    }
}

#[tokio::test]
async fn packets_that_lead_nowhere_are_dropped() {
    let packets = [
        ("an ack that nobody waits for", format!(r#"43999["{MARKER}"]"#)),
        (
            "the same, as one that has no Buffers",
            format!(r#"460-999["{MARKER}"]"#),
        ),
        (
            "an event without an ack and without a function",
            format!(r#"42["nobody knows","{MARKER}"]"#),
        ),
        ("a number as name", "42[7]".to_owned()),
        (
            "an event of another namespace",
            format!(r#"42/other,1["event","{MARKER}"]"#),
        ),
        ("an ack of another namespace", "43/other,1[]".to_owned()),
        ("a farewell of another namespace", "41/other,".to_owned()),
        ("a pong without a ping", "3".to_owned()),
        ("a ping of the client's", "2".to_owned()),
        ("a second CONNECT", "40".to_owned()),
    ];
    let server = Victim::start(&[]);
    let mut attacker = Attacker::connect(&server).await;
    for (about, packet) in packets {
        for _ in 0..100 {
            attacker.client.send(&packet).await;
        }
        // Exactly its two answers come, so nothing was said to the packets.
        let said = attacker.try_out(&case(about, STATUS, super::FINE)).await;
        assert_eq!(said, super::FINE, "{about}");
    }
    keeps_it_to_itself(server);
}

#[tokio::test]
async fn packets_that_are_odd_and_whole_get_their_answer() {
    let error = |code: &str| format!(r#""error":{{"code":"{code}""#);
    let online = r#"[{"event":"api.services.status","data":"online"}]"#.to_owned();
    let packets = [
        (
            "broken JSON",
            format!(r#"421["event",{{"{MARKER}":]"#),
            error("bad_call"),
        ),
        (
            "JSON that is cut off",
            format!(r#"421["event",{{"{MARKER}":1"#),
            error("bad_call"),
        ),
        (
            "100,000 brackets",
            format!(r#"421["event",{}"#, "[".repeat(100_000)),
            error("too_large"),
        ),
        (
            "a comma too many",
            r#"421["event",{},]"#.to_owned(),
            error("bad_call"),
        ),
        (
            "the name of the packet in escapes",
            format!(r#"421["\u0065vent",{STATUS}]"#),
            online.clone(),
        ),
        (
            "a blank behind the ack",
            format!(r#"421 ["event",{STATUS}]"#),
            online.clone(),
        ),
        (
            "the largest ack of all",
            format!(r#"4218446744073709551615["event",{STATUS}]"#),
            online.clone(),
        ),
        (
            "a call behind which more stands",
            format!(r#"421["event",{STATUS}]{MARKER}"#),
            error("bad_call"),
        ),
        (
            "Buffers announced, none of them",
            format!(r#"450-1["event",{STATUS}]"#),
            online.clone(),
        ),
        (
            "the largest ack",
            format!(r#"429223372036854775807["event",{STATUS}]"#),
            online.clone(),
        ),
        (
            "an ack with zeros in front",
            format!(r#"420007["event",{STATUS}]"#),
            online,
        ),
        (
            "a bad call without an ack",
            r#"42["event",{}]"#.to_owned(),
            r#"42["message","Event cannot be empty"]"#.to_owned(),
        ),
        (
            "an event of a prototype",
            r#"421["__proto__",{}]"#.to_owned(),
            error("unknown_event"),
        ),
        (
            "an event of no letters",
            r#"421["",{}]"#.to_owned(),
            error("unknown_event"),
        ),
        (
            "an event of a megabyte",
            format!(r#"421["{}",{{}}]"#, "x".repeat(1_000_000)),
            error("unknown_event"),
        ),
        (
            "another namespace",
            format!("40/{MARKER},"),
            r#""message":"Invalid namespace""#.to_owned(),
        ),
        (
            "another namespace, not ended",
            format!("40/{MARKER}"),
            r#""message":"Invalid namespace""#.to_owned(),
        ),
    ];
    let server = Victim::start(&[]);
    let mut attacker = Attacker::connect(&server).await;
    for (about, packet, expected) in packets {
        attacker.client.send(&packet).await;
        let said = attacker.client.text().await;
        assert!(said.contains(&expected), "{about}: {said:.200}");
        let said = attacker.try_out(&case(about, STATUS, super::FINE)).await;
        assert_eq!(said, super::FINE, "{about}");
    }
    keeps_it_to_itself(server);
}
