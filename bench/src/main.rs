//! Updraft measured beside what people would pick instead. Each server is a process of its own; servers that are
//! compared take turns, round by round, under the same load, on 127.0.0.1 only. CPU time is the process's own
//! account. `cargo run --release -p bench -- --help` says what can be measured.

mod client;
mod crowd;
mod figures;
mod measure;
mod peers;
mod process;
mod report;
mod scenarios;
mod syscalls;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use measure::{Size, measure};
use peers::{Peer, Served};
use report::Report;
use scenarios::{
    backlog::Backlog, calls::Calls, connect::Connect, fanout::FanOut, idle, memory, publish::Publish,
    room::Source, stall, streams::Streams,
};

/// Measures Updraft beside what people would pick instead
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to measure; everything where nothing is named
    scenarios: Vec<Scenario>,
    /// Whom to measure; all where nobody is named
    #[arg(long, value_delimiter = ',')]
    peers: Vec<Peer>,
    /// A run of seconds, that shows only that it runs
    #[arg(long, conflicts_with = "report")]
    smoke: bool,
    /// Writes docs/benchmarks.md anew
    #[arg(long)]
    report: bool,
    /// Counts the servers' system calls too, each in one more round under strace; `--report` does so
    #[arg(long)]
    syscalls: bool,
}

impl Arguments {
    /// Rounds of a scenario under strace. A run of seconds shows for one scenario that they run.
    fn traced(&self, scenario: Scenario) -> usize {
        let is_shown = self.smoke && scenario == Scenario::Publish;
        usize::from(self.syscalls || self.report || is_shown)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Scenario {
    /// Calls of 128 B and 16 KB, from call to ack
    Ack,
    /// The call of 128 B as an event of its own name, beside the same call by `event`
    Named,
    /// A storm of clients that connect, each through a hook
    Connect,
    /// A call as a Buffer
    Buffer,
    /// base64 of gzip, as a call and as its data
    Gzip,
    /// What one emits to a room of 100 and of 1,000, single and in bursts
    Fanout,
    /// 10,000 connections that say nothing
    Idle,
    /// Durable publishes of 1 and of 512 callers, from call to ack
    Publish,
    /// 100,000 keys to a new subscriber
    Backlog,
    /// Durable publishes to 1,000 subscribers, single and in bursts
    TopicFanout,
    /// Frames of 64 KB, down and up
    Streams,
    /// Half of the readers stop reading
    Stall,
    /// What the server holds with a million events and 1,000 subscribers
    Memory,
}

#[derive(Subcommand)]
enum Command {
    /// Is one of the servers
    #[command(subcommand, hide = true)]
    Serve(Served),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Serve(served)) => {
            let (address, _runtime) = served.start();
            process::tell(address);
        }
        None => {
            // What a server did wrong is told in a line, and the next one has its turn.
            std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
            return run(&arguments);
        }
    }
    ExitCode::SUCCESS
}

/// Fails where Updraft did not finish a scenario.
fn run(arguments: &Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut report = Report::begin();
    let peers = present(&arguments.peers, &mut report);
    let all = Scenario::value_variants();
    let wanted = if arguments.scenarios.is_empty() {
        all
    } else {
        &arguments.scenarios
    };
    let is_traced = wanted.iter().any(|scenario| arguments.traced(*scenario) > 0);
    let untraceable = is_traced.then(syscalls::missing).flatten();
    if let Some(why) = &untraceable {
        leave_out(format!("system calls: {why}"), &mut report);
    }
    let mut run = Run {
        size: if arguments.smoke { Size::SMOKE } else { Size::FULL },
        open_files: process::open_files(),
        peers,
        report,
    };
    for scenario in wanted {
        run.size.traced = match untraceable {
            None => arguments.traced(*scenario),
            Some(_) => 0,
        };
        runtime.block_on(run.scenario(*scenario));
    }
    match arguments.smoke {
        true => println!("It runs. These figures are of too short a run to mean anything."),
        false => println!("{}", run.report.aims()),
    }
    println!("Every round: {}", run.report.write_rounds().display());
    if arguments.report {
        run.report.write_document();
    }
    for unfinished in &run.report.unfinished {
        eprintln!("{unfinished}");
    }
    match run.report.unfinished.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Those of the wanted servers that can be run here; the others are told of.
fn present(wanted: &[Peer], report: &mut Report) -> Vec<Peer> {
    let is_wanted = |peer: &Peer| wanted.is_empty() || wanted.contains(peer);
    let mut present = Vec::new();
    for peer in Peer::ALL.into_iter().filter(is_wanted) {
        match peer.missing() {
            None => present.push(peer),
            Some(why) => leave_out(format!("{}: {why}", peer.name()), report),
        }
    }
    present
}

fn leave_out(sentence: String, report: &mut Report) {
    println!("Left out: {sentence}");
    report.missing.push(sentence);
}

/// What is to be measured, and what was.
struct Run {
    size: Size,
    open_files: u64,
    peers: Vec<Peer>,
    report: Report,
}

impl Run {
    async fn scenario(&mut self, scenario: Scenario) {
        let size = self.size;
        match scenario {
            Scenario::Ack => self.each(Calls::ack(size.many)).await,
            Scenario::Named => self.each(Calls::named()).await,
            Scenario::Connect => self.each(vec![Connect]).await,
            Scenario::Buffer => self.each(Calls::buffer()).await,
            Scenario::Gzip => self.each(Calls::gzip()).await,
            Scenario::Fanout => self.each(FanOut::rooms(size.many)).await,
            Scenario::Idle => {
                let measured = idle::measure(&self.peers, size, self.open_files).await;
                self.report.add(measured);
            }
            Scenario::Publish => {
                self.each(vec![Publish { callers: 1 }, Publish { callers: 512 }])
                    .await
            }
            Scenario::Backlog => self.each(vec![Backlog { keys: size.backlog }]).await,
            Scenario::TopicFanout => self.each(FanOut::topics(size.many)).await,
            Scenario::Streams => self.each(Streams::all()).await,
            Scenario::Stall => {
                for source in [Source::Room, Source::Topic] {
                    let measured = stall::measure(source, &self.peers, size).await;
                    self.report.add(measured);
                }
            }
            Scenario::Memory => {
                let sentence = memory::measure(size).await;
                println!("{sentence}");
                self.report.sentences.push(sentence);
            }
        }
    }

    async fn each<S: measure::Scenario>(&mut self, scenarios: Vec<S>) {
        for scenario in scenarios {
            let measured = measure(&scenario, &self.peers, self.size).await;
            self.report.add(measured);
        }
    }
}
