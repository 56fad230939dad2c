//! Whose pages may connect. A browser lets any page open a WebSocket to any server it can reach, with the cookies of
//! that server, and from inside a network or machine that the page's author cannot reach: so unless it was said
//! otherwise, only pages that came from this server's own host may. What is no browser names no origin, and passes.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{HOST, ORIGIN},
    uri::Authority,
};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use super::Limit;
use crate::net::telemetry::Telemetry;

/// What a page of another origin is told.
const REFUSED: &str = "Pages of this origin may not connect here (--allowed-origins).\n";

/// The origins that were named.
#[derive(Clone, Debug)]
pub(in crate::net) enum Origins {
    Every,
    Named(Arc<[HeaderValue]>),
}

impl Origins {
    /// Reads what was configured.
    ///
    /// # Errors
    /// The one that no browser sends.
    pub(in crate::net) fn new(configured: &[String]) -> Result<Self, String> {
        if configured.iter().any(|origin| origin == "*") {
            return Ok(Self::Every);
        }
        let named = configured
            .iter()
            .map(|origin| origin_header(origin).ok_or_else(|| origin.clone()));
        named.collect::<Result<_, _>>().map(Self::Named)
    }

    /// What browsers are told of it; nothing where only the server's own pages may connect.
    pub(in crate::net) fn cors(&self) -> Option<CorsLayer> {
        let allowed = match self {
            // Browsers refuse `*` for requests with credentials, so the asking origin is named.
            Self::Every => AllowOrigin::mirror_request(),
            Self::Named(named) if named.is_empty() => return None,
            Self::Named(named) => AllowOrigin::list(named.iter().cloned()),
        };
        let layer = CorsLayer::new()
            .allow_methods([Method::GET, Method::POST])
            .allow_headers(AllowHeaders::mirror_request())
            .allow_origin(allowed)
            .allow_credentials(true);
        Some(layer)
    }

    pub(in crate::net) fn allow(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(ORIGIN) else {
            return true;
        };
        match self {
            Self::Every => true,
            Self::Named(named) => named.contains(origin) || is_own(origin, headers.get(HOST)),
        }
    }
}

/// Whether a page came from the host that it asks for now. The scheme may differ, where a proxy ends TLS.
fn is_own(origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
    let own = || {
        let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
        let standard = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let asked = place(host?.to_str().ok()?, standard)?;
        Some(place(authority, standard)? == asked)
    };
    own().unwrap_or(false)
}

/// The host and the port of `host` or `host:port`, and of nothing else: no browser names a page's host otherwise.
fn place(named: &str, standard: u16) -> Option<(String, u16)> {
    let authority: Authority = named.parse().ok()?;
    let host = authority.host();
    if host.is_empty() {
        return None;
    }
    let port = match named.strip_prefix(host)? {
        "" => standard,
        port => port.strip_prefix(':')?.parse().ok()?,
    };
    Some((host.to_ascii_lowercase(), port))
}

fn origin_header(origin: &str) -> Option<HeaderValue> {
    let (scheme, host) = origin.split_once("://")?;
    let is_origin = !scheme.is_empty() && !host.is_empty() && !host.contains('/');
    is_origin.then(|| origin.parse().ok()).flatten()
}

/// Middleware: refuses what a page of another origin asks for.
pub(in crate::net) async fn check(
    State((origins, telemetry)): State<(Origins, Arc<Telemetry>)>,
    request: Request,
    next: Next,
) -> Response {
    if origins.allow(request.headers()) {
        return next.run(request).await;
    }
    telemetry.refused(Limit::Origin);
    (StatusCode::FORBIDDEN, REFUSED).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origins: &[&str], origin: &str, host: &str) -> bool {
        let origins: Vec<_> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        Origins::new(&origins).unwrap().allow(&headers)
    }

    #[test]
    fn pages_of_the_servers_own_host_may_connect() {
        for (origin, host) in [
            ("http://a.example", "a.example"),
            ("http://a.example", "A.example:80"),
            ("https://a.example", "a.example"),
            ("https://a.example", "a.example:443"),
            ("http://127.0.0.1:3000", "127.0.0.1:3000"),
            ("http://[::1]:3000", "[::1]:3000"),
        ] {
            assert!(allowed(&[], origin, host), "{origin} at {host}");
            assert!(
                allowed(&["https://b.example"], origin, host),
                "{origin} at {host}, beside one that is named"
            );
        }
    }

    #[test]
    fn pages_of_others_may_not() {
        for (origin, host) in [
            ("http://b.example", "a.example"),
            ("http://a.example.evil.example", "a.example"),
            ("http://a.example:81", "a.example"),
            ("http://localhost:5173", "localhost:3000"),
            ("https://a.example", "a.example:80"),
            ("null", "a.example"),
            ("null", "null"),
            ("", "a.example"),
            ("a.example", "a.example"),
            ("http://a.example/", "b.example"),
            ("http://", ""),
            ("https://://a", ":."),
            ("..@://.", "."),
            ("Y,,://(", "("),
            ("app://a.example", "a.example"),
            ("http://:80", ":80"),
            ("http://a.example:x", "a.example:y"),
            ("http://a.example:x", "a.example"),
            ("http://a.example", "me@a.example"),
            ("http://a.example/b", "a.example"),
        ] {
            assert!(
                !allowed(&["https://c.example"], origin, host),
                "{origin} at {host}"
            );
            assert!(allowed(&["*"], origin, host), "{origin} where all may");
        }
    }
}
