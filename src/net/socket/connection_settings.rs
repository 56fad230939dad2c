//! What a connection is held to: the settings that were in force when it came.

use std::sync::Arc;

use crate::{
    config::Config,
    net::{
        limits::{byte_rate::ByteRates, rate::Rates},
        metrics::Metrics,
    },
};

/// The settings of connections that come now; see `server/reload.rs` for those of them that may change.
pub(in crate::net) struct ConnectionSettings {
    pub(in crate::net) config: Config,
    /// Of the calls of each.
    pub(in crate::net) call_rates: Rates,
    pub(in crate::net) byte_rates: ByteRates,
}

impl ConnectionSettings {
    pub(in crate::net) fn new(config: &Config, metrics: &Arc<Metrics>) -> Self {
        Self {
            call_rates: Rates::new(config.limits.call_rate, config.limits.call_burst),
            byte_rates: ByteRates::new(config, metrics),
            config: config.clone(),
        }
    }
}
