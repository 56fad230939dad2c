//! Why a Redis cannot be the bus, in words.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a Redis cannot carry what nodes say to each other.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The URL is none. It may hold a password, so nothing of it is shown.
    #[error(
        "--bus: the URL is malformed. It is redis://user:password@host:port, or rediss:// for TLS, with what is no letter and no digit \
         of the password percent-encoded"
    )]
    Url,
    /// It cannot be reached, or does not answer.
    #[error("--bus: Redis cannot be reached: {0}")]
    Away(String),
    /// It refuses what the bus needs.
    #[error("--bus: Redis refuses: {0}")]
    Refused(String),
    /// The system has no randomness for the name of this node.
    #[error("no randomness for the name of a node: {0}")]
    Random(#[from] getrandom::Error),
}

impl From<RedisError> for BusError {
    fn from(error: RedisError) -> Self {
        let said = error.to_string();
        match error.kind() {
            _ if said.contains("invalid peer certificate") => Self::Refused(said),
            // They pass.
            ErrorKind::Server(
                ServerErrorKind::BusyLoading
                | ServerErrorKind::TryAgain
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown,
            ) => Self::Away(said),
            ErrorKind::Server(_) | ErrorKind::AuthenticationFailed | ErrorKind::Extension => {
                Self::Refused(said)
            }
            _ => Self::Away(said),
        }
    }
}
