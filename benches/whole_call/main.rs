//! A whole call over a real WebSocket: CPU time of the server per call, Updraft beside bare socketioxide with raw
//! handlers and, for packed calls, beside base64 and inflate alone. Each server is a process of its own; they
//! take turns, round by round, under the same load. `cargo bench --bench whole_call`; add a word to run only the
//! shapes that it is in, `-- --test` for a run of seconds.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod bare;
#[path = "../fixture/mod.rs"]
mod fixture;
mod load;
mod server;
mod shape;
mod updraft_server;

use std::{hint::black_box, time::Duration};

use load::Load;
use rustix::time::ClockId;
use server::{Kind, ServerProcess};
use shape::Shape;

/// Rounds of a full run; an odd number, so that there is a middle one.
const ROUNDS: usize = 21;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [serve, kind] = arguments.as_slice()
        && serve == "serve"
    {
        return server::serve(kind.parse().expect("a kind of server"));
    }
    // As other benches do: a short run under `cargo test --benches`.
    let is_full = has(&arguments, "--bench") && !has(&arguments, "--test");
    let wanted: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    println!("server CPU per call, µs: median (least to most); ratio: median of the rounds'");
    for shape in shape::all() {
        if wanted.iter().all(|word| shape.name.contains(word.as_str())) {
            measure(&shape, is_full);
        }
    }
}

fn has(arguments: &[String], flag: &str) -> bool {
    arguments.iter().any(|argument| argument == flag)
}

fn measure(shape: &Shape, is_full: bool) {
    let (rounds, calls) = match is_full {
        true => (ROUNDS, shape.calls),
        false => (1, shape.calls / 50),
    };
    let mut updraft = Side::start(Kind::Updraft, shape, calls);
    let mut bare = Side::start(Kind::Bare, shape, calls);
    let mut on_reader = Side::start(Kind::BareOnReader, shape, calls);
    let mut floor = Vec::new();
    for _ in 0..rounds {
        updraft.run(calls);
        bare.run(calls);
        on_reader.run(calls);
        floor.extend(shape.packed.as_deref().map(unpacked_alone));
    }
    println!("\n{}", shape.name);
    updraft.report("Updraft", &bare.taken);
    bare.report("bare socketioxide", &bare.taken);
    on_reader.report("bare, on the reader", &bare.taken);
    if shape.packed.is_some() {
        report("base64 and inflate alone", &floor, &bare.taken);
        updraft.report("Updraft over these", &floor);
    }
}

/// A server, its load, and what each round took per call.
struct Side {
    server: ServerProcess,
    load: Load,
    taken: Vec<Duration>,
}

impl Side {
    fn start(kind: Kind, shape: &Shape, calls: usize) -> Self {
        let server = ServerProcess::start(kind);
        let mut load = Load::connect(server.address(), shape);
        load.run(calls);
        Self {
            server,
            load,
            taken: Vec::new(),
        }
    }

    fn run(&mut self, calls: usize) {
        let before = self.server.cpu();
        let answered = self.load.run(calls);
        self.taken.push((self.server.cpu() - before) / answered as u32);
    }

    fn report(&self, name: &str, beside: &[Duration]) {
        report(name, &self.taken, beside);
    }
}

fn report(name: &str, taken: &[Duration], beside: &[Duration]) {
    let micros: Vec<f64> = taken.iter().map(|time| time.as_secs_f64() * 1e6).collect();
    let ratios = taken
        .iter()
        .zip(beside)
        .map(|(time, beside)| time.as_secs_f64() / beside.as_secs_f64());
    let [least, middle, most] = spread(micros);
    let [_, ratio, _] = spread(ratios.collect());
    println!("{name:>32} {middle:8.2} ({least:.2} to {most:.2})  x {ratio:.2}");
}

/// The least, the middle and the most.
fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_unstable_by(f64::total_cmp);
    [values[0], values[values.len() / 2], values[values.len() - 1]]
}

/// CPU time of base64 and inflate for this text.
fn unpacked_alone(packed: &str) -> Duration {
    const TIMES: u32 = 100;
    let start = server::cpu(ClockId::ThreadCPUTime);
    for _ in 0..TIMES {
        black_box(fixture::unpacked(black_box(packed)));
    }
    (server::cpu(ClockId::ThreadCPUTime) - start) / TIMES
}
