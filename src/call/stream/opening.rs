//! What a call says that opens a stream.

use std::num::NonZeroU32;

use bytestring::ByteString;
use serde::Deserialize;
use serde_json::json;

use super::{packet::Form, receiving::invalid};
use crate::{
    call::payload::Call,
    error::{CallError, Code, Result},
};

/// Longest name of a stream, in bytes.
const LONGEST_NAME: usize = 64;

/// Most that every client can count to: 2^53 - 1, `Number.MAX_SAFE_INTEGER`.
const MOST: u64 = (1 << 53) - 1;

/// A call to a function that gives or takes frames.
pub(in crate::call) struct Opening {
    pub(super) name: ByteString,
    pub(super) window: Option<NonZeroU32>,
    /// All frames below this one are there already.
    pub(super) after: Option<u64>,
    pub(super) form: Form,
}

#[derive(Deserialize)]
struct Fields {
    stream: Option<ByteString>,
    window: Option<u32>,
    after: Option<u64>,
}

impl Opening {
    /// Whether the client had it before, and wants it to go on.
    pub(in crate::call) fn is_resumed(&self) -> bool {
        self.after.is_some()
    }

    /// Reads what opens a stream. Of an event of any name it is the first argument, and its `data` the call's then.
    ///
    /// # Errors
    /// Where the call names none, or wrongly; [`Code::BadCall`] where it has an idempotency key, which no stream has.
    pub(in crate::call) fn of(call: Call) -> Result<(Self, Call)> {
        let form = match call.is_of_event() {
            true => Form::Event,
            false => Form::Call,
        };
        let call = call.in_envelope()?;
        let Fields {
            stream,
            window,
            after,
        } = call.fields()?;
        let Some(name) = stream.filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME) else {
            return Err(unnamed());
        };
        if after.is_some_and(|after| after > MOST) {
            return Err(invalid(format_args!("call.after: at most {MOST}")));
        }
        if call.id().is_some() {
            return Err(CallError::new(
                Code::BadCall,
                "a stream has no idempotency key: leave `id` out",
            ));
        }
        let window = match window.map(NonZeroU32::new) {
            Some(None) => return Err(closed_window()),
            window => window.flatten(),
        };
        let opening = Self {
            name,
            window,
            after,
            form,
        };
        Ok((opening, call))
    }
}

/// The refusal of a client that wants to go on with what has to begin anew.
pub(in crate::call) fn begin_anew() -> CallError {
    CallError::new(
        Code::Unavailable,
        "this stream cannot go on where it was: open it anew, without `after`",
    )
}

fn closed_window() -> CallError {
    CallError::new(Code::InvalidData, "call.window: no frame fits in 0")
        .with_details(json!({ "path": "call.window", "expected": "an integer from 1 to 4294967295" }))
}

/// The refusal of a call that names no stream.
pub(in crate::call) fn unnamed() -> CallError {
    CallError::new(
        Code::InvalidData,
        format!(
            "call.stream: this function streams, and the call names no stream of 1 to {LONGEST_NAME} bytes"
        ),
    )
    .with_details(json!({ "path": "call.stream", "expected": "the name of a stream" }))
}
