//! Digests of the bodies of calls.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::{
    call::Call,
    canonical::{self, Said},
};
use crate::error::CallError;

/// Fields that are no part of a call's body: a call that is tried again may travel in another trace.
const BESIDE_THE_BODY: [&str; 2] = ["id", "traceparent"];

impl Call {
    /// A digest of what the call says: its fields in any order and spelling, its data however it is packed. It is stored, and
    /// so the same in every version; and no other body with the same digest can be found.
    pub(crate) fn digest(&self) -> Result<u64, CallError> {
        let mut sha = Sha256::new_with_prefix(b"canonical");
        for (name, said) in self.fields_said()? {
            sha.update((name.len() as u64).to_be_bytes());
            sha.update(name);
            sha.update(said);
        }
        first_of(sha)
    }

    /// The fields of the body. `null` in one is as good as nothing.
    fn fields_said(&self) -> Result<BTreeMap<String, Said>, CallError> {
        let mut fields = self.object()?.unwrap_or_default();
        fields.retain(|name, json| !BESIDE_THE_BODY.contains(&name.as_str()) && json.get() != "null");
        let opened = self.data.said().ok();
        let mut said = BTreeMap::new();
        for (name, json) in fields {
            let digest = match (&*name, opened) {
                ("encoding", Some(_)) => continue,
                ("data", Some(opened)) => opened,
                // Also data that cannot be unpacked, which a function need not ask for.
                _ => canonical::json(json.get(), &self.attachments)
                    .map_err(|_| CallError::internal("a call that was checked is no JSON"))?,
            };
            said.insert(name, digest);
        }
        Ok(said)
    }

    /// The digest that was stored before that one was: of the fields as they are written. A call that was tried before the
    /// server was brought up to date is known again where it is written the same way. To be removed once no journal has
    /// such digests, which `--remember-calls` sees to.
    pub(crate) fn digest_as_written(&self) -> Result<u64, CallError> {
        let fields: BTreeMap<String, &RawValue> = self.object()?.unwrap_or_default().into_iter().collect();
        let mut sha = Sha256::new();
        let mut add = |part: &[u8]| {
            sha.update(part.len().to_be_bytes());
            sha.update(part);
        };
        for (name, json) in fields {
            if !BESIDE_THE_BODY.contains(&name.as_str()) {
                add(name.as_bytes());
                add(json.get().as_bytes());
            }
        }
        self.attachments.as_slice().iter().for_each(|buffer| add(buffer));
        first_of(sha)
    }
}

