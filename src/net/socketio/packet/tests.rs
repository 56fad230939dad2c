use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    Version::{V4, V5},
    *,
};

fn event<'a>(id: Option<u64>, name: &'a str, arguments: &'a str) -> Kind<'a> {
    Kind::Event {
        id,
        name: name.into(),
        arguments,
    }
}

fn packet<'a>(namespace: &'a str, kind: Kind<'a>) -> Packet<'a> {
    Packet {
        namespace,
        query: None,
        buffers: None,
        kind,
    }
}

#[track_caller]
fn is(text: &str, packet: Packet<'_>) {
    assert_eq!(Packet::decode(V5, text).as_ref(), Ok(&packet), "{text}");
}

#[test]
fn each_type_stands_in_the_book() {
    let page = include_str!("../../../../docs/wire.md");
    let table = "| Socket.IO | from the client | from the server |\n|---|---|---|\n";
    let (_, rows) = page.split_once(table).unwrap();
    let rows = rows.lines().take_while(|row| row.starts_with("| `"));
    let documented: BTreeSet<u8> = rows.map(|row| row.as_bytes()[3]).collect();
    let unknown = Err(Malformed("a packet of an unknown type"));
    // With a number of Buffers and without: another type has neither.
    let is_known = |kind: &u8| {
        let texts = ["0-1[\"a\"]", "1[\"a\"]"].map(|rest| format!("{}{rest}", char::from(*kind)));
        texts.iter().any(|text| Packet::decode(V5, text) != unknown)
    };
    let mut known: BTreeSet<u8> = (b' '..=b'~').filter(is_known).collect();
    // What servers alone say.
    let mut refused = Vec::new();
    crate::net::socketio::encode::refused(&mut refused, V5, ROOT, "no", None);
    known.insert(refused[0]);
    assert_eq!(documented, known);
}

