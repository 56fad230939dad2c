//! What always holds in a journal, whatever store it is in (`docs/journal.md`), and what is found where it does not.

use serde_json::value::RawValue;

use crate::event::check_published;

/// Violations of one kind that are spelt out; the others are counted.
const SPELT_OUT: usize = 100;

/// Something that always holds.
pub(crate) struct Check {
    /// One word for it.
    pub(crate) name: &'static str,
    /// What holds, in words.
    pub(crate) holds: &'static str,
    pub(crate) severity: Severity,
    pub(super) look: Look,
}

/// What it means where a check finds something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The journal is damaged.
    Violation,
    /// It is worth knowing, and harmless.
    Remark,
}

/// How a check looks, in the store's own language.
pub(super) enum Look {
    /// A query that has one text for each thing it finds.
    Query(&'static str),
    /// A query of things, each as it is called, with a text of it, and what that text has to be.
    Texts(&'static str, Wanted),
}

/// What is wrong with a text, if anything is.
pub(super) type Wanted = fn(&str) -> Option<String>;

/// What a check found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// How many.
    pub(crate) count: u64,
    /// The first of them, in words.
    pub(crate) first: Vec<String>,
}

impl Found {
    pub(super) fn add(&mut self, what: impl Into<String>) {
        self.count += 1;
        if self.first.len() < SPELT_OUT {
            self.first.push(what.into());
        }
    }
}

/// The first violation that any of these checks finds.
pub(super) fn violation(checks: &[Check], mut look: impl FnMut(&Check) -> Found) -> Option<String> {
    let mut violations = checks
        .iter()
        .filter(|check| check.severity == Severity::Violation);
    violations.find_map(|check| look(check).first.into_iter().next())
}

/// Wanted of data and answers.
pub(super) fn json(text: &str) -> Option<String> {
    let error = serde_json::from_str::<&RawValue>(text).err()?;
    Some(format!("is no JSON: {error}"))
}

/// Wanted of names of events.
pub(super) fn name(text: &str) -> Option<String> {
    let why = check_published(text).err()?;
    Some(format!("{text:?} {why}"))
}
