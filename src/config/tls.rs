//! Settings of TLS.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::time::{time_or_zero, written};

/// HTTPS and WSS. Without a certificate the server speaks HTTP.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.tls.cert = Some("/etc/shop/chain.pem".into());
/// config.tls.key = Some("/etc/shop/key.pem".into());
/// ```
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TlsConfig {
    /// Certificate chain of the server, in PEM: the server speaks HTTPS and WSS only. SIGHUP reads it and its key again
    #[arg(
        long = "tls-cert",
        env = "UPDRAFT_TLS_CERT",
        value_name = "FILE",
        id = "tls_cert"
    )]
    pub cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(
        long = "tls-key",
        env = "UPDRAFT_TLS_KEY",
        value_name = "FILE",
        id = "tls_key"
    )]
    pub key: Option<PathBuf>,

    /// Max-age of `strict-transport-security` (HSTS): browsers use TLS alone for every port of this host; 0s sends no header
    #[arg(long = "tls-hsts", env = "UPDRAFT_TLS_HSTS", value_name = "TIME", value_parser = time_or_zero,
        default_value = written(Self::default().hsts))]
    pub hsts: Duration,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            cert: None,
            key: None,
            hsts: Duration::from_secs(365 * 24 * 60 * 60),
        }
    }
}
