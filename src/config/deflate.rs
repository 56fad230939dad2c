//! Whether messages over WebSockets are compressed.

use clap::Args;

/// How messages over WebSockets are compressed (permessage-deflate, RFC 7692). By default they are not.
///
/// ```
/// let mut config = updraft::Config::default();
/// config.session.deflate.per_message = true;
/// config.session.deflate.threshold = 4096;                // bytes
/// ```
#[derive(Args, Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateConfig {
    /// Compress WebSocket messages for clients that offer permessage-deflate, as browsers do: less traffic, more CPU time
    #[arg(
        long = "per-message-deflate",
        env = "UPDRAFT_PER_MESSAGE_DEFLATE",
        id = "per_message_deflate",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    pub per_message: bool,

    /// Smallest message that is compressed, in bytes
    #[arg(
        long = "per-message-deflate-threshold",
        env = "UPDRAFT_PER_MESSAGE_DEFLATE_THRESHOLD",
        id = "per_message_deflate_threshold",
        value_name = "BYTES",
        default_value_t = DeflateConfig::default().threshold
    )]
    pub threshold: u32,
}

impl Default for DeflateConfig {
    /// As in Node.
    fn default() -> Self {
        Self {
            per_message: false,
            threshold: 1024,
        }
    }
}
