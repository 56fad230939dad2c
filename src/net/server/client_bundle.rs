//! The JS client, as Node's server hands it out: `socket.io.js` and its siblings beside Socket.IO, read from a
//! directory (the `dist` of an installed `socket.io-client`), or those in the crate (`embedded`).

#[cfg(feature = "client-bundle")]
pub(in crate::net) mod embedded;

use std::path::Path;

use axum::Router;
use tower_http::services::ServeFile;

/// The files that Node's server hands out.
const FILES: [&str; 4] = [
    "socket.io.js",
    "socket.io.min.js",
    "socket.io.esm.min.js",
    "socket.io.msgpack.min.js",
];

/// A route under each path for each file that is there, and for its source map.
pub(in crate::net) fn routes(directory: &Path, paths: &[String]) -> Router {
    let maps = FILES.iter().map(|file| format!("{file}.map"));
    let files: Vec<String> = FILES.iter().map(|file| (*file).to_owned()).chain(maps).collect();
    let there = files
        .iter()
        .map(|file| (file, directory.join(file)))
        .filter(|(_, path)| path.is_file());
    there.fold(Router::new(), |routes, (file, path)| {
        let served = ServeFile::new(path);
        paths.iter().fold(routes, |routes, path| {
            routes.route_service(&format!("{path}/{file}"), served.clone())
        })
    })
}
