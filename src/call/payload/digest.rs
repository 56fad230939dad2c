//! Tells the bodies of calls apart.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::call::Call;
use crate::error::CallError;

/// Fields that are no part of a call's body: a call that is tried again may travel in another trace.
const BESIDE_THE_BODY: [&str; 2] = ["id", "traceparent"];

impl Call {
    /// A digest of the fields as they are written, whatever their order, and of the Buffers. It is stored, and so
    /// the same in every version; and nobody can find another body with the same one.
    pub(crate) fn digest(&self) -> Result<u64, CallError> {
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
        self.buffers().iter().for_each(|buffer| add(buffer));
        let [digest, ..] = *sha.finalize().as_chunks().0 else {
            return Err(CallError::internal("a digest is 32 bytes long"));
        };
        Ok(u64::from_be_bytes(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Arrived, Limits};
    use super::*;

    fn digest(call: &str, buffers: &[&'static str]) -> u64 {
        let arrived = Arrived {
            text: format!(r#"["event",{call}]"#).into(),
            attachments: buffers.iter().map(|buffer| (*buffer).into()).collect(),
        };
        Call::decode(arrived, &Limits::default())
            .unwrap()
            .digest()
            .unwrap()
    }

    #[test]
    fn the_same_body_has_the_same_digest_in_another_trace_and_another_order() {
        let first = digest(r#"{"event":"a.b","id":"1","data":[1],"traceparent":"00-1"}"#, &[]);
        let again = digest(r#"{"id":"1","data":[1],"traceparent":"00-2","event":"a.b"}"#, &[]);
        assert_eq!(first, again);
        assert_eq!(
            first, 1_420_260_246_559_748_950,
            "it is stored, and must stay what it is"
        );
    }

    #[test]
    fn bodies_that_differ_have_digests_that_differ() {
        const WITH_BUFFER: &str = r#"{"event":"a.b","data":{"_placeholder":true,"num":0}}"#;
        let digests = [
            digest(r#"{"event":"a.b","data":[1]}"#, &[]),
            digest(r#"{"event":"a.b","data":[2]}"#, &[]),
            digest(r#"{"event":"a.c","data":[1]}"#, &[]),
            digest(r#"{"event":"a.b","data":[1],"name":"Ada"}"#, &[]),
            digest(r#"{"event":"a.b","data":[1],"v":2}"#, &[]),
            digest(WITH_BUFFER, &["one"]),
            digest(WITH_BUFFER, &["two"]),
        ];
        let distinct: std::collections::HashSet<u64> = digests.into();
        assert_eq!(distinct.len(), digests.len());
    }
}
