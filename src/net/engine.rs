//! The Socket.IO engine as a service, with our bounds, under its path.

use axum::{Router, middleware};
use socketioxide::SocketIo;
use std::sync::Arc;

use super::{
    eio3,
    limits::{
        body,
        origins::{self, Gate, Origins},
    },
    outbox::ENGINE_QUEUE,
    polled, sessions,
    shared::Shared,
    socket,
    takeover::{self, Takeovers},
    upgrade,
};

/// Where Socket.IO clients look for a server.
pub(super) const PATH: &str = "/socket.io";

/// Bytes that the WebSocket reads at a time. Each idle connection holds such a buffer.
const READ_BUFFER: usize = 512;

/// A WebSocket message may be so many times as large as a call, so that a call that is too large gets its
/// answer. Beyond that the connection is closed.
const OVERSIZE: usize = 4;

/// The engine, whose sockets call into `shared`'s functions.
pub(super) fn routes(shared: &Arc<Shared>, origins: Origins) -> (Router, SocketIo) {
    let config = &shared.config;
    let most = config.max_call.saturating_mul(OVERSIZE);
    let (service, io) = SocketIo::builder()
        .req_path(PATH)
        .max_payload(most as u64)
        .ws_max_message_size(most)
        .ws_max_frame_size(most)
        .ws_read_buffer_size(READ_BUFFER)
        .max_buffer_size(ENGINE_QUEUE)
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.handshake_timeout)
        .upgrade_timeout(config.handshake_timeout)
        .build_svc();
    socket::attach(&io, shared);
    let routes = Router::new()
        .route_service(&format!("{PATH}/"), service)
        .layer(middleware::from_fn_with_state(
            Arc::<Takeovers>::default(),
            takeover::in_turn,
        ))
        .layer(middleware::from_fn(polled::repair))
        .layer(middleware::from_fn(upgrade::check))
        .layer(middleware::from_fn_with_state(
            (config.body_timeout, shared.telemetry.clone()),
            body::in_time,
        ))
        .layer(middleware::from_fn(eio3::repair))
        .layer(middleware::from_fn_with_state(
            shared.sessions.clone(),
            sessions::follow,
        ))
        .layer(middleware::from_fn_with_state(
            Arc::new(Gate::new(origins, shared.telemetry.clone())),
            origins::check,
        ));
    (routes, io)
}
