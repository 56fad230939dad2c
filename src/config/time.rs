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

/// A time as [`time()`] reads it, in its largest whole unit.
pub(super) fn written(time: Duration) -> String {
    if time.is_zero() {
        return "0s".to_owned();
    }
    const UNITS: [(u128, &str); 4] = [
        (24 * 60 * 60 * 1000, "d"),
        (60 * 60 * 1000, "h"),
        (60 * 1000, "m"),
        (1000, "s"),
    ];
    let milliseconds = time.as_millis();
    let whole = UNITS
        .iter()
        .find(|(unit, _)| milliseconds >= *unit && milliseconds.is_multiple_of(*unit));
    match whole {
        Some((unit, name)) => format!("{}{name}", milliseconds / unit),
        None => format!("{milliseconds}ms"),
    }
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

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for (text, milliseconds) in [
            ("365d", 365 * 24 * 60 * 60 * 1000),
            ("36h", 36 * 60 * 60 * 1000),
            ("10m", 600_000),
            ("90s", 90_000),
            ("1500ms", 1500),
            ("0s", 0),
        ] {
            let time = Duration::from_millis(milliseconds);
            assert_eq!(written(time), text);
            assert_eq!(time_or_zero(text), Ok(time));
        }
    }
}
