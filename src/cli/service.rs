//! What a service manager, as systemd, gives to a server and is told by it: the socket that it listens on itself
//! (`LISTEN_FDS`), so that clients wait while no server runs; and how the server is (`NOTIFY_SOCKET`).

use std::{
    io,
    net::TcpListener,
    sync::mpsc::{self, Receiver, Sender, SyncSender},
    thread,
    time::Duration,
};

use listenfd::ListenFd;
#[cfg(unix)]
use sd_notify::NotifyState;

use super::terminal::Failure;

/// Most that waits to be told.
const MOST: usize = 16;

/// How long a server that has stopped waits for its manager to read that.
const LONGEST: Duration = Duration::from_secs(1);

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
pub(super) enum Phase {
    /// It takes clients, at this URL.
    Ready(String),
    /// It reads its files again, until it is ready.
    Reloading,
    /// The same, and its settings are those from before, as something is wrong with what it read.
    NotReloaded(String),
    /// It takes no more clients.
    Stopping,
}

/// What is told to a manager, by a thread of its own: one that does not read holds nothing up.
pub(super) struct Notifier(Option<Telling>);

struct Telling {
    phases: SyncSender<Phase>,
    /// Closed when all is told.
    ended: Receiver<()>,
}

impl Notifier {
    /// For the manager that asks, if any does.
    pub(super) fn find() -> io::Result<Self> {
        if std::env::var_os("NOTIFY_SOCKET").is_none() {
            return Ok(Self(None));
        }
        let (phases, waiting) = mpsc::sync_channel(MOST);
        let (end, ended) = mpsc::channel();
        thread::Builder::new().name("notify".to_owned()).spawn(move || {
            let _end: Sender<()> = end;
            waiting.iter().for_each(|phase| tell(&phase));
        })?;
        Ok(Self(Some(Telling { phases, ended })))
    }

    pub(super) fn tell(&self, phase: Phase) {
        if let Some(telling) = &self.0
            && telling.phases.try_send(phase).is_err()
        {
            tracing::warn!("the service manager (NOTIFY_SOCKET) does not read how the server is");
        }
    }

    /// Completes when all is told, or the manager has not read it for too long.
    pub(super) fn end(self) {
        if let Some(Telling { phases, ended }) = self.0 {
            drop(phases);
            // An error either way: nothing is ever sent.
            let _ = ended.recv_timeout(LONGEST);
        }
    }
}

#[cfg(unix)]
fn tell(phase: &Phase) {
    let told = match phase {
        Phase::Ready(url) => {
            let status = format!("listens on {url}");
            sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(&status)])
        }
        Phase::NotReloaded(url) => {
            let status = format!(
                "listens on {url}; its settings could not be read again, and those from before go on: see its log"
            );
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
fn tell(_: &Phase) {}
