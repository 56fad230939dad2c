//! Identities that end while their sockets are connected: the client is warned, and closed where it does not renew.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{authenticator::Authenticator, refresh::milliseconds};
use crate::{
    call::{peer::Peer, target::Target},
    error::{CallError, Code},
};

/// Longest sleep before the clock is asked again, which may have been set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);

/// A socket whose identity may end.
pub(crate) trait Expires: Peer {
    /// The identity has ended: closes the socket, and says why.
    fn expire(&self, why: &CallError);
}

#[derive(Serialize)]
struct Expiring {
    event: &'static str,
    /// When, in milliseconds since 1970.
    expires: u64,
}

/// Looks after a socket's identity for as long as the socket lives.
pub(crate) fn begin(socket: Arc<impl Expires>, auth: Arc<Authenticator>) {
    if auth.asks() {
        tokio::spawn(watch(socket, auth));
    }
}

async fn watch(socket: Arc<impl Expires>, auth: Arc<Authenticator>) {
    let cancellation = socket.cancellation().clone();
    cancellation.run_until_cancelled(follow(&*socket, &auth)).await;
}

async fn follow(socket: &impl Expires, auth: &Authenticator) {
    loop {
        let mut changed = pin!(socket.state().identified());
        changed.as_mut().enable();
        let expires = socket.identity().expires();
        tokio::select! {
            () = changed => {}
            () = end(socket, auth, expires) => return,
        }
    }
}

async fn end(socket: &impl Expires, auth: &Authenticator, expires: Option<SystemTime>) {
    let Some(expires) = expires else {
        return std::future::pending().await;
    };
    until(expires.checked_sub(auth.config().warning)).await;
    let expiring = Expiring {
        event: "server.auth_expiring",
        expires: milliseconds(expires),
    };
    tokio::select! {
        warned = socket.emit(Target::caller(), "event", &expiring) => {
            if let Err(error) = warned {
                tracing::debug!(%error, "a warning did not reach its client");
            }
            until(expires.checked_add(auth.leeway())).await;
        }
        () = until(expires.checked_add(auth.leeway())) => {}
    }
    socket.expire(&CallError::new(Code::Unauthenticated, "the identity has expired"));
}

async fn until(time: Option<SystemTime>) {
    while let Some(left) = time.and_then(|time| time.duration_since(SystemTime::now()).ok())
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LONGEST)).await;
    }
}
