//! What all sockets of a server share.

use std::sync::Arc;

use super::{
    auth::Authenticator,
    cores::Cores,
    limits::{rate::Rates, shares::Shares},
    progress::Progress,
    rooms::Rooms,
    sessions::Sessions,
    telemetry::Telemetry,
};
use crate::{call::dispatch::Dispatcher, config::Config, feed::Feed};

pub(super) struct Shared {
    pub(super) auth: Arc<Authenticator>,
    pub(super) dispatcher: Dispatcher,
    pub(super) feed: Option<Arc<Feed>>,
    pub(super) sessions: Arc<Sessions>,
    pub(super) rooms: Arc<Rooms>,
    pub(super) progress: Progress,
    pub(super) telemetry: Arc<Telemetry>,
    /// Of the calls of each socket.
    pub(super) rates: Rates,
    pub(super) shares: Shares,
    pub(super) config: Config,
    /// Where the sockets live: it ends with the last of them, whose tasks are there.
    _cores: Option<Arc<Cores>>,
}

impl Shared {
    pub(super) fn new(
        dispatcher: Dispatcher,
        feed: Option<Arc<Feed>>,
        auth: Arc<Authenticator>,
        config: Config,
        cores: Option<Arc<Cores>>,
    ) -> Arc<Self> {
        let telemetry = Arc::new(Telemetry::new(feed.as_deref()));
        Arc::new(Self {
            dispatcher,
            feed,
            sessions: auth.subjects().sessions().clone(),
            auth,
            rooms: Rooms::new(cores.iter().flat_map(|cores| cores.handles())),
            progress: Progress::default(),
            rates: Rates::new(config.call_rate, config.call_burst),
            shares: Shares::new(&config, &telemetry),
            telemetry,
            config,
            _cores: cores,
        })
    }
}
