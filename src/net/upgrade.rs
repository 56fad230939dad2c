//! Requests for a WebSocket that are none by RFC 6455. The engine looks at their key alone, and would switch protocols
//! for a request that asked for another one, or for none, which a proxy on the way takes for an answer of HTTP.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{CONNECTION, HeaderName, SEC_WEBSOCKET_VERSION, UPGRADE},
};

use super::sessions::is_websocket;

/// The version that every client speaks.
const VERSION: &str = "13";

/// Middleware: refuses them.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if !is_websocket(request.uri()) {
        return next.run(request).await;
    }
    let headers = request.headers();
    if !lists(headers, CONNECTION, "upgrade") || !lists(headers, UPGRADE, "websocket") {
        return StatusCode::BAD_REQUEST.into_response();
    }
    if !lists(headers, SEC_WEBSOCKET_VERSION, VERSION) {
        return (StatusCode::UPGRADE_REQUIRED, [(SEC_WEBSOCKET_VERSION, VERSION)]).into_response();
    }
    next.run(request).await
}

/// Whether a header that is a list has this in it.
fn lists(headers: &HeaderMap, name: HeaderName, wanted: &str) -> bool {
    let values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(wanted))
}
