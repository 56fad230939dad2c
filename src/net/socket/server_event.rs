//! What a client sends in `auth` beside its credentials, and events of the server itself: draining, reload.

use semver::Version;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

/// The fields of `auth` that the server reads beside credentials.
#[derive(Default, Deserialize)]
pub(in crate::net) struct ConnectOptions<'a> {
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

/// An event of the server to one client.
#[derive(Serialize)]
#[serde(tag = "event", content = "data")]
pub(in crate::net) enum ServerEvent<'a> {
    /// The server drains: calls are refused from now on, and the connection is closed soon.
    #[serde(rename = "server.draining")]
    Draining,
    /// The client's version is too old: it should reload.
    #[serde(rename = "server.reload")]
    Reload {
        /// The oldest version that will do.
        min: &'a Version,
    },
}
