//! TLS in process: a server with a certificate, and clients that believe it.

mod clients;
mod errors;
mod handshake;
mod reload;

use std::{fs, io, path::Path, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::CertificateDer},
};

use crate::support::{Program, within_patience};

/// A certificate for 127.0.0.1 that vouches for itself, and its key, in files.
pub(crate) struct Pair {
    _directory: TempDir,
    pub(crate) cert: String,
    pub(crate) key: String,
    der: CertificateDer<'static>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        let file = |name: &str, text: String| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        Self {
            cert: file("cert.pem", cert.pem()),
            key: file("key.pem", signing_key.serialize_pem()),
            der: cert.der().clone(),
            _directory: directory,
        }
    }

    fn flags(&self) -> [&str; 4] {
        ["--tls-cert", &self.cert, "--tls-key", &self.key]
    }

    pub(crate) fn serve(&self, more: &[&str]) -> Program {
        let server = Program::start(&[&self.flags(), more].concat());
        assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
        server
    }

    /// Stands where another one stood.
    fn take_the_place_of(&self, other: &Self) {
        fs::copy(&self.cert, &other.cert).unwrap();
        fs::copy(&self.key, &other.key).unwrap();
    }
}

/// Where a server listens.
fn address(server: &Program) -> &str {
    server.url.strip_prefix("https://").unwrap()
}

/// An HTTP client over TLS, by hand.
struct Secure(TlsStream<TcpStream>);

impl Secure {
    /// Connects, and believes this certificate alone.
    async fn open(server: &Program, believed: &Pair) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(believed.der.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(address(server)).await?;
        let connecting =
            TlsConnector::from(Arc::new(config)).connect("127.0.0.1".try_into().unwrap(), stream);
        within_patience("the handshake", connecting).await.map(Self)
    }

    /// Asks for a path; the answer's head and a body as long as it says.
    async fn get(&mut self, path: &str) -> io::Result<String> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
        self.0.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        while !is_whole(&answer) {
            let mut bytes = [0; 4096];
            let read = within_patience("an answer", self.0.read(&mut bytes)).await?;
            assert!(read > 0, "the connection ended: {answer}");
            answer += str::from_utf8(&bytes[..read]).unwrap();
        }
        Ok(answer)
    }

    async fn is_live(&mut self) -> bool {
        let answer = self.get("/health/live").await;
        answer.is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("live"))
    }
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.unwrap().parse().unwrap()
}

async fn is_live(server: &Program, believed: &Pair) -> bool {
    match Secure::open(server, believed).await {
        Ok(mut client) => client.is_live().await,
        Err(_) => false,
    }
}

/// Puts a text where a file was.
fn spoil(file: impl AsRef<Path>) {
    fs::write(file, "spoilt").unwrap();
}