/// As much of a digest as is stored.
fn first_of(sha: Sha256) -> Result<u64, CallError> {
    let [digest, ..] = *sha.finalize().as_chunks().0 else {
        return Err(CallError::internal("a digest is 32 bytes long"));
    };
    Ok(u64::from_be_bytes(digest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Arrived, Limits, packed};
    use super::*;

    fn decode(call: &str, buffers: &[&'static str]) -> Call {
        let arrived = Arrived {
            text: format!(r#"["event",{call}]"#).into(),
            attachments: buffers.iter().map(|buffer| (*buffer).into()).collect(),
        };
        Call::decode(arrived, &Limits::default()).unwrap()
    }

    fn digest(call: &str, buffers: &[&'static str]) -> u64 {
        decode(call, buffers).digest().unwrap()
    }

    fn of_data(data: &str) -> u64 {
        digest(&format!(r#"{{"event":"a.b","data":{data}}}"#), &[])
    }

    const CALL: &str = r#"{"event":"a.b","id":"1","data":{"card":"7","to":[1,"ü"]},"name":"Ada"}"#;

    #[test]
    fn what_is_stored_stays_what_it_is() {
        let call = decode(r#"{"event":"a.b","id":"1","data":[1],"traceparent":"00-1"}"#, &[]);
        assert_eq!(call.digest().unwrap(), 4_674_538_901_961_990_633);
        assert_eq!(call.digest_as_written().unwrap(), 1_420_260_246_559_748_950);
    }

    #[test]
    fn what_says_the_same_has_the_same_digest() {
        let inside = r#"{"to":[1,"ü"],"card":"7"}"#;
        let gzip = packed::tests::packed(inside);
        let alone = |data: &str| format!(r#"{{"event":"a.b","data":{data},"name":"Ada"}}"#);
        for same in [
            r#"{"name":"Ada","data":{"to":[1,"ü"],"card":"7"},"id":"2","event":"a.b"}"#.to_owned(),
            r#" { "event" : "a\u002eb", "data" : { "card" : "7", "to" : [ 1.0 , "\u00fc" ] } , "name" : "Ada" } "#.to_owned(),
            r#"{"event":"a.b","data":{"card":"7","to":[1,"ü"]},"name":"Ada","v":null,"traceparent":"00-2"}"#.to_owned(),
            alone(&format!("\"{gzip}\"")),
            alone(&format!("\"{gzip}\",\"encoding\":\"gzip+base64\"")),
            alone(&serde_json::to_string(&packed::tests::packed(&format!("\n{inside} "))).unwrap()),
        ] {
            assert_eq!(digest(&same, &[]), digest(CALL, &[]), "{same}");
        }
        let whole = serde_json::to_string(CALL).unwrap();
        assert_eq!(digest(&whole, &[]), digest(CALL, &[]), "as text");
        let whole = format!("\"{}\"", packed::tests::packed(CALL));
        assert_eq!(digest(&whole, &[]), digest(CALL, &[]), "packed as a whole");
        let text = packed::tests::packed("no JSON");
        assert_eq!(of_data(&format!("\"{text}\"")), of_data("\"no JSON\""));
    }

    #[test]
    fn a_buffer_is_compared_whatever_its_number() {
        let buffer = |number: u8| json!({"_placeholder": true, "num": number});
        let first = json!({"event": "a.b", "data": {"a": buffer(0), "b": buffer(1)}}).to_string();
        let again = json!({"event": "a.b", "data": {"b": buffer(0), "a": buffer(1)}}).to_string();
        assert_eq!(digest(&first, &["one", "two"]), digest(&again, &["two", "one"]));
        assert_ne!(digest(&first, &["one", "two"]), digest(&again, &["one", "two"]));
    }

    #[test]
    fn bodies_that_differ_have_digests_that_differ() {
        const WITH_BUFFER: &str = r#"{"event":"a.b","data":{"_placeholder":true,"num":0}}"#;
        let digests = [
            of_data("[1]"),
            of_data("[2]"),
            of_data("\"[1]\""),
            of_data("[9007199254740993]"),
            of_data("[9007199254740992]"),
            digest(r#"{"event":"a.b"}"#, &[]),
            digest(r#"{"event":"a.c","data":[1]}"#, &[]),
            digest(r#"{"event":"a.b","data":[1],"name":"Ada"}"#, &[]),
            digest(r#"{"event":"a.b","data":[1],"v":2}"#, &[]),
            digest(r#"{"event":"a.b","data":[1],"encoding":"gzip+base64"}"#, &[]),
            digest(WITH_BUFFER, &["one"]),
            digest(WITH_BUFFER, &["two"]),
            digest(WITH_BUFFER, &["[1]"]),
        ];
        let distinct: std::collections::HashSet<u64> = digests.into();
        assert_eq!(distinct.len(), digests.len());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::from),
            prop::num::f64::NORMAL.prop_map(Value::from),
            "[a-cü\\PC\"\\\\]{0,4}".prop_map(Value::String),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec(("[a-c]{0,2}", inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    /// The same with its keys the other way round.
    fn turned(value: &Value) -> Value {
        match value {
            Value::Array(elements) => elements.iter().map(turned).collect(),
            Value::Object(fields) => {
                let fields = fields.iter().rev();
                Value::Object(fields.map(|(key, one)| (key.clone(), turned(one))).collect())
            }
            plain => plain.clone(),
        }
    }

    proptest! {
        #[test]
        fn two_values_have_one_digest_where_they_are_one(one in values(), other in values()) {
            let compact = of_data(&one.to_string());
            let pretty = serde_json::to_string_pretty(&turned(&one)).expect("JSON");
            prop_assert_eq!(of_data(&pretty), compact);
            let gzip = packed::tests::packed(&pretty);
            prop_assert_eq!(of_data(&format!("\"{gzip}\"")) == compact, !one.is_null());
            prop_assert_eq!(of_data(&other.to_string()) == compact, one == other);
        }
    }
}
