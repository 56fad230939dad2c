//! Why a Redis cannot be the bus, in words.

use redis::{ErrorKind, RedisError, ServerError};

/// Why a Redis cannot carry what nodes say to each other. It is there with the feature `redis`.
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
            _ if passes(&error) => Self::Away(said),
            ErrorKind::Server(_) | ErrorKind::AuthenticationFailed | ErrorKind::Extension => {
                Self::Refused(said)
            }
            _ => Self::Away(said),
        }
    }
}

/// What a server says that takes no commands now, and will again: it loads its data, runs a script, has no master, moves slots.
const PASSING: [&str; 5] = ["LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN"];

/// What one says to a client for which it has no room, with or without the connections of its cluster.
const FULL: &str = "max number of clients";

/// Whether a refusal is over after a while.
fn passes(error: &RedisError) -> bool {
    let said = error.clone().into_server_errors();
    let says_so = |error: &ServerError| {
        PASSING.contains(&error.code()) || error.details().is_some_and(|details| details.starts_with(FULL))
    };
    said.is_some_and(|said| said.iter().any(|(_, error)| says_so(error)))
}

#[cfg(test)]
mod tests {
    use redis::Value;

    use super::*;

    fn read(line: &str) -> BusError {
        match redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap() {
            Value::ServerError(error) => RedisError::from(error).into(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_that_will_take_commands_again_is_away_and_a_refusal_that_stays_is_one() {
        for passing in [
            "LOADING Redis is loading the dataset in memory",
            "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN The cluster is down",
            "ERR max number of clients reached",
            "ERR max number of clients + cluster connections reached",
        ] {
            assert!(matches!(read(passing), BusError::Away(_)), "{passing}");
        }
        for staying in [
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOAUTH Authentication required.",
            "NOPERM this user has no permissions to run the 'psubscribe' command",
            "DENIED Redis is running in protected mode",
            "ERR unknown command 'PSUBSCRIBE'",
            "ERR DB index is out of range",
        ] {
            assert!(matches!(read(staying), BusError::Refused(_)), "{staying}");
        }
    }
}
