//! Requests that another node answers: passed on as they came, and its answer given back as it is.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, Version,
    header::{
        ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, CONNECTION, FORWARDED, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, VARY,
    },
    uri::Scheme,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use super::{
    node::{Directory, NAME, Node},
    tunnel::Tunnels,
};
use crate::{
    call::handshake::Whence,
    net::engineio::{self, parameter},
};

/// What a forwarded request says: the secret of the node that it is sent to. One that says anything here is not forwarded
/// again, so none goes round in circles where nodes or a directory are mistaken; it is believed where the secret is right.
const SECRET: HeaderName = HeaderName::from_static("x-updraft-forwarded");

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Headers of one connection, not of what goes over it (RFC 9110, section 7.6.1).
const OF_CONNECTION: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authenticate"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers of an answer that this node writes itself.
const OF_ORIGINS: [HeaderName; 3] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    VARY,
];

/// Longest to connect to a node of the same network.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a connection to another node is kept for the next request: shorter than nodes wait for one.
const IDLE: Duration = Duration::from_secs(5);

/// What forwards to the nodes of a directory.
pub(in crate::net) struct Forwarding {
    directory: Arc<dyn Directory>,
    client: Client<HttpConnector, Body>,
    /// Longest for a node to answer.
    longest: Duration,
    pub(in crate::net) tunnels: Tunnels,
}

impl Forwarding {
    pub(in crate::net) fn new(directory: Arc<dyn Directory>, longest: Duration) -> Arc<Self> {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Arc::new(Self {
            directory,
            client,
            longest,
            tunnels: Tunnels::default(),
        })
    }

    /// What the ids of this node's sessions begin with.
    pub(in crate::net) fn name(&self) -> &str {
        self.directory.name()
    }

    /// Whether another node forwards this request: then the client is the one that it says.
    pub(in crate::net) fn is_forwarded(&self, headers: &HeaderMap) -> bool {
        let is_mine = |said: &HeaderValue| is_same(said.as_bytes(), self.directory.secret().as_bytes());
        headers.get(SECRET).is_some_and(is_mine)
    }

    /// This node is gone for the others.
    pub(in crate::net) async fn end(&self) {
        self.directory.leave().await;
    }

    /// The name of the node that has the request's session, where that is another.
    fn elsewhere<'r>(&self, request: &'r Request) -> Option<&'r str> {
        if ![Method::GET, Method::POST].contains(request.method()) {
            return None;
        }
        let name = node_of(parameter(request.uri(), "sid")?)?;
        let is_here = name == self.directory.name() || request.headers().contains_key(SECRET);
        (!is_here).then_some(name)
    }

    /// The other node's answer; that there is no such session where it gives none, for the client to open another.
    async fn pass_on(&self, node: &Node, mut request: Request) -> Response {
        let ours = request.extensions_mut().remove::<OnUpgrade>();
        let is_upgrade = request.headers().contains_key(UPGRADE) && ours.is_some();
        if self.address(node, &mut request).is_none() {
            return engineio::unknown_session();
        }
        if is_upgrade {
            let headers = request.headers_mut();
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        let mut response = match timeout(self.longest, self.client.request(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::debug!("another node did not answer: {error}");
                return engineio::unknown_session();
            }
            Err(_) => return engineio::unknown_session(),
        };
        OF_ORIGINS
            .iter()
            .for_each(|name| drop(response.headers_mut().remove(name)));
        match (response.status(), ours) {
            (StatusCode::SWITCHING_PROTOCOLS, Some(ours)) if is_upgrade => {
                self.tunnels.open(ours, hyper::upgrade::on(&mut response));
                response.map(|_| Body::empty())
            }
            _ => {
                leave_connection(response.headers_mut());
                response.map(Body::new)
            }
        }
    }

    /// Makes it a request to that node, from the client that it came from.
    fn address(&self, node: &Node, request: &mut Request) -> Option<()> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(node.authority.clone());
        *request.uri_mut() = Uri::from_parts(uri).ok()?;
        *request.version_mut() = Version::HTTP_11;
        let client = request
            .extensions()
            .get::<Whence>()
            .map(|whence| whence.address.to_string());
        let headers = request.headers_mut();
        leave_connection(headers);
        headers.remove(FORWARDED);
        headers.remove(X_FORWARDED_FOR);
        if let Some(client) = client {
            headers.insert(X_FORWARDED_FOR, client.parse().ok()?);
        }
        let mut secret = HeaderValue::from_str(&node.secret).ok()?;
        secret.set_sensitive(true);
        headers.insert(SECRET, secret);
        Some(())
    }
}

/// Middleware: has another node answer what is about a session of its own.
pub(in crate::net) async fn forward(
    State(forwarding): State<Arc<Forwarding>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(name) = forwarding.elsewhere(&request).map(str::to_owned) else {
        return next.run(request).await;
    };
    match forwarding.directory.find(&name).await {
        Some(node) => forwarding.pass_on(&node, request).await,
        None => next.run(request).await,
    }
}

