//! What those ask that look after a server: whether it is ready for clients, and its metrics.

use std::sync::Arc;

use axum::{extract::State, response::IntoResponse};
use http::{StatusCode, header::CONTENT_TYPE};

use super::clients::Clients;
use crate::net::{metrics::MEDIA_TYPE, socket::shared::Shared};

/// One line. Damage in one topic does not make a server unready, as the others go on.
pub(super) async fn ready(State(clients): State<Clients>) -> (StatusCode, String) {
    if clients.engine.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining".to_owned());
    }
    let Some(feed) = &clients.shared.feed else {
        return (StatusCode::OK, "ready".to_owned());
    };
    let health = feed.health();
    if health.lost.is_some() {
        let gone = "the journal's files were removed or replaced, or its database is away";
        return (StatusCode::SERVICE_UNAVAILABLE, gone.to_owned());
    }
    if let Some(late) = feed.late() {
        let silent = format!(
            "events do not arrive through the journal: none for {} s",
            late.as_secs()
        );
        return (StatusCode::SERVICE_UNAVAILABLE, silent);
    }
    match health.is_damaged() {
        true => (StatusCode::OK, format!("ready, but damaged: {health}")),
        false => (StatusCode::OK, "ready".to_owned()),
    }
}

pub(super) async fn metrics(State(shared): State<Arc<Shared>>) -> Result<impl IntoResponse, StatusCode> {
    match shared.figures() {
        Ok(text) => Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text)),
        Err(error) => {
            tracing::error!("the metrics cannot be written: {error}");
            Err(StatusCode::INTERNAL_SERVER_ERROR)
        }
    }
}
