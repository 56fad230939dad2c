//! What the decoder promises, for every value and every form of a call, and for anything else that may
//! arrive in its place.

mod buffers;
mod decisions;
mod forms;
mod garbage;
mod json;

use std::io::Write;

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use updraft::{
    CallError, Code,
    payload::{Arrived, Call, Limits},
};

/// What an `event` packet carries on the wire: its one argument as JSON text, and its Buffers.
#[derive(Clone, Debug)]
struct Argument {
    json: String,
    buffers: Vec<Vec<u8>>,
}

impl Argument {
    fn text(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            buffers: Vec::new(),
        }
    }

    fn string(text: &str) -> Self {
        Self::text(quoted(text))
    }

    fn buffer(bytes: &[u8]) -> Self {
        Self {
            json: r#"{"_placeholder":true,"num":0}"#.to_owned(),
            buffers: vec![bytes.to_vec()],
        }
    }

    fn arrived(&self) -> Arrived {
        Arrived {
            text: format!(r#"["event",{}]"#, self.json).into(),
            attachments: self.buffers.iter().cloned().map(Bytes::from).collect(),
        }
    }

    fn decode(&self) -> Result<Call, CallError> {
        Call::decode(self.arrived(), &Limits::default())
    }

    fn refusal(&self) -> Code {
        self.decode().expect_err("it is no call").code()
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Takes everything out of what arrived that a function may ask for. Whatever it is, that either works or
/// fails with a code that tells the client what was wrong with it.
fn settle(arrived: Arrived, limits: &Limits) -> Result<(), Code> {
    fn blamed<T>(result: Result<T, CallError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                let code = error.code();
                assert!(
                    matches!(code, Code::BadCall | Code::TooLarge | Code::InvalidData),
                    "{error}"
                );
                None
            }
        }
    }
    let call = Call::decode(arrived, limits);
    if let Err(error) = &call {
        let code = error.code();
        assert!(matches!(code, Code::BadCall | Code::TooLarge), "{error}");
        return Err(code);
    }
    let call = blamed(call).unwrap();
    assert!(!call.event().is_empty());
    assert!(call.id().is_none_or(|id| id.len() <= updraft::payload::MAX_ID));
    let _ = (call.version(), call.traceparent(), call.has_no_data());
    blamed(call.text());
    blamed(call.bytes());
    blamed(call.field::<Value>("event"));
    blamed(call.field::<String>("name"));
    blamed(call.whole::<Value>());
    let read = blamed(call.json::<Value>());
    if let Some(data) = blamed(call.data()) {
        assert_eq!(
            blamed(data.json::<Value>()),
            read,
            "read at once and in two steps"
        );
        blamed(data.text());
        blamed(data.bytes());
        let again = serde_json::to_string(&data).expect("data can be written again");
        assert!(serde_json::from_str::<&serde_json::value::RawValue>(&again).is_ok());
    }
    Ok(())
}
