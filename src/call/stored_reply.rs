//! The first answer of a call as it is stored, for retries.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::{
    payload::Data,
    reply::{IntoReply, Reply},
};
use crate::error::{CallError, Result};

/// `{data?, buffers?}` or `{error}`, Buffers in base64.
#[derive(Deserialize, Serialize)]
struct StoredReply {
    #[serde(
        default,
        deserialize_with = "even_null",
        skip_serializing_if = "Option::is_none"
    )]
    data: Option<Box<RawValue>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    buffers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<CallError>,
}

/// An answer of `null` is another than none.
fn even_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<Box<RawValue>>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// What a function is about to answer, as text.
pub(crate) fn of(answer: impl IntoReply) -> Result<String> {
    let reply = answer.into_reply()?;
    to_text(&Ok(reply.map(|reply| Data::new(&*reply)).transpose()?))
}

/// What a call came to, as text.
pub(super) fn to_text(result: &Result<Option<Data>>) -> Result<String> {
    let mut stored = StoredReply {
        data: None,
        buffers: Vec::new(),
        error: None,
    };
    match result {
        Ok(None) => {}
        Ok(Some(data)) => {
            let (json, buffers) = data.to_parts();
            stored.data = Some(RawValue::from_string(json.into())?);
            stored.buffers = buffers
                .iter()
                .map(|buffer| BASE64_STANDARD.encode(buffer))
                .collect();
        }
        Err(error) => stored.error = Some(error.clone()),
    }
    Ok(serde_json::to_string(&stored)?)
}

/// What a call came to, from its text.
///
/// # Errors
/// The error that it came to, or [`Code::Internal`](crate::Code::Internal) where the text is none of ours.
pub(super) fn from_text(text: &str) -> Result<Reply> {
    let stored: StoredReply = serde_json::from_str(text)?;
    if let Some(error) = stored.error {
        return Err(error);
    }
    let Some(json) = stored.data else {
        return Ok(None);
    };
    let buffers = stored
        .buffers
        .iter()
        .map(|text| BASE64_STANDARD.decode(text).map(Bytes::from));
    let data = Data::from_parts(json.get().into(), buffers.collect::<std::result::Result<_, _>>()?);
    Ok(Some(Box::new(data)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::error::Code;

    fn again(result: Result<Option<Data>>) -> Result<Option<Data>> {
        let reply = from_text(&to_text(&result).unwrap())?;
        Ok(reply.map(|reply| Data::new(&*reply).unwrap()))
    }

    #[test]
    fn an_answer_comes_back_as_it_was() {
        for value in [json!(null), json!(1.50), json!({"a": ["ü", "\u{1F600}"]})] {
            let data = again(Ok(Some(Data::new(&value).unwrap()))).unwrap().unwrap();
            assert_eq!(data.json::<serde_json::Value>().unwrap(), value);
        }
        assert!(again(Ok(None)).unwrap().is_none());
        let bytes = Bytes::from_static(b"\0\xff\"");
        let one = again(Ok(Some(Data::new(&bytes).unwrap()))).unwrap().unwrap();
        assert_eq!(one.bytes().unwrap(), bytes);
        let two = again(Ok(Some(Data::new(&[&bytes, &bytes]).unwrap())))
            .unwrap()
            .unwrap();
        assert_eq!(two.json::<Vec<Bytes>>().unwrap(), [&bytes, &bytes]);
    }

    #[test]
    fn an_error_comes_back_as_it_was() {
        let error = CallError::new(Code::Forbidden, "not yours").with_details(json!({"owner": "Ada"}));
        assert_eq!(again(Err(error.clone())).unwrap_err(), error);
    }
}
