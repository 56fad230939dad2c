//! Engine.IO over HTTP: routes of requests, and errors for invalid ones.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use http::Uri;

use super::{
    polling,
    request::{Refusal, parameter},
    server::Server,
    session::Transport,
    upgrade,
};

/// The server under its paths, which end without a slash.
pub(in crate::net) fn routes(server: &Arc<Server>, paths: &[String]) -> Router {
    let routes = paths.iter().fold(Router::new(), |routes, path| {
        routes.route(&format!("{path}/"), any(answer))
    });
    routes.with_state(server.clone())
}

async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let answered = match transport(request.uri()) {
        Err(refusal) => Err(refusal),
        Ok(Transport::WebSocket) => upgrade::answer(&server, request),
        Ok(Transport::Polling) => polling::answer(&server, request).await,
    };
    answered.unwrap_or_else(IntoResponse::into_response)
}

fn transport(uri: &Uri) -> Result<Transport, Refusal> {
    match parameter(uri, "transport") {
        Some("polling") => Ok(Transport::Polling),
        Some("websocket") => Ok(Transport::WebSocket),
        _ => Err(Refusal::UnknownTransport),
    }
}