/// The node that a session's id names, where it has the form of one.
fn node_of(id: &str) -> Option<&str> {
    let (name, rest) = id.split_at_checked(NAME)?;
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (rest.len() == engineio::ID_LETTERS && id.bytes().all(is_base64)).then_some(name)
}

fn leave_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OF_CONNECTION) {
        headers.remove(name);
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && one
            .iter()
            .zip(other)
            .fold(0, |differ, (one, other)| differ | (one ^ other))
            == 0
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures_util::future::BoxFuture;

    use super::*;

    #[test]
    fn an_id_names_its_node_where_it_is_that_of_a_session_of_one() {
        let id = format!("nodename{}", "x".repeat(engineio::ID_LETTERS));
        assert_eq!(node_of(&id), Some("nodename"));
        let long = format!("{id}x");
        let short = &id[1..];
        for other in [
            "",
            "nodename",
            short,
            &long,
            &id.replace('x', "%"),
            &id.replace('n', "ü"),
        ] {
            assert_eq!(node_of(other), None, "{other}");
        }
    }

    /// A directory with one other node.
    struct Other;

    impl Directory for Other {
        fn name(&self) -> &str {
            "thisnode"
        }

        fn secret(&self) -> &str {
            "ours"
        }

        fn find<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Option<Arc<Node>>> {
            let node = || Node {
                authority: "10.0.0.5:3000".parse().unwrap(),
                secret: "theirs".into(),
            };
            Box::pin(ready((name == "thatnode").then(node).map(Arc::new)))
        }

        fn leave(&self) -> BoxFuture<'_, ()> {
            Box::pin(ready(()))
        }
    }

    fn request(method: Method, node: &str, secret: Option<&str>) -> Request {
        let id = "x".repeat(engineio::ID_LETTERS);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?EIO=4&transport=polling&sid={node}{id}"))
            .header("host", "a.example")
            .header("connection", "keep-alive")
            .header("x-forwarded-for", "6.6.6.6")
            .header("forwarded", "for=6.6.6.6");
        if let Some(secret) = secret {
            request = request.header(SECRET, secret);
        }
        request.body(Body::empty()).unwrap()
    }

    #[test]
    fn what_is_about_a_session_of_another_node_is_forwarded_once() {
        let forwarding = Forwarding::new(Arc::new(Other), CONNECT);
        let elsewhere = |method, node, secret| {
            let request = request(method, node, secret);
            forwarding.elsewhere(&request).map(str::to_owned)
        };
        let there = Some("thatnode".to_owned());
        assert_eq!(elsewhere(Method::GET, "thatnode", None), there);
        assert_eq!(elsewhere(Method::POST, "thatnode", None), there);
        for (method, node, secret) in [
            (Method::GET, "thisnode", None),
            (Method::GET, "thatnode", Some("ours")),
            // Of a node that was here before, or made up.
            (Method::GET, "thatnode", Some("other")),
            (Method::OPTIONS, "thatnode", None),
        ] {
            assert_eq!(elsewhere(method, node, secret), None, "{node} {secret:?}");
        }
    }

    #[tokio::test]
    async fn a_forwarded_request_says_which_client_it_is_of_and_nothing_that_the_client_says_of_that() {
        let forwarding = Forwarding::new(Arc::new(Other), CONNECT);
        let node = forwarding.directory.find("thatnode").await.unwrap();
        let mut request = request(Method::POST, "thatnode", Some("guessed"));
        request.extensions_mut().insert(Whence {
            address: "192.0.2.1".parse().unwrap(),
            is_secure: true,
        });
        forwarding.address(&node, &mut request).unwrap();
        let uri = request.uri().to_string();
        assert!(uri.starts_with("http://10.0.0.5:3000/socket.io/?EIO=4&transport=polling&sid=thatnode"));
        let mut headers: Vec<_> = request.headers().iter().collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        let headers: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        let expected = [
            ("host", "a.example"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-updraft-forwarded", "theirs"),
        ];
        assert_eq!(headers, expected);
        assert!(
            !forwarding.is_forwarded(request.headers()),
            "here it would be believed by no node"
        );
    }

    #[test]
    fn headers_of_a_connection_stay_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Own"),
            ("x-own", "1"),
            ("keep-alive", "1"),
            ("upgrade", "websocket"),
            ("transfer-encoding", "chunked"),
            ("host", "a.example"),
            ("cookie", "b"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        leave_connection(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["cookie", "host"]);
    }

    #[test]
    fn secrets_are_the_same_to_the_last_letter() {
        assert!(is_same(b"secret", b"secret"));
        for other in [&b""[..], b"secre", b"secrets", b"Secret", b"secreT"] {
            assert!(!is_same(b"secret", other));
        }
    }
}
