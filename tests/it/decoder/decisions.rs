//! What JSON leaves open, decided.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use updraft::{
    Code,
    payload::{Call, EMPTY_EVENT, Limits, MAX_ID},
};

use super::{Argument, base64, gzip, quoted};

fn call(json: &str) -> Call {
    Argument::text(json).decode().unwrap()
}

fn data(json: &str) -> Call {
    call(&format!(r#"["a.b",{json}]"#))
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn numbers_are_read_as_the_type_asks_and_passed_on_as_they_are_written() {
    let beyond = data("9007199254740993");
    assert_eq!(beyond.json::<u64>().unwrap(), 9_007_199_254_740_993);
    assert_eq!(beyond.json::<f64>().unwrap(), 9_007_199_254_740_992.0);
    let huge = data("18446744073709551616");
    assert_eq!(huge.json::<u128>().unwrap(), 18_446_744_073_709_551_616);
    assert_eq!(huge.json::<u64>().unwrap_err().code(), Code::InvalidData);
    assert_eq!(data("1.0").json::<u64>().unwrap_err().code(), Code::InvalidData);
    assert!(data("-0").json::<f64>().unwrap().is_sign_negative());
    assert_eq!(
        data("0.30000000000000004").json::<f64>().unwrap().to_bits(),
        (0.1_f64 + 0.2).to_bits()
    );
    // More than a double can hold is no number for a type, and yet it can be passed on.
    let endless = data("[1e400,-0,1.10]");
    assert_eq!(endless.json::<Value>().unwrap_err().code(), Code::InvalidData);
    assert_eq!(
        serde_json::to_string(&endless.data().unwrap()).unwrap(),
        "[1e400,-0,1.10]"
    );
}

#[test]
fn beside_a_buffer_numbers_are_64_bits_wide() {
    let with = |number: &str| Argument {
        json: format!(r#"["a.b",[{number},{{"_placeholder":true,"num":0}}]]"#),
        buffers: vec![vec![1]],
    };
    let read = |number: &str| with(number).decode().unwrap().json::<(Value, Bytes)>().unwrap().0;
    assert_eq!(read("18446744073709551615"), json!(u64::MAX));
    assert_eq!(read("18446744073709551616"), json!(18_446_744_073_709_551_616.0));
    assert_eq!(with("1e400").refusal(), Code::BadCall);
}

#[test]
fn of_a_key_that_comes_twice_the_last_holds() {
    let twice = call(r#"{"event":"a.a","data":1,"x":1,"event":"a.b","data":2,"x":2}"#);
    assert_eq!(twice.event(), "a.b");
    assert_eq!(twice.json::<u8>().unwrap(), 2);
    assert_eq!(twice.field::<u8>("x").unwrap(), Some(2));
    let inside = data(r#"{"x":1,"x":2}"#);
    assert_eq!(inside.json::<BTreeMap<String, u8>>().unwrap()["x"], 2);
    // A struct of the function's own is stricter, as serde is.
    #[derive(Debug, Deserialize)]
    struct Strict {
        #[allow(dead_code)]
        x: u8,
    }
    assert_eq!(inside.json::<Strict>().unwrap_err().code(), Code::InvalidData);
}

#[test]
fn a_call_nests_as_deep_as_the_limit_and_no_deeper() {
    let object = |levels| Argument::text(format!(r#"{{"event":"a.b","data":{}}}"#, nested(levels - 1)));
    let array = |levels| Argument::text(format!(r#"["a.b",{}]"#, nested(levels - 1)));
    let text = |levels| Argument::string(&object(levels).json);
    let packed = |levels| Argument::buffer(&gzip(object(levels).json.as_bytes()));
    let buffer = |levels: usize| Argument {
        json: format!(
            r#"["a.b",{}{{"_placeholder":true,"num":0}}{}]"#,
            "[".repeat(levels - 2),
            "]".repeat(levels - 2)
        ),
        buffers: vec![Vec::new()],
    };
    let forms: [&dyn Fn(usize) -> Argument; 5] = [&object, &array, &text, &packed, &buffer];
    for (number, form) in forms.iter().enumerate() {
        let deep = form(Limits::DEEPEST).decode().unwrap();
        assert!(deep.data().is_ok(), "{number}");
        assert_eq!(form(Limits::DEEPEST + 1).refusal(), Code::TooLarge, "{number}");
        assert_eq!(form(100_000).refusal(), Code::TooLarge, "{number}");
    }
    for form in &forms[..4] {
        let deep = form(Limits::DEEPEST).decode().unwrap();
        assert!(deep.json::<Value>().is_ok() && deep.whole::<Value>().is_ok());
    }
}

#[test]
fn packed_data_nests_as_deep_as_the_limit_by_itself() {
    let packed = |levels| {
        let gzip = base64(&gzip(nested(levels).as_bytes()));
        [
            data(&quoted(&gzip)),
            call(&format!(
                r#"{{"event":"a.b","encoding":"gzip+base64","data":"{gzip}"}}"#
            )),
        ]
    };
    for deep in packed(Limits::DEEPEST) {
        assert!(deep.json::<Value>().is_ok());
    }
    for deeper in packed(Limits::DEEPEST + 1) {
        assert_eq!(deeper.json::<Value>().unwrap_err().code(), Code::TooLarge);
        assert_eq!(deeper.data().unwrap_err().code(), Code::TooLarge);
    }
}

/// They are no JSON then, and a text for functions that ask for one.
#[test]
fn packed_bytes_may_hold_any_brackets() {
    let brackets = "[".repeat(200);
    let packed = data(&quoted(&base64(&gzip(brackets.as_bytes()))));
    assert_eq!(packed.bytes().unwrap(), brackets);
    assert_eq!(packed.text().unwrap(), brackets);
    assert_eq!(packed.data().unwrap_err().code(), Code::TooLarge);
}

#[test]
fn a_buffer_is_read_as_json_where_it_holds_json_and_as_text_where_it_does_not() {
    let buffer = |bytes: &[u8]| {
        let argument = Argument {
            json: r#"["a.b",{"_placeholder":true,"num":0}]"#.to_owned(),
            buffers: vec![bytes.to_vec()],
        };
        argument.decode().unwrap()
    };
    assert_eq!(buffer(b"[1]").json::<Value>().unwrap(), json!([1]));
    assert_eq!(buffer(b"\"hi\"").json::<String>().unwrap(), "hi");
    assert_eq!(buffer(b"hi").json::<String>().unwrap(), "hi");
    assert_eq!(buffer(b"").json::<String>().unwrap(), "");
    assert_eq!(
        buffer(b"[1").json::<Vec<u8>>().unwrap_err().code(),
        Code::InvalidData
    );
    assert_eq!(
        buffer(b"\xff").json::<Value>().unwrap_err().code(),
        Code::InvalidData
    );
    // JSON that cannot be read is no text.
    for json in [nested(300), "1e400".to_owned()] {
        let error = buffer(json.as_bytes()).json::<Value>().unwrap_err();
        assert_eq!(error.code(), Code::InvalidData, "{json}");
    }
}

#[test]
fn keys_may_be_written_with_escapes() {
    let escaped =
        call(r#"{"\u0065vent":"a.\u0062","d\u0061ta":{"\u0078":1},"gr\u00f6\u00dfe":2,"\u0069d":"7"}"#);
    assert_eq!(escaped.event(), "a.b");
    assert_eq!(escaped.json::<Value>().unwrap(), json!({"x": 1}));
    assert_eq!(escaped.field::<u8>("größe").unwrap(), Some(2));
    assert_eq!(escaped.id(), Some("7"));
}

#[test]
fn null_is_as_good_as_nothing_for_whatever_is_optional() {
    let nulls = call(
        r#"{"event":"a.b","data":null,"encoding":null,"id":null,"v":null,"traceparent":null,"name":null}"#,
    );
    assert!(nulls.has_no_data());
    assert_eq!(
        (nulls.id(), nulls.version(), nulls.traceparent()),
        (None, None, None)
    );
    assert_eq!(nulls.field::<String>("name").unwrap(), None);
    assert_eq!(nulls.json::<Option<u8>>().unwrap(), None);
    let said_to_be_packed = call(r#"{"event":"a.b","data":null,"encoding":"gzip+base64"}"#);
    assert!(said_to_be_packed.data().unwrap().is_absent());
    assert_eq!(said_to_be_packed.json::<Option<u8>>().unwrap(), None);
}

#[test]
fn fields_of_the_wrong_type_are_refused() {
    let long = "x".repeat(MAX_ID);
    assert_eq!(
        call(&format!(r#"{{"event":"a.b","id":"{long}"}}"#)).id(),
        Some(&*long)
    );
    // 64 bytes, not letters.
    let wide = "ü".repeat(MAX_ID / 2 + 1);
    for field in [
        format!(r#""id":"{long}x""#),
        format!(r#""id":"{wide}""#),
        r#""id":7"#.to_owned(),
        r#""v":"1""#.to_owned(),
        r#""v":1.0"#.to_owned(),
        r#""v":-1"#.to_owned(),
        r#""v":4294967296"#.to_owned(),
        r#""v":[1]"#.to_owned(),
        r#""encoding":"deflate""#.to_owned(),
        r#""encoding":"""#.to_owned(),
        r#""encoding":1"#.to_owned(),
        r#""encoding":["gzip"]"#.to_owned(),
    ] {
        let argument = Argument::text(format!(r#"{{"event":"a.b",{field}}}"#));
        assert_eq!(argument.refusal(), Code::BadCall, "{field}");
    }
    // A trace that cannot be read must not cost the call: the standard says to start a new one.
    assert_eq!(call(r#"{"event":"a.b","traceparent":7}"#).traceparent(), None);
}

#[test]
fn an_event_is_any_text_but_the_empty_one() {
    for event in ["", "null"] {
        let event = if event.is_empty() { r#""""# } else { event };
        for json in [format!(r#"{{"event":{event}}}"#), format!("[{event}]")] {
            let error = Argument::text(json).decode().unwrap_err();
            assert_eq!((error.code(), error.message()), (Code::BadCall, EMPTY_EVENT));
        }
    }
    for nameless in ["{}", "[]", r#"{"data":1}"#] {
        let error = Argument::text(nameless).decode().unwrap_err();
        assert_eq!((error.code(), error.message()), (Code::BadCall, EMPTY_EVENT));
    }
    for event in ["7", "true", "[]", "{}"] {
        let argument = Argument::text(format!(r#"{{"event":{event}}}"#));
        assert_eq!(argument.refusal(), Code::BadCall, "{event}");
    }
    // Whether such a name is registered is not for the decoder to say.
    let long = "x".repeat(1_000_000);
    assert_eq!(call(&format!(r#"["{long}"]"#)).event(), long);
    assert_eq!(call(r#"["\u0000\n"]"#).event(), "\0\n");
}

/// As JavaScript leaves it where it cuts a text within an emoji.
#[test]
fn half_a_surrogate_pair_is_a_replacement_character_wherever_it_stands() {
    const CALL: &str = r#"{"event":"a.\ud83d","id":"\udc00x","data":{"r\ud83e":"x\ud83d","crab":"\ud83e\udd80"},"name":"\ud83d"}"#;
    let read = json!({"r\u{fffd}": "x\u{fffd}", "crab": "🦀"});
    let forms = [
        Argument::text(CALL),
        Argument::string(CALL),
        Argument::buffer(CALL.as_bytes()),
        Argument::buffer(&gzip(CALL.as_bytes())),
        Argument::string(&base64(&gzip(CALL.as_bytes()))),
    ];
    for (number, form) in forms.iter().enumerate() {
        let call = form.decode().unwrap();
        assert_eq!(call.event(), "a.\u{fffd}", "{number}");
        assert_eq!(call.id(), Some("\u{fffd}x"));
        assert_eq!(call.field::<String>("name").unwrap().unwrap(), "\u{fffd}");
        assert_eq!(call.whole::<Value>().unwrap()["data"], read);
        assert_eq!(call.json::<Value>().unwrap(), read);
        let passed_on = serde_json::to_string(&call.data().unwrap()).unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&passed_on).unwrap(),
            read,
            "{passed_on}"
        );
    }
    let text = r#"["x\ud83d"]"#;
    let packed = base64(&gzip(text.as_bytes()));
    let of_buffer = Argument {
        json: r#"["a.b",{"_placeholder":true,"num":0}]"#.to_owned(),
        buffers: vec![text.as_bytes().to_vec()],
    };
    let beside = Argument {
        json: r#"["a.b",["x\ud83d",{"_placeholder":true,"num":0}]]"#.to_owned(),
        buffers: vec![vec![1]],
    };
    for call in [data(&quoted(&packed)), of_buffer.decode().unwrap()] {
        assert_eq!(call.json::<Vec<String>>().unwrap(), ["x\u{fffd}"]);
    }
    let (read, _) = beside.decode().unwrap().json::<(String, Bytes)>().unwrap();
    assert_eq!(read, "x\u{fffd}");
    let opened = data(&quoted(&packed)).data().unwrap();
    assert_eq!(opened.json::<Vec<String>>().unwrap(), ["x\u{fffd}"]);
    assert_eq!(data(r#""\ud83e""#).text().unwrap(), "\u{fffd}");
    // A text that is no JSON is left as it is.
    assert_eq!(data(r#""C:\\ud83d""#).text().unwrap(), r"C:\ud83d");
    let path = Argument {
        buffers: vec![br"C:\ud83d".to_vec()],
        ..of_buffer
    };
    assert_eq!(path.decode().unwrap().json::<String>().unwrap(), r"C:\ud83d");
}

#[test]
fn nothing_may_follow_a_call() {
    let json = r#"{"event":"a.b"}"#;
    for trailing in ["x", "{}", "\0", ","] {
        let more = format!("{json}{trailing}");
        assert_eq!(Argument::string(&more).refusal(), Code::BadCall, "{trailing:?}");
        assert_eq!(Argument::buffer(more.as_bytes()).refusal(), Code::BadCall);
        let packed = [gzip(json.as_bytes()).as_slice(), trailing.as_bytes()].concat();
        assert_eq!(Argument::buffer(&packed).refusal(), Code::BadCall);
    }
    for blank in [" ", "\r\n\t"] {
        assert!(
            Argument::string(&format!("{blank}{json}{blank}"))
                .decode()
                .is_ok()
        );
    }
    for extra in [r#"["a.b",1,2]"#, r#"{"event":"a.b"},1"#] {
        assert_eq!(Argument::text(extra).refusal(), Code::BadCall);
    }
}

#[test]
fn sizes_are_bounded_to_the_byte() {
    let argument = Argument::text(r#"{"event":"a.b","data":"0123456789"}"#);
    let limits = |packed, unpacked| Limits {
        packed,
        unpacked,
        ..Limits::default()
    };
    let size = argument.arrived().size();
    let decode = |argument: &Argument, limits| Call::decode(argument.arrived(), &limits);
    assert!(decode(&argument, limits(size, 0)).is_ok());
    assert_eq!(
        decode(&argument, limits(size - 1, 0)).unwrap_err().code(),
        Code::TooLarge
    );
    let packed = Argument::buffer(&gzip(argument.json.as_bytes()));
    let unpacked = argument.json.len();
    assert!(decode(&packed, limits(1000, unpacked)).is_ok());
    assert_eq!(
        decode(&packed, limits(1000, unpacked - 1)).unwrap_err().code(),
        Code::TooLarge
    );
    let data = Argument::text(format!(r#"["a.b","{}"]"#, base64(&gzip(b"0123456789"))));
    let text = |limit| decode(&data, limits(1000, limit)).unwrap().text();
    assert_eq!(text(10).unwrap(), "0123456789");
    assert_eq!(text(9).unwrap_err().code(), Code::TooLarge);
}
