//! Medians and their spread.

/// The least, the middle and the most of a few rounds.
#[derive(Clone, Copy, Debug)]
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

    /// Of the ratios of two series, round by round.
    pub(crate) fn of_ratios(these: &[f64], those: &[f64]) -> Self {
        Self::of(these.iter().zip(those).map(|(this, that)| this / that))
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = if self.middle < 100.0 { 2 } else { 0 };
        write!(
            f,
            "{:.digits$} ({:.digits$} to {:.digits$})",
            self.middle, self.least, self.most
        )
    }
}
