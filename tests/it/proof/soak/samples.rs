//! What a server took while it ran: as a line fitted to it, and as a picture.

use std::{
    env,
    fmt::Write,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{Http, memory, open_files};

/// What is sampled: its name, its unit, and how much more of it than at the beginning the fitted line may have at the end, in parts
/// of what there is and in units.
const FIGURES: [(&str, &str, f64, f64); 4] = [
    ("resident memory", "MB", 0.1, 2.0),
    ("held for sockets (updraft_memory_held_bytes)", "MB", 0.1, 1.0),
    ("open files", "", 0.1, 8.0),
    ("journal on the disk", "MB", 0.1, 2.0),
];

/// The share of the long life that is not measured: topics and caches fill, the allocator takes what it needs.
const WARM_UP: f64 = 0.25;

/// From here on the line means something: compaction runs once a minute, of what is two minutes old.
const LONG: Duration = Duration::from_mins(8);

struct Sample {
    life: usize,
    seconds: f64,
    figures: [f64; FIGURES.len()],
}

pub(super) struct Samples {
    begun: Instant,
    time: Duration,
    all: Vec<Sample>,
}

const MB: f64 = 1e6;

impl Samples {
    pub(super) fn new(time: Duration) -> Self {
        Self {
            begun: Instant::now(),
            time,
            all: Vec::new(),
        }
    }

    pub(super) async fn take(&mut self, life: usize, server: u32, data: &Path, url: &Arc<str>) {
        let url = url.clone();
        let metrics = tokio::task::spawn_blocking(move || Http::get(&url, "/metrics", &[]).body);
        let metrics = metrics.await.expect("it serves metrics");
        let held = metrics
            .lines()
            .find_map(|line| line.strip_prefix("updraft_memory_held_bytes "));
        let held: f64 = held.expect("the gauge").parse().expect("a number");
        let files = fs::read_dir(data).expect("the journal is there");
        // SQLite may take a file away meanwhile.
        let journal: u64 = files
            .filter_map(|file| Some(file.ok()?.metadata().ok()?.len()))
            .sum();
        self.all.push(Sample {
            life,
            seconds: self.begun.elapsed().as_secs_f64(),
            figures: [
                memory(server) as f64 / MB,
                held / MB,
                open_files(server) as f64,
                journal as f64 / MB,
            ],
        });
    }

    /// Prints and draws what was measured, and holds it to its bounds where the time was long enough.
    pub(super) fn report(&self, long: usize) {
        let of_it = || self.all.iter().filter(|sample| sample.life == long);
        let first = of_it().next().expect("samples").seconds;
        let last = of_it().next_back().expect("samples").seconds;
        let warm = first + (last - first) * WARM_UP;
        let measured: Vec<_> = of_it().filter(|sample| sample.seconds >= warm).collect();
        let mut grown = Vec::new();
        for (number, (name, unit, part, units)) in FIGURES.into_iter().enumerate() {
            let points = measured
                .iter()
                .map(|sample| (sample.seconds, sample.figures[number]));
            let (mean, slope) = fit(&points.collect::<Vec<_>>());
            let growth = slope * (last - warm);
            println!(
                "{name}: {mean:.2} {unit} on average over {:.0} s, {growth:+.2} {unit} by the fitted line ({:+.2} an hour)",
                last - warm,
                slope * 3600.0
            );
            if growth > (mean * part).max(units) {
                grown.push(name);
            }
        }
        if let Some(file) = env::var_os("UPDRAFT_SOAK_PLOT") {
            fs::write(file, self.plot(warm, last)).expect("a disk");
        }
        assert!(self.time < LONG || grown.is_empty(), "{grown:?} grew");
    }

    /// A panel for each figure, over time; what is measured stands on a ground of its own.
    fn plot(&self, from: f64, to: f64) -> String {
        const WIDTH: f64 = 720.0;
        const PANEL: f64 = 110.0;
        const TITLE: f64 = 24.0;
        let height = PANEL * FIGURES.len() as f64;
        let end = self.all.last().expect("samples").seconds;
        let x = |seconds: f64| 8.0 + seconds / end * (WIDTH - 16.0);
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
"##
        );
        for (number, (name, unit, ..)) in FIGURES.into_iter().enumerate() {
            let top = PANEL * number as f64;
            let values = || self.all.iter().map(|sample| sample.figures[number]);
            let most = values().fold(f64::MIN_POSITIVE, f64::max);
            let ground = top + PANEL - 8.0;
            let y = |value: f64| ground - value / most * (PANEL - TITLE - 16.0);
            let _ = writeln!(
                svg,
                r##"<rect x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" fill="#e3fafc"/>
<text x="8" y="{:.1}" fill="#212529">{name}: 0 to {most:.2} {unit}</text>"##,
                x(from),
                top + TITLE,
                x(to) - x(from),
                ground - top - TITLE,
                top + 18.0,
            );
            for life in self.all.chunk_by(|one, other| one.life == other.life) {
                let points = life
                    .iter()
                    .map(|sample| format!("{:.1},{:.1}", x(sample.seconds), y(sample.figures[number])));
                let points = points.collect::<Vec<_>>().join(" ");
                let _ = writeln!(
                    svg,
                    r##"<polyline points="{points}" fill="none" stroke="#0b7285" stroke-width="1.5"/>"##
                );
            }
        }
        svg + "</svg>\n"
    }
}

/// The mean of some points, and the slope of the line that fits them best.
fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    let count = points.len() as f64;
    let (x, y) = points
        .iter()
        .fold((0.0, 0.0), |(x, y), point| (x + point.0, y + point.1));
    let (x, y) = (x / count, y / count);
    let (over, under) = points.iter().fold((0.0, 0.0), |(over, under), point| {
        let away = point.0 - x;
        (over + away * (point.1 - y), under + away * away)
    });
    (y, if under > 0.0 { over / under } else { 0.0 })
}

#[test]
fn a_line_that_rises_is_seen_to_rise() {
    let points = [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0), (3.0, 7.0)];
    assert_eq!(fit(&points), (4.0, 2.0));
}
