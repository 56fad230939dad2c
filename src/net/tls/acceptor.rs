//! TLS in process: beneath a connection there is TCP, or TLS over it. Certificate and key are read from files, again
//! where that is configured.

use std::{
    error::Error,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::HeaderValue;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, InconsistentKeys, ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
    server::TlsStream,
};
use tokio_util::either::Either;

use crate::{config::TlsConfig, net::current::Current};

/// How TLS begins: the type of its first record.
const HANDSHAKE: u8 = 22;

/// The answer to plain HTTP on a TLS port.
const NO_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n\
    content-length: 45\r\n\r\nThis port speaks TLS: use https:// or wss://\n";

/// Most that is read of a request before it is answered so, in bytes.
const REQUEST: usize = 16 << 10;

/// The ALPN protocols of a server.
const HTTP: &[u8] = b"http/1.1";

/// What carries a client's bytes.
pub(in crate::net) type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// Why TLS cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// One of the two is missing.
    #[error("a certificate and its key come together: --tls-cert and --tls-key")]
    Half,
    /// A file that cannot be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file without what should be in it.
    #[error("{file} holds no {what} in PEM")]
    Missing {
        /// The file.
        file: PathBuf,
        /// What should be in it.
        what: &'static str,
    },
    /// Each may be good, but not with the other.
    #[error("the key in {key} is not that of the certificate in {cert}")]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// They are of no use.
    #[error("the certificate in {cert} with the key in {key} cannot be used: {source}")]
    Unusable {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// The server's side of TLS.
pub(crate) struct Tls {
    pair: Current<Pair>,
    /// The value of `strict-transport-security`.
    pub(in crate::net) strict_transport: Option<HeaderValue>,
}

/// A certificate and its key, as they were read.
pub(in crate::net) struct Pair {
    cert: PathBuf,
    key: PathBuf,
    acceptor: TlsAcceptor,
}

impl Pair {
    /// Those that are configured; `None` where there are none.
    ///
    /// # Errors
    /// A certificate and a key that cannot be read, or do not belong together.
    pub(in crate::net) fn read(config: &TlsConfig) -> Result<Option<Self>, TlsError> {
        match (&config.cert, &config.key) {
            (Some(cert), Some(key)) => Self::of(cert.clone(), key.clone()).map(Some),
            (None, None) => Ok(None),
            _ => Err(TlsError::Half),
        }
    }

    fn of(cert: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        Ok(Self {
            acceptor: read(&cert, &key)?,
            cert,
            key,
        })
    }
}

impl Tls {
    /// As configured; `None` where no TLS is.
    ///
    /// # Errors
    /// A certificate and a key that cannot be read, or do not belong together.
    pub(crate) fn new(config: &TlsConfig) -> Result<Option<Arc<Self>>, TlsError> {
        let Some(pair) = Pair::read(config)? else {
            return Ok(None);
        };
        let strict_transport = format!("max-age={}", config.hsts.as_secs()).parse();
        Ok(Some(Arc::new(Self {
            pair: Current::new(pair),
            strict_transport: strict_transport.ok().filter(|_| !config.hsts.is_zero()),
        })))
    }

    /// Reads the files again, for new connections.
    ///
    /// # Errors
    /// As [`Tls::new`]; what was read before goes on.
    pub(in crate::net) fn reload(&self) -> Result<(), TlsError> {
        let pair = self.pair.get();
        self.replace(Pair::of(pair.cert.clone(), pair.key.clone())?);
        Ok(())
    }

    /// New connections get this one.
    pub(in crate::net) fn replace(&self, pair: Pair) {
        self.pair.replace(pair);
    }

    /// The server's half of the handshake.
    ///
    /// # Errors
    /// Where the client says no TLS, or none that is spoken here.
    pub(in crate::net) async fn accept(&self, stream: TcpStream) -> io::Result<Stream> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first != [HANDSHAKE] {
            return Err(refuse_plain_http(stream).await);
        }
        let accept = self.pair.get().acceptor.accept(stream);
        Ok(Either::Right(Box::new(accept.await?)))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("cert", &self.pair.get().cert)
            .finish_non_exhaustive()
    }
}

/// Answers plain HTTP with the https address.
async fn refuse_plain_http(mut stream: TcpStream) -> io::Error {
    // Read, as an answer to what was not is lost when the connection closes.
    let mut request = [0; REQUEST];
    let told = async {
        if stream.read(&mut request).await? > 0 {
            stream.write_all(NO_TLS).await?;
        }
        stream.shutdown().await
    };
    told.await.err().unwrap_or(io::ErrorKind::InvalidData.into())
}

fn read(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let certificates = certificates(cert)?;
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| unread(key, "private key", error))?;
    let unusable = |error: rustls::Error| TlsError::Unusable {
        cert: cert.into(),
        key: key.into(),
        source: error.into(),
    };
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
                cert: cert.into(),
                key: key.into(),
            },
            other => unusable(other),
        })?;
    config.alpn_protocols = vec![HTTP.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unread = |error| unread(file, "certificate", error);
    let certificates = CertificateDer::pem_file_iter(file).map_err(unread)?;
    let certificates: Vec<_> = certificates.collect::<Result<_, _>>().map_err(unread)?;
    match certificates.is_empty() {
        true => Err(unread(pem::Error::NoItemsFound)),
        false => Ok(certificates),
    }
}

fn unread(file: &Path, what: &'static str, error: pem::Error) -> TlsError {
    let file = file.into();
    match error {
        pem::Error::Io(source) => TlsError::Read { file, source },
        _ => TlsError::Missing { file, what },
    }
}
