//! The JS client in the crate, for servers that are given no directory: `socket.io-client` as npm has it, minified.

use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tower_http::compression::CompressionLayer;

/// Of the files below, so that a browser asks for each once.
const VERSION: &str = "\"4.8.4\"";

/// `socket.io.js` is the minified one, too: it does the same.
const FILES: [(&str, &str); 4] = [
    ("socket.io.js", include_str!("socket.io.min.js")),
    ("socket.io.min.js", include_str!("socket.io.min.js")),
    ("socket.io.esm.min.js", include_str!("socket.io.esm.min.js")),
    (
        "socket.io.msgpack.min.js",
        include_str!("socket.io.msgpack.min.js"),
    ),
];

/// A route under each path for each file.
pub(in crate::net) fn routes(paths: &[String]) -> Router {
    let files = paths
        .iter()
        .flat_map(|path| FILES.map(|(name, file)| (format!("{path}/{name}"), file)));
    let routes = files.fold(Router::new(), |routes, (path, file)| {
        routes.route(&path, get(async move |asked: HeaderMap| send(&asked, file)))
    });
    routes.layer(CompressionLayer::new())
}

fn send(asked: &HeaderMap, file: &'static str) -> Response {
    let about = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ETAG, VERSION),
    ];
    match asked.get(header::IF_NONE_MATCH) {
        Some(known) if known == VERSION => (StatusCode::NOT_MODIFIED, about).into_response(),
        _ => (about, file).into_response(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_files_are_those_of_the_version_that_they_are_said_to_be() {
        for (name, file) in super::FILES {
            let version = format!("Socket.IO v{}", super::VERSION.trim_matches('"'));
            assert!(file[..100].contains(&version), "{name}");
        }
    }
}
