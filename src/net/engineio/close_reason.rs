//! Why sessions end.

/// Why a session ended, in Node's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) enum CloseReason {
    TransportClose,
    TransportError,
    PingTimeout,
    ParseError,
    ForcedClose,
    /// The client read nothing for too long.
    Stalled,
    ShuttingDown,
}

impl CloseReason {
    pub(in crate::net) fn as_str(self) -> &'static str {
        match self {
            Self::TransportClose => "transport close",
            Self::TransportError | Self::Stalled => "transport error",
            Self::PingTimeout => "ping timeout",
            Self::ParseError => "parse error",
            Self::ForcedClose => "forced server close",
            Self::ShuttingDown => "server shutting down",
        }
    }
}
