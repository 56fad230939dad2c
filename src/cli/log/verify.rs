//! `log verify`: whether the journal is whole.

use clap::Args;
use serde_json::json;

use super::source::Source;
use crate::{
    cli::terminal::{Failure, Lines, Said, bar, plain, say},
    journal::{Check, Found, Severity},
};

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// Print one JSON object: ok, checks
    #[arg(long)]
    json: bool,
}

impl Verify {
    /// Fails where anything is violated.
    pub(super) fn check(&self, source: &Source) -> Result<(), Failure> {
        let journal = source.open()?;
        let checks = journal.checks();
        let bar = bar(checks.len() as u64, "Checking");
        let results: Vec<(&Check, Found)> = checks
            .iter()
            .map(|check| {
                bar.set_message(format!("Checking {}", check.name));
                let found = journal.check(check);
                bar.inc(1);
                (check, found)
            })
            .collect();
        bar.finish_and_clear();
        let violated = results.iter().filter(|(check, found)| is_violated(check, found));
        let violated = violated.count();
        match self.json {
            true => say(object(&results))?,
            false => list(&results).map(drop)?,
        }
        match violated {
            0 => Ok(()),
            1 => Err("the journal is damaged: one check failed".into()),
            many => Err(Failure(format!("the journal is damaged: {many} checks failed"))),
        }
    }
}

fn is_violated(check: &Check, found: &Found) -> bool {
    found.count > 0 && check.severity == Severity::Violation
}

fn object(results: &[(&Check, Found)]) -> serde_json::Value {
    let checks: Vec<_> = results
        .iter()
        .map(|(check, found)| {
            json!({
                "check": check.name,
                "ok": !is_violated(check, found),
                "holds": check.holds,
                "found": found.count,
                "first": found.first,
            })
        })
        .collect();
    json!({
        "ok": !results.iter().any(|(check, found)| is_violated(check, found)),
        "checks": checks,
    })
}

fn list(results: &[(&Check, Found)]) -> Said {
    let mut out = Lines::new();
    let mut lines = Vec::new();
    for (check, found) in results {
        let outcome = match (found.count, check.severity) {
            (0, _) => "ok",
            (_, Severity::Violation) => "VIOLATED",
            (_, Severity::Remark) => "remark",
        };
        lines.push(format!("{:<9}  {outcome:<8}  {}", check.name, check.holds));
        lines.extend(found.first.iter().map(|what| format!("  {}", plain(what))));
        let more = found.count - found.first.len() as u64;
        if more > 0 {
            lines.push(format!("  and {more} more"));
        }
    }
    for line in lines {
        let said = out.say(line)?;
        if said.is_break() {
            return Ok(said);
        }
    }
    out.flush()
}