/// The examples of the protocol's document.
#[test]
fn the_protocols_examples_are_read_as_it_has_them() {
    is("0", packet("/", Kind::Connect { auth: None }));
    is("0/admin,", packet("/admin", Kind::Connect { auth: None }));
    let auth = Some(r#"{"token":"123"}"#);
    is(
        r#"0/admin,{"token":"123"}"#,
        packet("/admin", Kind::Connect { auth }),
    );
    is("1/admin,", packet("/admin", Kind::Disconnect));
    is(r#"2["foo"]"#, packet("/", event(None, "foo", r#"["foo"]"#)));
    is(
        r#"2/admin,["bar"]"#,
        packet("/admin", event(None, "bar", r#"["bar"]"#)),
    );
    is(r#"212["foo"]"#, packet("/", event(Some(12), "foo", r#"["foo"]"#)));
    let ack = |id, arguments| Kind::Ack { id, arguments };
    is(r#"3/admin,13["bar"]"#, packet("/admin", ack(13, r#"["bar"]"#)));
    is("312[]", packet("/", ack(12, "[]")));
    let baz = r#"["baz",{"_placeholder":true,"num":0}]"#;
    let whole = format!("51-{baz}");
    is(
        &whole,
        Packet {
            buffers: Some(1),
            ..packet("/", event(None, "baz", baz))
        },
    );
    let whole = format!("52-/admin,456{baz}");
    is(
        &whole,
        Packet {
            buffers: Some(2),
            ..packet("/admin", event(Some(456), "baz", baz))
        },
    );
    let whole = "61-/admin,456[{\"_placeholder\":true,\"num\":0}]";
    is(
        whole,
        Packet {
            buffers: Some(1),
            ..packet("/admin", ack(456, &whole[13..]))
        },
    );
}

#[test]
fn a_query_is_no_part_of_the_namespace() {
    let connect = |namespace, query| Packet {
        query: Some(query),
        ..packet(namespace, Kind::Connect { auth: None })
    };
    assert_eq!(Packet::decode(V4, "0/nope?x=1,"), Ok(connect("/nope", "x=1")));
    assert_eq!(
        Packet::decode(V4, "0/nope?x=1&y=a?b"),
        Ok(connect("/nope", "x=1&y=a?b"))
    );
    assert_eq!(Packet::decode(V4, "0/?x=1,"), Ok(connect("/", "x=1")));
    is("0/admin", packet("/admin", Kind::Connect { auth: None }));
}

#[test]
fn a_name_may_be_escaped_or_a_number() {
    let cases = [
        (r#"["\u00e9vent",1]"#, "évent"),
        (r#"["a\"b",1]"#, "a\"b"),
        (r#"[ "\ud83d\ude00" , 1]"#, "😀"),
        (r#"["événement"]"#, "événement"),
        (r#"["",1]"#, ""),
        ("[7,1]", "7"),
        ("[-1.5e3]", "-1500"),
        ("[1.0]", "1"),
    ];
    for (arguments, name) in cases {
        is(
            &format!("27{arguments}"),
            packet("/", event(Some(7), name, arguments)),
        );
    }
}

#[test]
fn an_acks_number_is_kept_to_its_last_digit_or_refused() {
    for id in [0, 1 << 53, (1 << 63) - 1, 1 << 63, u64::MAX] {
        is(
            &format!("2{id}[\"e\"]"),
            packet("/", event(Some(id), "e", "[\"e\"]")),
        );
    }
    assert!(Packet::decode(V5, "218446744073709551616[\"e\"]").is_err());
    assert!(Packet::decode(V5, "399999999999999999999999[]").is_err());
}

#[test]
fn what_a_client_connects_with_is_an_object() {
    for wrong in [
        "0{",
        "0{a:1}",
        "0\"token\"",
        "05",
        "0null",
        "0[]",
        "0true",
        "0{}x",
        "0/a,{},",
        "0/a,1",
    ] {
        assert!(Packet::decode(V5, wrong).is_err(), "{wrong}");
    }
    let deep = |levels| format!("0{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    assert!(Packet::decode(V5, &deep(127)).is_ok());
    assert!(Packet::decode(V5, &deep(128)).is_err());
    assert!(Packet::decode(V5, &deep(100_000)).is_err());
    // Clients of protocol 4 have nothing to say there.
    assert_eq!(
        Packet::decode(V4, "0[]"),
        Ok(packet("/", Kind::Connect { auth: None }))
    );
    assert!(Packet::decode(V4, "0{").is_err());
}

#[test]
fn what_is_no_packet_is_refused() {
    #[rustfmt::skip]
    let wrong = [
        "", "7[]", "9", "x", "ü", " 2[\"e\"]", "1x", "1/a,x", "1[]",
        "2", "2/a,", "2[]", "2[", "2{}", "2\"e\"", "2[\"e\"", "2[\"e", "2[\"e\" 1]", "2[null]", "2[{}]", "2[[\"e\"]]",
        "2[\"\\ud800\"]", "2[\"\\x\"]", "2[01]", "2abc[\"e\"]", "2-1[\"e\"]", "21.5[\"e\"]", "2[\"connect\"]",
        "2[\"disconn\\u0065ct\",1]", "2[\"newListener\"]", "2/a[\"e\"]",
        "3", "3[]", "312", "312{}", "3x[]", "4", "4{\"message\":\"x\"}",
        "5[\"e\"]", "5-[\"e\"]", "51[\"e\"]", "5x-[\"e\"]", "5-1-[\"e\"]", "51.0-[\"e\"]", "599999999999999999999-[\"e\"]",
        "61-[]", "6-1[]",
    ];
    for wrong in wrong {
        assert!(Packet::decode(V5, wrong).is_err(), "{wrong}");
        assert!(Packet::decode(V4, wrong).is_err(), "{wrong}");
    }
}

#[test]
fn arguments_are_split_where_they_are_json() {
    assert_eq!(
        arguments(r#"["e", {"a":[1]} ,2 ]"#, 2),
        Ok(vec!["\"e\"", "{\"a\":[1]}", "2"])
    );
    assert_eq!(arguments("[]", 0), Ok(vec![]));
    for wrong in ["", "{}", "[", "[1", "[1,]", "[1]2", "[[[1]]]"] {
        assert!(arguments(wrong, 1).is_err(), "{wrong}");
    }
}

fn namespaces() -> impl Strategy<Value = String> {
    prop_oneof![Just(ROOT.to_owned()), "/[a-z0-9/-]{0,8}"]
}

proptest! {
    #[test]
    fn what_clients_write_is_read(
        namespace in namespaces(),
        id: Option<u64>,
        name: String,
        buffers in proptest::option::of(0_usize..100),
        argument: String,
    ) {
        prop_assume!(!OF_SOCKET_IO.contains(&&*name));
        let arguments = serde_json::json!([name, {"a": argument}]).to_string();
        let mut text = buffers.map_or("2".to_owned(), |buffers| format!("5{buffers}-"));
        if namespace != ROOT {
            text.push_str(&format!("{namespace},"));
        }
        if let Some(id) = id {
            text.push_str(&id.to_string());
        }
        text.push_str(&arguments);
        let expected = Packet { buffers, ..packet(&namespace, event(id, &name, &arguments)) };
        prop_assert_eq!(Packet::decode(V5, &text), Ok(expected));
        prop_assert_eq!(super::arguments(&arguments, 10).unwrap().len(), 2);
    }

    #[test]
    fn any_text_is_a_packet_or_refused(
        parts in proptest::collection::vec(prop_oneof![
            Just("2"), Just("5"), Just("6"), Just("3"), Just("0"), Just("1-"), Just("/a,"), Just("?"), Just("12"),
            Just("[\"e\""), Just(",1]"), Just("]"), Just("{}"), Just("\\"), Just("é"), Just("[\"\\u00e9\"]"), Just(" "),
        ], 0..8),
        any: String,
    ) {
        for text in [parts.concat(), any] {
            for version in [V4, V5] {
                let Ok(packet) = Packet::decode(version, &text) else { continue };
                prop_assert!(packet.namespace.starts_with('/') && !packet.namespace.contains(['?', ',']));
                if let Kind::Event { arguments, .. } | Kind::Ack { arguments, .. } = packet.kind {
                    prop_assert!(text.ends_with(arguments));
                }
            }
        }
    }
}
