//! Root certificates for outgoing TLS: those of the system.

use std::io;

use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};

/// A client's side of TLS. `SSL_CERT_FILE` and `SSL_CERT_DIR` name others than the system's certificates.
///
/// # Errors
/// Where there are none.
pub(crate) fn client() -> io::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let none = "the system has no certificates to trust; SSL_CERT_FILE names some";
        return Err(io::Error::new(io::ErrorKind::NotFound, none));
    }
    let config = ClientConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
