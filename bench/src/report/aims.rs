//! What Updraft aims at, and where it stands, in ratios of one run.

use super::summary::{Scenario, Summary};
use crate::{figures::number, peers::Peer};

/// What is compared.
enum Figure {
    /// Server CPU for each operation, at most so many times that of another.
    Cpu(Peer, f64),
    /// The same in µs.
    Micros(f64),
    /// Memory, at most so many times that of another.
    Memory(Peer, f64),
    /// The same in KB.
    Kilobytes(f64),
    /// Operations in a second, at least so many times those of another.
    Rate(Peer, f64),
    /// How long 99 of 100 take, at most so many times what they take in another scenario.
    Tail(&'static str, f64),
}

/// By the front of a scenario's name, and by its end.
const AIMS: [(&str, &str, Figure); 32] = [
    ("ack 128 B", "32 x 8", Figure::Cpu(Peer::Bare, 0.6)),
    ("ack 128 B", "32 x 8", Figure::Cpu(Peer::Bun, 0.4)),
    ("ack 128 B", "32 x 8", Figure::Cpu(Peer::Node, 0.15)),
    ("ack 128 B", "0 x 1", Figure::Cpu(Peer::Bare, 0.75)),
    ("ack 128 B", ", 1 x 1", Figure::Cpu(Peer::Bare, 0.8)),
    ("ack 16 KB", "", Figure::Cpu(Peer::Bare, 0.5)),
    ("named 128 B", "", Figure::Cpu(Peer::UpdraftByEvent, 1.0)),
    ("named 128 B", "", Figure::Cpu(Peer::Bare, 0.6)),
    ("connect", "", Figure::Cpu(Peer::Bare, 1.0)),
    ("buffer 16 KB", "", Figure::Cpu(Peer::Bare, 0.75)),
    ("gzip, data 16 KB", "", Figure::Cpu(Peer::Floor, 1.15)),
    ("gzip, data 256 KB", "", Figure::Cpu(Peer::Floor, 1.15)),
    ("gzip, call 16 KB", "", Figure::Cpu(Peer::Floor, 1.5)),
    ("gzip, call 256 KB", "", Figure::Cpu(Peer::Floor, 1.5)),
    ("fanout to 1000", ", 1 at once", Figure::Cpu(Peer::Bare, 1.15)),
    ("fanout to 100,", ", 1 at once", Figure::Cpu(Peer::Bare, 1.15)),
    ("fanout to 1000", "32 at once", Figure::Micros(1.2)),
    ("fanout to 100,", "32 at once", Figure::Micros(1.2)),
    ("topic-fanout", ", 1 at once", Figure::Cpu(Peer::Bare, 1.15)),
    ("topic-fanout", "32 at once", Figure::Micros(1.2)),
    ("idle", "", Figure::Kilobytes(5.0)),
    ("idle", "", Figure::Memory(Peer::Bun, 1.0)),
    ("publish, 512", "", Figure::Rate(Peer::Store, 0.8)),
    ("publish, 512", "", Figure::Rate(Peer::NodeSqlite, 5.0)),
    ("publish, 1 ", "", Figure::Rate(Peer::NodeSqlite, 1.0)),
    ("backlog", "", Figure::Rate(Peer::NodeSqlite, 1.0)),
    ("streams down", "64 KB", Figure::Cpu(Peer::Floor, 1.2)),
    ("streams down", "64 KB", Figure::Cpu(Peer::Bare, 1.0)),
    ("streams up", "64 KB", Figure::Cpu(Peer::Floor, 1.2)),
    ("streams up", "64 KB", Figure::Cpu(Peer::Bare, 1.0)),
    ("stall, half", "", Figure::Tail("stall, all", 1.5)),
    (
        "stall of a topic, half",
        "",
        Figure::Tail("stall of a topic, all", 1.5),
    ),
];

pub(super) fn table(scenarios: &[Scenario]) -> String {
    let mut text = "| scenario | aim | here | |\n|---|---|---|---|\n".to_owned();
    for (front, end, figure) in &AIMS {
        let scenario = scenarios
            .iter()
            .find(|scenario| scenario.name.starts_with(front) && scenario.name.ends_with(end));
        let Some((scenario, ours)) = scenario.and_then(|found| Some((found, found.find(Peer::Updraft)?)))
        else {
            continue;
        };
        let Some((aim, here, is_met)) = figure.compare(ours, scenario, scenarios) else {
            continue;
        };
        let met = if is_met { "met" } else { "**missed**" };
        text += &format!("| {} | {aim} | {} | {met} |\n", scenario.name, number(here));
    }
    text
}

impl Figure {
    /// The aim in words, what is here, and whether that is as good.
    fn compare(&self, ours: &Summary, here: &Scenario, all: &[Scenario]) -> Option<(String, f64, bool)> {
        Some(match *self {
            Self::Cpu(peer, most) => {
                let ratio = ours.cpu.middle / here.find(peer)?.cpu.middle;
                (
                    format!("CPU at most {most} of {}", peer.name()),
                    ratio,
                    ratio <= most,
                )
            }
            Self::Micros(most) => {
                let micros = ours.cpu.middle;
                (
                    format!("at most {most} µs of CPU per {}", here.operation),
                    micros,
                    micros <= most,
                )
            }
            Self::Memory(peer, most) => {
                let ratio = ours.memory.middle / here.find(peer)?.memory.middle;
                (
                    format!("memory at most {most} of {}", peer.name()),
                    ratio,
                    ratio <= most,
                )
            }
            Self::Kilobytes(most) => {
                let kilobytes = ours.memory.middle;
                (format!("at most {most} KB each"), kilobytes, kilobytes <= most)
            }
            Self::Rate(peer, least) => {
                let ratio = ours.per_second.middle / here.find(peer)?.per_second.middle;
                (
                    format!("rate at least {least} of {}", peer.name()),
                    ratio,
                    ratio >= least,
                )
            }
            Self::Tail(name, most) => {
                let other = all.iter().find(|scenario| scenario.name.starts_with(name))?;
                let ratio = ours.p99.middle / other.find(Peer::Updraft)?.p99.middle;
                (
                    format!("p99 at most {most} of '{}'", other.name),
                    ratio,
                    ratio <= most,
                )
            }
        })
    }
}
