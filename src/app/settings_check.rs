//! Whether settings would do, as far as can be seen without a journal, a bus and the network.

use super::{
    App,
    conflict::{self, Asks},
    start_error::StartError,
};
#[cfg(feature = "redis")]
use crate::net::rooms::bus::redis;
#[cfg(feature = "otlp")]
use crate::net::telemetry::Telemetry;
#[cfg(feature = "postgres")]
use crate::postgres::Database;
use crate::{
    config::Config,
    net::{
        auth,
        server::{routes, serve_error::ServeError},
        tls::acceptor::Tls,
    },
};

/// What an app checks settings by.
#[derive(Clone, Copy)]
pub(crate) struct SettingsCheck {
    asks: Asks,
}

impl App {
    pub(crate) fn settings_check(&self) -> SettingsCheck {
        let asks = self.deciding.as_ref().map_or(Asks::ByTokens, |_| Asks::ByItself);
        SettingsCheck { asks }
    }
}

impl SettingsCheck {
    /// Whether an app would start with these.
    ///
    /// # Errors
    /// The first that would not do.
    pub(crate) fn check(self, config: &Config) -> Result<(), StartError> {
        self.conflicts(config)?;
        Tls::new(&config.tls).map_err(ServeError::from)?;
        routes::check(&config.http)?;
        auth::check(&config.auth)?;
        #[cfg(feature = "postgres")]
        for url in [&config.journal.database, &config.journal.database_listen]
            .into_iter()
            .flatten()
        {
            Database::check(url.as_str())?;
        }
        #[cfg(feature = "redis")]
        if let Some(url) = &config.bus.redis {
            redis::check(url.as_str())?;
        }
        #[cfg(feature = "otlp")]
        Telemetry::check(&config.telemetry)?;
        Ok(())
    }

    /// Whether these go together.
    pub(super) fn conflicts(self, config: &Config) -> Result<(), StartError> {
        Ok(conflict::check(config, self.asks)?)
    }
}
