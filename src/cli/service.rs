//! What a service manager, as systemd, gives to a server and is told by it: the socket that it listens on itself
//! (`LISTEN_FDS`), so that clients wait while no server runs; and how the server is (`NOTIFY_SOCKET`).

use std::net::TcpListener;

use listenfd::ListenFd;
#[cfg(unix)]
use sd_notify::NotifyState;

use super::terminal::Failure;

/// The socket that was passed, if any. To be called before there are threads, as it removes the variables.
///
/// # Errors
/// Where there are several, or another thing than a TCP socket.
pub(super) fn listener() -> Result<Option<TcpListener>, Failure> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => Ok(None),
        1 => passed
            .take_tcp_listener(0)
            .map_err(|error| Failure(format!("LISTEN_FDS passes no TCP socket: {error}"))),
        several => Err(Failure(format!(
            "LISTEN_FDS passes {several} sockets, and a server listens on one: ListenStream=3000 is for IPv6 and IPv4"
        ))),
    }
}

/// How a server is.
pub(super) enum Phase<'a> {
    /// It takes clients, at this URL.
    Ready(&'a str),
    /// It reads its files again, until it is ready.
    Reloading,
    /// It takes no more clients.
    Stopping,
}

/// Tells the manager, if there is one that asks.
#[cfg(unix)]
pub(super) fn tell(phase: &Phase<'_>) {
    let told = match phase {
        Phase::Ready(url) => {
            let status = format!("listens on {url}");
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
        }
        Phase::Reloading => NotifyState::monotonic_usec_now()
            .and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now])),
        Phase::Stopping => {
            let status = "stops: calls that run get their answers";
            sd_notify::notify(&[NotifyState::Stopping, NotifyState::Status(status)])
        }
    };
    if let Err(error) = told {
        tracing::warn!("the service manager (NOTIFY_SOCKET) cannot be told how the server is: {error}");
    }
}

#[cfg(not(unix))]
pub(super) fn tell(_: &Phase<'_>) {}
