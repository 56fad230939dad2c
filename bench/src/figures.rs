//! Medians and their spread, and how long things took.

use std::time::Duration;

use serde::Serialize;

/// The least, the middle and the most of a few rounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) middle: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_unstable_by(f64::total_cmp);
        Self {
            least: values[0],
            middle: values[values.len() / 2],
            most: values[values.len() - 1],
        }
    }
}

/// With three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value {
        _ if value >= 100.0 => thousands(value.round() as u64),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: u64) -> String {
    match value / 1000 {
        0 => value.to_string(),
        above => format!("{},{:03}", thousands(above), value % 1000),
    }
}

/// So many of a hundred are not longer.
pub(crate) fn percentile(sorted: &[Duration], percent: f64) -> f64 {
    let place = (sorted.len() as f64 * percent / 100.0) as usize;
    let at = sorted.get(place).or(sorted.last());
    at.map_or(0.0, |time| time.as_secs_f64() * 1e6)
}
