//! A document at an address, by HTTP: a small one, and soon or not at all.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    Request, StatusCode, Uri,
    header::{ACCEPT, HOST, USER_AGENT},
    uri::Scheme,
};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};
use tokio_util::either::Either;

use super::roots;

/// Largest document, in bytes.
const LARGEST: usize = 256 << 10;

/// Longest from the name's look-up to the document's last byte.
const LONGEST: Duration = Duration::from_secs(5);

/// Where a document is.
pub(crate) struct Address {
    uri: Uri,
    /// Without the brackets of IPv6.
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
}

impl Address {
    /// Reads `https://…` or `http://…`; `None` where it is neither.
    ///
    /// # Errors
    /// Where this machine has no certificates to trust.
    pub(crate) fn new(text: &str) -> io::Result<Option<Self>> {
        let Some((uri, host)) = parts(text) else {
            return Ok(None);
        };
        let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
        let tls = is_tls.then(roots::client).transpose()?;
        let standard = if is_tls { 443 } else { 80 };
        Ok(Some(Self {
            port: uri.port_u16().unwrap_or(standard),
            tls: tls.map(|config| TlsConnector::from(Arc::new(config))),
            uri,
            host,
        }))
    }

    /// Whether the URL is private: https, or http to this machine.
    pub(in crate::net) fn is_private(&self) -> bool {
        let is_here = self.host == "localhost"
            || self
                .host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        self.tls.is_some() || is_here
    }

    /// Its host and port, without the name and password that an address may hold.
    pub(in crate::net) fn authority(&self) -> &str {
        self.uri.authority().map_or("", |authority| {
            let authority = authority.as_str();
            authority.rsplit_once('@').map_or(authority, |(_, host)| host)
        })
    }

    /// What is asked for there.
    pub(in crate::net) fn path(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The document that is there now. Redirections are not followed.
    ///
    /// # Errors
    /// Where there is none, it is too large, or it takes too long.
    pub(in crate::net) async fn fetch(&self) -> io::Result<Bytes> {
        match self.ask().await? {
            (StatusCode::OK, document) => Ok(document),
            (status, _) => Err(io::Error::other(format!("HTTP {status}"))),
        }
    }

    /// What is answered there, whether well or not.
    ///
    /// # Errors
    /// Where nothing answers, it is too large, or it takes too long.
    pub(crate) async fn ask(&self) -> io::Result<(StatusCode, Bytes)> {
        let answered = tokio::time::timeout(LONGEST, self.get()).await;
        answered.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it took too long")))
    }

    async fn get(&self) -> io::Result<(StatusCode, Bytes)> {
        let stream = TokioIo::new(self.connect().await?);
        let (mut requests, connection) = http1::handshake(stream).await.map_err(io::Error::other)?;
        // Ends with this.
        let mut driven = JoinSet::new();
        driven.spawn(connection);
        let response = requests.send_request(self.request()?);
        let response = response.await.map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok((status, body.map_err(io::Error::other)?.to_bytes()))
    }

    /// A connection to it.
    ///
    /// # Errors
    /// Where it is away, or not trusted.
    pub(in crate::net) async fn connect(&self) -> io::Result<Either<TcpStream, TlsStream<TcpStream>>> {
        let stream = TcpStream::connect((&*self.host, self.port)).await?;
        let Some(tls) = &self.tls else {
            return Ok(Either::Left(stream));
        };
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        tls.connect(name, stream).await.map(Either::Right)
    }

    fn request(&self) -> io::Result<Request<Empty<Bytes>>> {
        Request::get(self.path())
            .header(HOST, self.authority())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("updraft/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(io::Error::other)
    }
}

fn parts(text: &str) -> Option<(Uri, String)> {
    let uri: Uri = text.parse().ok()?;
    let is_http = [&Scheme::HTTP, &Scheme::HTTPS].contains(&uri.scheme()?);
    let host = uri.host().filter(|host| is_http && !host.is_empty())?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Some((uri, host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_that_of_http_with_a_host() {
        for good in [
            "http://127.0.0.1:4000/keys.json?a=b",
            "http://[::1]:4000",
            "http://a.example/",
        ] {
            assert!(Address::new(good).unwrap().is_some(), "{good}");
        }
        for bad in [
            "",
            "/keys",
            "keys.json",
            "ftp://a.example/",
            "http://",
            "http:///x",
            "a.example:443",
        ] {
            assert!(Address::new(bad).unwrap().is_none(), "{bad}");
        }
    }

    #[test]
    fn what_goes_over_a_network_in_plain_is_not_private() {
        for (url, is_private) in [
            ("http://127.0.0.1:4000/", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://10.0.0.1/", false),
            ("http://localhost.example/", false),
        ] {
            assert_eq!(
                Address::new(url).unwrap().unwrap().is_private(),
                is_private,
                "{url}"
            );
        }
    }
}
