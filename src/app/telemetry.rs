//! What an app tells a collector of OpenTelemetry.

use std::sync::Arc;

use super::{App, start_error::StartError};
use crate::net::telemetry::Telemetry;

impl App {
    /// What was begun already, or what the configuration asks for.
    ///
    /// # Errors
    /// Where that cannot be understood.
    pub(super) fn telemetry(&mut self) -> Result<Option<Arc<Telemetry>>, StartError> {
        #[cfg(feature = "otlp")]
        if self.telemetry.is_none() {
            self.telemetry = Telemetry::start(&self.config.telemetry)?;
        }
        Ok(self.telemetry.take())
    }

    /// Tells by this, which has begun already.
    #[must_use]
    pub(crate) fn telling(mut self, telemetry: Option<Arc<Telemetry>>) -> Self {
        self.telemetry = telemetry;
        self
    }
}
