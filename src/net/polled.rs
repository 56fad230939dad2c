//! What clients poll: where the engine refuses one, in its place what the client should hear.

use axum::{
    body::{Body, Bytes},
    extract::Request,
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use http_body_util::BodyExt;

use super::{
    refusal::mended,
    sessions::{is_websocket, parameter},
};

/// Middleware: mends what a client polls.
pub(super) async fn repair(request: Request, next: Next) -> Response {
    let is_poll = request.method() == Method::GET
        && !is_websocket(request.uri())
        && parameter(request.uri(), "sid").is_some();
    let response = next.run(request).await;
    if !is_poll || response.status() != StatusCode::OK {
        return response;
    }
    let (head, body) = response.into_parts();
    let Ok(body) = body.collect().await else {
        return Response::from_parts(head, Body::empty());
    };
    let body = body.to_bytes();
    let body = match mended(&body) {
        Some((place, meant)) => Bytes::from([&body[..place], &meant, &body[place + meant.len()..]].concat()),
        None => body,
    };
    Response::from_parts(head, Body::from(body))
}
