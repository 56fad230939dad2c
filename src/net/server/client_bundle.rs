//! The JS client, as Node's server hands it out: `/socket.io/socket.io.js` and its siblings, read from a
//! directory (the `dist` of an installed `socket.io-client`).

use std::path::Path;

use axum::Router;
use tower_http::services::ServeFile;

use crate::net::engineio::PATH;

/// The files that Node's server hands out.
const FILES: [&str; 4] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
];

/// A route for each file that is there, and for its source map.
pub(in crate::net) fn routes(directory: &Path) -> Router {
    let maps = FILES.iter().map(|file| format!("{file}.map"));
    let files = FILES.iter().map(|file| (*file).to_owned()).chain(maps);
    files
        .map(|file| (format!("{PATH}/{file}"), directory.join(file)))
        .filter(|(_, path)| path.is_file())
        .fold(Router::new(), |routes, (route, path)| {
            routes.route_service(&route, ServeFile::new(path))
        })
}
