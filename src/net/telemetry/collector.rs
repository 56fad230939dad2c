//! A collector, at one of its paths: one connection, over which requests go one after the other.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{CONTENT_TYPE, HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{task::JoinSet, time::timeout};

use super::error::TelemetryError;
use crate::net::tls::fetch::Address;

/// Longest for one request, as OpenTelemetry has it.
const LONGEST: Duration = Duration::from_secs(10);

/// Largest answer that is read, in bytes: the connection is of use only after it.
const LARGEST: usize = 64 << 10;

/// A collector that takes one kind of requests.
pub(super) struct Collector {
    address: Address,
    headers: HeaderMap,
    connection: Option<Connection>,
}

struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// Ends with this.
    _driven: JoinSet<hyper::Result<()>>,
}

/// Why it did not take a request.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It may later.
    Later(String),
    /// It never will.
    Never(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Later(why) | Self::Never(why)) = self;
        f.write_str(why)
    }
}

impl Collector {
    /// The one at this URL, with this path added; each request has these headers too.
    ///
    /// # Errors
    /// Where the URL is none, or this machine has no certificates to trust.
    pub(super) fn new(endpoint: &str, path: &str, mut headers: HeaderMap) -> Result<Self, TelemetryError> {
        let url = format!("{}{path}", endpoint.trim_end_matches('/'));
        let address = Address::new(&url).map_err(TelemetryError::Begin)?;
        let address = address.ok_or_else(|| TelemetryError::Endpoint(endpoint.to_owned()))?;
        let agent = concat!("updraft/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        if let Ok(host) = HeaderValue::from_str(address.authority()) {
            headers.insert(HOST, host);
        }
        Ok(Self {
            address,
            headers,
            connection: None,
        })
    }

    /// Its host and port.
    pub(super) fn authority(&self) -> &str {
        self.address.authority()
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Where it is not taken.
    pub(super) async fn post(&mut self, body: Bytes) -> Result<(), Refusal> {
        let answered = timeout(LONGEST, self.request(body)).await;
        let answered = answered.unwrap_or_else(|_| Err(Refusal::Later("it took too long".to_owned())));
        if answered.is_err() {
            self.connection = None;
        }
        answered
    }

    async fn request(&mut self, body: Bytes) -> Result<(), Refusal> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self
            .address
            .path()
            .parse()
            .map_err(|error| Refusal::Never(format!("{error}")))?;
        *request.headers_mut() = self.headers.clone();
        let requests = self.connected().await?;
        let response = requests.send_request(request).await.map_err(later)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        body.map_err(|error| Refusal::Later(error.to_string()))?;
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Err(Refusal::Later(format!("HTTP {status}"))),
            status => Err(Refusal::Never(format!("HTTP {status}"))),
        }
    }

    /// The connection of the last request, if it is still open, or a new one.
    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Refusal> {
        let is_open = match &mut self.connection {
            Some(connection) => connection.requests.ready().await.is_ok(),
            None => false,
        };
        let connection = match self.connection.take().filter(|_| is_open) {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(&mut self.connection.insert(connection).requests)
    }

    async fn connect(&self) -> Result<Connection, Refusal> {
        let stream = self.address.connect().await.map_err(later)?;
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(later)?;
        let mut driven = JoinSet::new();
        driven.spawn(connection);
        Ok(Connection {
            requests,
            _driven: driven,
        })
    }
}

fn later(error: impl fmt::Display) -> Refusal {
    Refusal::Later(error.to_string())
}
