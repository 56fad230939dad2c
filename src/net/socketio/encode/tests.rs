use proptest::prelude::*;

use super::{
    super::packet::{self, Packet},
    Version::{V4, V5},
    *,
};

fn written(append: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut text = b"before ".to_vec();
    append(&mut text);
    String::from_utf8(text).unwrap().split_off(7)
}

fn encoded(
    namespace: &str,
    kind: Kind<'_>,
    arguments: &str,
    buffers: usize,
) -> Result<String, TooManyBuffers> {
    let mut result = Ok(Vec::new());
    let text = written(|text| {
        result = packet(text, namespace, kind, |text| {
            text.extend_from_slice(arguments.as_bytes());
            Ok(vec![Bytes::new(); buffers])
        });
    });
    result.map(|kept| {
        assert_eq!(kept.len(), buffers);
        text
    })
}

#[test]
fn events_and_acks_are_written_as_the_protocol_has_them() {
    let event = |name, id| Kind::Event {
        name: WrittenName::Text(name),
        id,
    };
    let number = Kind::Event {
        name: WrittenName::Number("7"),
        id: None,
    };
    let cases = [
        ("/", event("e", None), "1,2", 0, r#"2["e",1,2]"#),
        ("/", number, "1", 0, "2[7,1]"),
        ("/", event("e", None), "", 0, r#"2["e"]"#),
        ("/", event("a \"b\"", Some(7)), "{}", 0, r#"27["a \"b\"",{}]"#),
        ("/admin", event("e", Some(7)), "1", 0, r#"2/admin,7["e",1]"#),
        ("/admin", event("e", None), "{…}", 2, r#"52-/admin,["e",{…}]"#),
        ("/", Kind::Ack { id: u64::MAX }, "", 0, "318446744073709551615[]"),
        ("/", Kind::Ack { id: 12 }, "1,\"\"", 0, "312[1,\"\"]"),
        ("/admin", Kind::Ack { id: 0 }, "{…}", 10, "610-/admin,0[{…}]"),
    ];
    for (namespace, kind, arguments, buffers, text) in cases {
        assert_eq!(encoded(namespace, kind, arguments, buffers).as_deref(), Ok(text));
    }
}

#[test]
fn more_buffers_than_clients_take_are_refused_and_leave_nothing_behind() {
    let refused = encoded(
        "/",
        Kind::Event {
            name: WrittenName::Text("e"),
            id: None,
        },
        "1",
        11,
    )
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "11 Buffers in one event or answer: clients take 10"
    );
    let mut text = b"before".to_vec();
    let failed = packet::<TooManyBuffers>(&mut text, "/a", Kind::Ack { id: 1 }, |text| {
        text.extend_from_slice(b"half");
        Err(TooManyBuffers(12))
    });
    assert_eq!((failed, &text[..]), (Err(TooManyBuffers(12)), &b"before"[..]));
}

#[test]
fn sockets_are_told_what_they_are_as_each_generation_has_it() {
    assert_eq!(
        written(|text| connected(text, V5, "/", "x\"y")),
        r#"0{"sid":"x\"y"}"#
    );
    assert_eq!(
        written(|text| connected(text, V5, "/a", "xy")),
        r#"0/a,{"sid":"xy"}"#
    );
    assert_eq!(written(|text| connected(text, V4, "/", "xy")), "0");
    assert_eq!(written(|text| connected(text, V4, "/a", "xy")), "0/a,");
    assert_eq!(written(|text| disconnect(text, "/")), "1");
    assert_eq!(written(|text| disconnect(text, "/a")), "1/a,");
    let data = RawValue::from_string(r#"{"code":1}"#.into()).unwrap();
    let cases = [
        (
            V5,
            Some(&*data),
            r#"4/a,{"message":"no \"way\"","data":{"code":1}}"#,
        ),
        (V5, None, r#"4/a,{"message":"no \"way\""}"#),
        (V4, Some(&*data), r#"4/a,{"code":1}"#),
        (V4, None, r#"4/a,"no \"way\"""#),
    ];
    for (version, data, text) in cases {
        assert_eq!(
            written(|text| refused(text, version, "/a", "no \"way\"", data)),
            text
        );
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        namespace in prop_oneof![Just("/".to_owned()), "/[a-z]{1,5}"],
        name in "[a-zü\"\\\\\n]{0,8}",
        id: Option<u64>,
        buffers in 0_usize..=10,
        arguments in prop_oneof![Just(""), Just("1"), Just("{\"a\":[]},2")],
    ) {
        let text = encoded(&namespace, Kind::Event { name: WrittenName::Text(&name), id }, arguments, buffers).unwrap();
        let read = Packet::decode(V5, &text).unwrap();
        prop_assert_eq!(read.namespace, &namespace);
        prop_assert_eq!(read.buffers, (buffers > 0).then_some(buffers));
        let packet::Kind::Event { id: read_id, name: read_name, arguments: all } = read.kind else {
            return Err(TestCaseError::fail("an event"));
        };
        prop_assert_eq!((read_id, &*read_name), (id, &*name));
        let split = packet::arguments(all, 10).unwrap();
        prop_assert_eq!(split[1..].join(","), arguments);
    }
}
