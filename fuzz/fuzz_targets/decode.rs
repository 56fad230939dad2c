//! Decodes anything, and takes out of it all that a function may ask for. What fails must say what was wrong
//! with the client's part: `bad_call`, `too_large` or `invalid_data`, and nothing else.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, value::RawValue};
use updraft::{
    CallError, Code,
    payload::{Arrived, Call, Limits},
};

/// Stands between the packet's text and its Buffers, and between these. UTF-8 has no such byte.
const BORDER: u8 = 0xff;

/// Small, so that they are met.
const LIMITS: Limits = Limits {
    packed: 64 << 10,
    unpacked: 256 << 10,
    depth: 20,
};

fuzz_target!(|input: &[u8]| {
    let mut parts = input.split(|byte| *byte == BORDER);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let attachments: Vec<Bytes> = parts.map(Bytes::copy_from_slice).collect();
    let rest = input
        .iter()
        .position(|byte| *byte == BORDER)
        .map(|at| &input[at + 1..]);
    // The text is a whole packet, and then the call alone; what follows is many Buffers, and then one.
    let packet = format!(r#"["event",{text}]"#);
    take_all(text, attachments.clone());
    take_all(packet.clone(), attachments);
    if let Some(rest) = rest {
        take_all(packet, vec![Bytes::copy_from_slice(rest)]);
    }
});

fn take_all(text: String, attachments: Vec<Bytes>) {
    let arrived = Arrived {
        text: text.into(),
        attachments,
    };
    let Some(call) = blamed(Call::decode(arrived, &LIMITS)) else {
        return;
    };
    assert!(!call.event().is_empty());
    let _ = (call.id(), call.version(), call.traceparent(), call.has_no_data());
    let _ = (blamed(call.text()), blamed(call.bytes()));
    let _ = (
        blamed(call.field::<Value>("data")),
        blamed(call.field::<String>("name")),
    );
    let _ = blamed(call.whole::<Value>());
    let read = blamed(call.json::<Value>());
    let Some(data) = blamed(call.data()) else {
        return;
    };
    assert_eq!(blamed(data.json::<Value>()), read);
    let _ = (blamed(data.text()), blamed(data.bytes()));
    let written = serde_json::to_string(&data).expect("data can be written again");
    let _: &RawValue = serde_json::from_str(&written).expect("and is JSON then");
    let again = updraft::Data::new(&data).expect("data can be emitted");
    if let Some(read) = read {
        assert_eq!(blamed(again.json::<Value>()), Some(read));
    }
}

fn blamed<T>(result: Result<T, CallError>) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    match error.code() {
        Code::BadCall | Code::TooLarge | Code::InvalidData => None,
        _ => panic!("{error}"),
    }
}
