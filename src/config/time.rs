//! Times as they are written in settings.

use std::time::Duration;

/// Reads `30s`, `1h 20m`: longer than nothing.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("a time is longer than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}
