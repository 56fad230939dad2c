//! A scenario as a table in Markdown.

use super::summary::{Scenario, Summary};
use crate::{
    figures::{Spread, number},
    scenarios::idle,
};

pub(super) fn of(scenario: &Scenario) -> String {
    let memory = match scenario.group() == idle::NAME {
        true => "KB of memory each",
        false => "memory, MB",
    };
    let mut text = format!(
        "**{}**\n\n\
         | | µs of CPU per {} | x Node | x fastest other | x {} | syscalls | per second | p50, ms | p99 | p99.9 | {memory} | load's cores |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
        scenario.name,
        scenario.operation,
        scenario.ground().map_or("floor", |ground| ground.peer)
    );
    for peer in &scenario.peers {
        text += &row(scenario, peer);
    }
    for failed in &scenario.failed {
        text += &format!("\n{failed}\n");
    }
    text
}

fn row(scenario: &Scenario, peer: &Summary) -> String {
    let ratio = |to: Option<&Summary>| match to {
        Some(to) => format!("{:.2}", peer.cpu.middle / to.cpu.middle),
        None => String::new(),
    };
    let milliseconds = |micros: Spread| number(micros.middle / 1000.0);
    format!(
        "| {} | **{}** ({} to {}) | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2} |\n",
        peer.peer,
        number(peer.cpu.middle),
        number(peer.cpu.least),
        number(peer.cpu.most),
        ratio(scenario.node()),
        ratio(scenario.fastest_other()),
        ratio(scenario.ground()),
        peer.syscalls.map_or_else(String::new, number),
        number(peer.per_second.middle),
        milliseconds(peer.p50),
        milliseconds(peer.p99),
        milliseconds(peer.p999),
        number(peer.memory.middle),
        peer.load.middle,
    )
}
