//! Identities that end while their sockets are connected: the client is warned, and closed where it does not renew.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::client_socket::{ClientSocket, EVENT};
use crate::{
    call::peer::{Peer, Target},
    error::{CallError, Code},
    net::{
        auth::{Authenticator, milliseconds},
        metrics::Limit,
    },
};
use serde::Serialize;

/// Longest sleep before the clock is asked again, which may have been set meanwhile.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Serialize)]
struct Expiring {
    event: &'static str,
    /// When, in milliseconds since 1970.
    expires: u64,
}

/// Looks after a socket's identity for as long as the socket lives.
pub(in crate::net) fn begin(caller: Arc<ClientSocket>, auth: Arc<Authenticator>) {
    if auth.asks() {
        tokio::spawn(watch(caller, auth));
    }
}

async fn watch(caller: Arc<ClientSocket>, auth: Arc<Authenticator>) {
    let gone = caller.gone().clone();
    gone.run_until_cancelled(follow(&caller, &auth)).await;
}

async fn follow(caller: &Arc<ClientSocket>, auth: &Authenticator) {
    loop {
        let mut changed = pin!(caller.identified());
        changed.as_mut().enable();
        let expires = caller.identity().expires();
        tokio::select! {
            () = changed => {}
            () = end(caller, auth, expires) => return,
        }
    }
}

async fn end(caller: &Arc<ClientSocket>, auth: &Authenticator, expires: Option<SystemTime>) {
    let Some(expires) = expires else {
        return std::future::pending().await;
    };
    until(expires.checked_sub(auth.config().warning)).await;
    let expiring = Expiring {
        event: "server.auth_expiring",
        expires: milliseconds(expires),
    };
    tokio::select! {
        warned = caller.emit(Target::Caller, EVENT, &expiring) => {
            if let Err(error) = warned {
                tracing::debug!(%error, "a warning did not reach its client");
            }
            until(expires.checked_add(auth.leeway())).await;
        }
        () = until(expires.checked_add(auth.leeway())) => {}
    }
    caller.shared.metrics.refused(Limit::Expired);
    caller.dismiss(&CallError::new(Code::Unauthenticated, "the identity has expired"));
}

async fn until(time: Option<SystemTime>) {
    while let Some(left) = time.and_then(|time| time.duration_since(SystemTime::now()).ok())
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LONGEST)).await;
    }
}
