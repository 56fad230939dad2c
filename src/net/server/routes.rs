//! The routes of a server: Socket.IO under its paths, health and metrics, and those of the app behind them.

use std::sync::Arc;

use axum::{Router, middleware, routing::get};

use super::{client_bundle, clients::Clients, health, serve_error::ServeError};
use crate::{
    config::HttpConfig,
    net::{
        engineio, forward,
        limits::origins::{self, Gate, Origins},
    },
};

/// Makes the routes for pages of these origins.
pub(super) type Routes = Box<dyn Fn(Origins) -> Router + Send + Sync>;

/// What is at `/` where the app has nothing to show.
pub(super) fn default() -> Router {
    Router::new().route("/", get(async || "Updraft listens here for Socket.IO clients.\n"))
}

/// Ours, and the app's own behind them.
pub(super) fn routes(clients: &Clients, own: Router, origins: Origins) -> Router {
    let shared = &clients.shared;
    let plain = Router::new()
        .route("/health/live", get(async || "live"))
        .route("/health/ready", get(health::ready))
        .with_state(clients.clone());
    let mut routes = plain.merge(socketio(clients, origins)).fallback_service(own);
    if shared.config.http.metrics {
        let metrics = Router::new().route("/metrics", get(health::metrics));
        routes = routes.merge(metrics.with_state(shared.clone()));
    }
    routes
}

/// What is under Socket.IO's path: the one place that pages of other origins, which were named, may ask.
fn socketio(clients: &Clients, origins: Origins) -> Router {
    let shared = &clients.shared;
    let paths = shared.config.http.paths();
    let cors = origins.cors();
    let gate = Arc::new(Gate::new(origins, shared.metrics.clone()));
    let checked = middleware::from_fn_with_state(gate, origins::check);
    let mut routes = engineio::routes(&clients.engine, &paths);
    if let Some(forwarding) = &clients.forwarding {
        routes = routes.layer(middleware::from_fn_with_state(
            forwarding.clone(),
            forward::forward,
        ));
    }
    routes = routes.layer(checked);
    match &shared.config.http.client_bundle {
        Some(directory) => routes = routes.merge(client_bundle::routes(directory, &paths)),
        #[cfg(feature = "client-bundle")]
        None => routes = routes.merge(client_bundle::embedded::routes(&paths)),
        #[cfg(not(feature = "client-bundle"))]
        None => {}
    }
    if let Some(cors) = cors {
        routes = routes.layer(cors);
    }
    routes
}

/// Checks what is said of HTTP.
///
/// # Errors
/// The first that a server would not start with.
pub(crate) fn check(config: &HttpConfig) -> Result<(), ServeError> {
    origins(config).map(drop)
}

/// The origins that were named, where the rest is right too.
pub(super) fn origins(config: &HttpConfig) -> Result<Origins, ServeError> {
    if let Some(path) = config.paths().into_iter().find(|path| !is_path(path)) {
        return Err(ServeError::Path(path));
    }
    if let Some(directory) = &config.client_bundle
        && !directory.join("socket.io.js").is_file()
    {
        return Err(ServeError::Bundle(directory.display().to_string()));
    }
    Origins::new(&config.allowed_origins).map_err(|(origin, problem)| ServeError::Origin { origin, problem })
}

/// Whether clients can look for a server there: plain text behind slashes, none of which is the last.
fn is_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    path.starts_with('/') && path.len() > 1 && path.bytes().all(is_plain) && !path.contains("//")
}
