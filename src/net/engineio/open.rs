//! What a session begins with: the data of the `open` packet (Engine.IO protocol, "Handshake").

use std::time::Duration;

use serde::{Serialize, Serializer};

/// The handshake's answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Open<'a> {
    /// The session's id, a secret of its client.
    pub(crate) sid: &'a str,
    /// Transports that the client may go on by.
    pub(crate) upgrades: &'a [&'a str],
    #[serde(serialize_with = "milliseconds")]
    pub(crate) ping_interval: Duration,
    #[serde(serialize_with = "milliseconds")]
    pub(crate) ping_timeout: Duration,
    /// Most bytes of a payload that the client may post; of protocol 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_payload: Option<usize>,
}

impl Open<'_> {
    /// The JSON text that the packet carries.
    pub(crate) fn to_json(&self) -> String {
        // Texts and numbers, which never fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(duration.as_millis().try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_begins_as_the_protocol_has_it() {
        let open = Open {
            sid: "lv_VI97HAXpY6yYWAAAC",
            upgrades: &["websocket"],
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: Some(1_000_000),
        };
        let json = r#"{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(open.to_json(), json);
        let old = Open {
            upgrades: &[],
            max_payload: None,
            ..open
        };
        assert!(
            old.to_json()
                .ends_with(r#""upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#)
        );
    }
}
