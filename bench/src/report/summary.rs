//! The rounds of a scenario in a few figures for each server.

use serde::Serialize;

use crate::{figures::Spread, measure::Round, peers::Peer};

#[derive(Serialize)]
pub(super) struct Scenario {
    pub(super) name: String,
    /// What is counted.
    pub(super) operation: &'static str,
    pub(super) peers: Vec<Summary>,
    /// Who did not finish, in sentences.
    pub(super) failed: Vec<String>,
}

/// Each with the unit that it has in a [`Round`].
#[derive(Serialize)]
pub(super) struct Summary {
    #[serde(skip)]
    pub(super) who: Peer,
    pub(super) peer: &'static str,
    pub(super) rounds: usize,
    pub(super) cpu: Spread,
    pub(super) syscalls: Option<f64>,
    pub(super) per_second: Spread,
    pub(super) p50: Spread,
    pub(super) p99: Spread,
    pub(super) p999: Spread,
    pub(super) memory: Spread,
    pub(super) load: Spread,
}

impl Scenario {
    /// The first word of its name.
    pub(super) fn group(&self) -> &str {
        let end = self.name.find([' ', ',']).unwrap_or(self.name.len());
        &self.name[..end]
    }

    pub(super) fn find(&self, peer: Peer) -> Option<&Summary> {
        self.peers.iter().find(|summary| summary.who == peer)
    }

    /// The fastest of those that people would pick instead of Updraft.
    pub(super) fn fastest_other(&self) -> Option<&Summary> {
        let others = self
            .peers
            .iter()
            .filter(|summary| !summary.who.is_updraft() && !summary.who.is_ground());
        others.min_by(|one, other| one.cpu.middle.total_cmp(&other.cpu.middle))
    }

    /// Socket.IO as most know it.
    pub(super) fn node(&self) -> Option<&Summary> {
        self.find(Peer::Node).or_else(|| self.find(Peer::NodeSqlite))
    }

    pub(super) fn ground(&self) -> Option<&Summary> {
        self.peers.iter().find(|summary| summary.who.is_ground())
    }
}

/// One for each scenario that is in the rounds, in their order.
pub(super) fn summaries(rounds: &[Round]) -> Vec<Scenario> {
    let mut names: Vec<&str> = Vec::new();
    for round in rounds {
        if !names.contains(&&*round.scenario) {
            names.push(&round.scenario);
        }
    }
    let of_name = |name: &str| -> Scenario {
        let rounds: Vec<&Round> = rounds.iter().filter(|round| round.scenario == name).collect();
        Scenario {
            name: name.to_owned(),
            operation: rounds[0].operation,
            peers: Peer::ALL
                .iter()
                .filter_map(|peer| summary(*peer, &rounds))
                .collect(),
            failed: Vec::new(),
        }
    };
    names.into_iter().map(of_name).collect()
}

fn summary(peer: Peer, rounds: &[&Round]) -> Option<Summary> {
    let rounds: Vec<&&Round> = rounds.iter().filter(|round| round.peer == peer.name()).collect();
    if rounds.is_empty() {
        return None;
    }
    let spread = |figure: fn(&Round) -> f64| Spread::of(rounds.iter().map(|round| figure(round)));
    Some(Summary {
        who: peer,
        peer: peer.name(),
        rounds: rounds.len(),
        cpu: spread(|round| round.cpu),
        syscalls: rounds[0].syscalls,
        per_second: spread(|round| round.per_second),
        p50: spread(|round| round.p50),
        p99: spread(|round| round.p99),
        p999: spread(|round| round.p999),
        memory: spread(|round| round.memory),
        load: spread(|round| round.load),
    })
}
