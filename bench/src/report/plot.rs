//! Bars: one panel for each scenario of a group, one bar for each server.

use std::fmt::Write;

use super::summary::Scenario;
use crate::{figures::number, peers::Peer, scenarios::idle};

const WIDTH: usize = 720;
const LABEL: usize = 180;
const BAR: usize = 18;
const GAP: usize = 6;
const TITLE: usize = 30;
/// Room for the figure behind the longest bar.
const FIGURE: usize = 90;

pub(super) fn of(group: &[Scenario]) -> String {
    let height: usize = group.iter().map(panel_height).sum();
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
"##
    );
    let mut top = 0;
    for scenario in group {
        panel(&mut svg, scenario, top);
        top += panel_height(scenario);
    }
    svg + "</svg>\n"
}

fn panel_height(scenario: &Scenario) -> usize {
    TITLE + scenario.peers.len() * (BAR + GAP) + GAP
}

fn panel(svg: &mut String, scenario: &Scenario, top: usize) {
    let is_idle = scenario.group() == idle::NAME;
    let what = match is_idle {
        true => "KB of memory each".to_owned(),
        false => format!("µs of server CPU per {}", scenario.operation),
    };
    text(svg, 8, top + 20, "start", &format!("{}: {what}", scenario.name));
    let values = scenario.peers.iter().map(|peer| match is_idle {
        true => peer.memory,
        false => peer.cpu,
    });
    // Python would make all others look alike: its bars may be cut off.
    let others = scenario.peers.iter().zip(values.clone());
    let others = others.filter(|(peer, _)| peer.who != Peer::Python || scenario.peers.len() == 1);
    let most = others
        .map(|(_, value)| value.middle)
        .fold(f64::MIN_POSITIVE, f64::max);
    let scale = (WIDTH - LABEL - FIGURE) as f64 / most;
    for (number_of, (peer, value)) in scenario.peers.iter().zip(values).enumerate() {
        let y = top + TITLE + number_of * (BAR + GAP);
        let fill = match peer.who {
            ours if ours.is_updraft() => "#0b7285",
            ground if ground.is_ground() => "#ced4da",
            _ => "#868e96",
        };
        let (width, cut) = match value.middle <= most {
            true => (value.middle * scale, ""),
            false => (most * scale, " (cut off)"),
        };
        let _ = writeln!(
            svg,
            r#"<rect x="{LABEL}" y="{y}" width="{width:.1}" height="{BAR}" fill="{fill}"/>"#
        );
        text(svg, LABEL - 8, y + 13, "end", peer.peer);
        text(
            svg,
            LABEL + width as usize + 6,
            y + 13,
            "start",
            &(number(value.middle) + cut),
        );
    }
}

fn text(svg: &mut String, x: usize, y: usize, anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        r##"<text x="{x}" y="{y}" text-anchor="{anchor}" fill="#212529">{words}</text>"##
    );
}
