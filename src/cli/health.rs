//! `health`: whether a running server is ready for clients, for what has no program beside it to ask by, as a container.

use clap::Args;
use http::StatusCode;

use super::{
    server_url::DEFAULT,
    terminal::{Failure, plain, say},
};
use crate::net::tls::fetch::Address;

#[derive(Args, Debug)]
pub(super) struct Health {
    /// URL of the server; by default the one that the same variables and file start. An https:// certificate must be trusted by
    /// the system, or by SSL_CERT_FILE
    #[arg(long, env = "UPDRAFT_URL", default_value = DEFAULT)]
    url: String,

    /// Ask whether it runs (/health/live), not whether it is ready for clients (/health/ready)
    #[arg(long)]
    live: bool,
}

impl Health {
    /// Prints what the server says of itself.
    pub(super) fn ask(self) -> Result<(), Failure> {
        let url = self.url.trim_end_matches('/');
        let path = if self.live {
            "/health/live"
        } else {
            "/health/ready"
        };
        let unknown = || {
            Failure(format!(
                "'{url}' is no address of a server: write it with http:// or https://"
            ))
        };
        let address = Address::new(&format!("{url}{path}"))?.ok_or_else(unknown)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let answered = runtime.block_on(address.ask());
        let (status, body) =
            answered.map_err(|error| Failure(format!("cannot reach a server at {url}: {error}")))?;
        let line = plain(String::from_utf8_lossy(&body).trim());
        match status {
            StatusCode::OK => say(line),
            _ => Err(Failure(format!("{path} answers {}: {line}", status.as_u16()))),
        }
    }
}
