//! The demo's page, at `/`: what `client-demo` is built to. The release binary carries it; a debug build reads it
//! from the folder. Where it was not built, a plain page says how to.

use axum::{
    Router,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{Embed, EmbeddedFile};
use tower_http::compression::CompressionLayer;

#[derive(Embed)]
#[folder = "client-demo/dist"]
#[allow_missing = true]
struct Files;

/// Files in this folder have a hash of their content in their names.
const HASHED: &str = "assets/";

const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// On every answer. The page takes scripts, styles and data from its own server only.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

const NOT_BUILT: &str = include_str!("page.html");

pub(crate) fn routes() -> Router {
    Router::new()
        .fallback(axum::routing::get(file))
        .layer(middleware::from_fn(with_headers))
        .layer(CompressionLayer::new())
}

async fn with_headers(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn file(uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    match Files::get(path) {
        Some(file) => send(path, file, &headers),
        None if path == "index.html" => Html(NOT_BUILT).into_response(),
        None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

fn send(path: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let kept = match path.starts_with(HASHED) {
        true => FOR_EVER,
        false => ASK_AGAIN,
    };
    let tag = tag(&file);
    let about = [(header::CACHE_CONTROL, kept), (header::ETAG, &tag)];
    if asked
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| *known == *tag)
    {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.metadata.mimetype())];
    (about, kind, file.data.into_owned()).into_response()
}

/// Weak, since the file may be compressed on its way.
fn tag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let start = hash[..8]
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("W/\"{start}\"")
}
