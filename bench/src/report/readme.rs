//! The three lines that the README quotes.

use super::summary::{Scenario, Summary};
use crate::{figures::number, peers::Peer, scenarios::idle};

/// What they say, where all of it was measured.
pub(super) fn lines(scenarios: &[Scenario]) -> Option<String> {
    let find = |front: &str, end: &str| {
        scenarios
            .iter()
            .find(|scenario| scenario.name.starts_with(front) && scenario.name.ends_with(end))
    };
    let rivals = [Peer::Bare, Peer::Bun, Peer::Node];
    let cpu = |peer: &Summary| peer.cpu.middle;
    let call = compared(find("ack 128 B", "32 x 8")?, &rivals, cpu)?;
    let held = compared(find(idle::NAME, "")?, &rivals, |peer| peer.memory.middle)?;
    let rate = |peer: &Summary| peer.per_second.middle;
    let publish = compared(
        find("publish, 512", "")?,
        &[Peer::NodeSqlite, Peer::NodeRedis],
        rate,
    )?;
    Some(format!(
        "- a call of 128 B and its answer, µs of server CPU: {call}\n\
         - durable events a second from 512 callers: {publish}\n\
         - KB of memory for an idle connection: {held}\n"
    ))
}

/// Updraft's figure, then the others'.
fn compared(scenario: &Scenario, rivals: &[Peer], figure: fn(&Summary) -> f64) -> Option<String> {
    let of = |peer: &Peer| {
        Some(format!(
            "{} {}",
            peer.name(),
            number(figure(scenario.find(*peer)?))
        ))
    };
    let rivals: Vec<String> = rivals.iter().filter_map(of).collect();
    let ours = number(figure(scenario.find(Peer::Updraft)?));
    Some(format!("**{ours}** ({})", rivals.join(", ")))
}
