//! Whether clients come by TLS.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::time::time_or_zero;

/// How a server speaks TLS: HTTPS and WSS alone. Without a certificate it speaks HTTP.
#[derive(Args, Clone, Debug, PartialEq)]
pub struct TlsConfig {
    /// Certificate of the server and those that vouch for it, in PEM: then it speaks HTTPS and WSS alone. Read again,
    /// with its key, at SIGHUP
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

    /// How long browsers are told to come by TLS alone, to any port of this host (HSTS); 0s tells them nothing
    #[arg(long = "tls-hsts", env = "UPDRAFT_TLS_HSTS", value_name = "TIME", value_parser = time_or_zero,
        default_value = "365d")]
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
