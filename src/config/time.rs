//! Times as they are written in settings.

use std::time::Duration;

/// Reads `30s`, `1h 20m`: longer than nothing.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match time_or_zero(text)? {
        time if time.is_zero() => Err("a time is longer than nothing".to_owned()),
        time => Ok(time),
    }
}

/// The same, and `0s`.
pub(super) fn time_or_zero(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| "write it as 10s, 1500ms or 2h".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_time_is_told_how_times_are_written() {
        for text in ["25", "25x", "soon", "", "-1s"] {
            assert_eq!(
                time(text),
                Err("write it as 10s, 1500ms or 2h".to_owned()),
                "{text}"
            );
        }
        assert_eq!(time("0s"), Err("a time is longer than nothing".to_owned()));
        assert_eq!(time("1h 20m"), Ok(Duration::from_secs(4800)));
        assert_eq!(time_or_zero("0s"), Ok(Duration::ZERO));
    }
}
