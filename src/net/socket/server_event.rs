//! What a client says of itself when it connects, and what the server says by itself: that it stops, that the
//! client is too old.

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// What a client says in its handshake, as far as we listen.
#[derive(Default, Deserialize)]
pub(in crate::net) struct Greeting<'a> {
    /// The topics to subscribe to, and the last position that the client has of each.
    #[serde(borrow, default)]
    pub(in crate::net) topics: Option<&'a RawValue>,
    /// The client's own version, where it has one.
    #[serde(default, deserialize_with = "version")]
    pub(in crate::net) version: Option<Version>,
}

/// A version of another form than ours says nothing.
fn version<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Version>, D::Error> {
    let said = serde_json::Value::deserialize(from)?;
    Ok(said.as_str().and_then(|said| said.parse().ok()))
}

/// A word of the server to one client.
#[derive(Serialize)]
#[serde(tag = "event", content = "data")]
pub(in crate::net) enum ServerEvent<'a> {
    /// The server stops: calls are refused from here on, and the connection is closed soon.
    #[serde(rename = "server.draining")]
    Draining,
    /// The client is older than the server still speaks with, and should load itself anew.
    #[serde(rename = "server.reload")]
    Reload {
        /// The oldest version that will do.
        min: &'a Version,
    },
}
