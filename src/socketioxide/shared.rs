//! What all sockets of a namespace share.

use std::sync::Arc;

use tokio_util::{sync::DropGuard, task::TaskTracker};

use crate::{
    call::dispatch::Dispatcher,
    config::Config,
    feed::Feed,
    net::{auth::Authenticator, limits::rate::Rates, telemetry::Telemetry},
};

pub(super) struct Shared {
    pub(super) dispatcher: Dispatcher,
    pub(super) feed: Option<Arc<Feed>>,
    pub(super) auth: Arc<Authenticator>,
    pub(super) config: Config,
    /// Of the calls of each socket.
    pub(super) rates: Rates,
    /// Calls that have no answer yet; closed when none is taken in any more.
    pub(super) calls: TaskTracker,
    /// Goes on to tell a collector, if one is there.
    pub(super) telemetry: Option<Arc<Telemetry>>,
    /// Ends what runs beside the namespaces.
    pub(super) _end: DropGuard,
}
