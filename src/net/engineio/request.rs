//! What a request asks for, and why it leads nowhere.

use axum::{
    Json,
    extract::Request,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, Method, StatusCode, Uri, header::RETRY_AFTER};
use serde_json::json;

use super::{packet::Protocol, server::Server};

/// `retry-after` while the server stops, in seconds.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request leads nowhere, in Node's words and numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    UnknownTransport,
    UnknownSession,
    BadMethod,
    BadRequest,
    UnsupportedProtocol,
    /// No new sessions are taken.
    Draining,
    /// Sessions cannot be named.
    NoRandomness,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (code, message) = match self {
            Self::UnknownTransport => (0, "Transport unknown"),
            Self::UnknownSession => (1, "Session ID unknown"),
            Self::BadMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::UnsupportedProtocol => (5, "Unsupported protocol version"),
            Self::Draining => {
                return (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, RETRY_SECONDS)]).into_response();
            }
            Self::NoRandomness => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        };
        let told = Json(json!({ "code": code, "message": message }));
        (StatusCode::BAD_REQUEST, told).into_response()
    }
}

/// The response to what names a session that is not there.
pub(in crate::net) fn unknown_session() -> Response {
    Refusal::UnknownSession.into_response()
}

/// The protocol that a request for a new session names.
pub(super) fn protocol(server: &Server, request: &Request) -> Result<Protocol, Refusal> {
    if request.method() != Method::GET {
        return Err(Refusal::BadMethod);
    }
    let protocol = parameter(request.uri(), "EIO").and_then(Protocol::new);
    let protocol = protocol.ok_or(Refusal::UnsupportedProtocol)?;
    match server.is_draining() {
        true => Err(Refusal::Draining),
        false => Ok(protocol),
    }
}

/// A parameter of the query, as it is written there.
pub(in crate::net) fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    })
}
