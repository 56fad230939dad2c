//! What comes back of a call, as it is printed.

use serde_json::Value;

use crate::{
    call::payload::Data,
    cli::terminal::{Failure, remark, say},
    client::with_buffers_as_base64,
};

/// The id of the only ack.
pub(super) const ACK: u64 = 0;

/// The event that carries calls, and the packets of streams.
pub(super) const EVENT: &str = "event";

/// Shows what a function emits beside its answer.
pub(super) fn overheard(name: &str, data: &Data) -> Result<(), Failure> {
    remark(format_args!("{name}: {}", with_buffers_as_base64(data)?));
    Ok(())
}

/// Prints the data of an answer.
pub(super) fn print(mut answer: Value) -> Result<(), Failure> {
    if let Some(error) = answer.get("error") {
        let hint = match error["details"]["path"] == "call.stream" {
            true => " (add --stream, or --upload FILE)",
            false => "",
        };
        return Err(Failure(told(error) + hint));
    }
    match answer.get_mut("data") {
        Some(data) => say(data.take()),
        None => Ok(()),
    }
}

/// An error of the server's, in a line.
pub(super) fn told(error: &Value) -> String {
    let text = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    let details = error.get("details").map(|details| format!(" {details}"));
    let (code, message) = (text("code"), text("message"));
    format!("{code}: {message}{}", details.unwrap_or_default())
}
