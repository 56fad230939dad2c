//! Updraft measured beside what people would pick instead. Each server is a process of its own; servers that are
//! compared take turns, round by round, under the same load, on 127.0.0.1 only. CPU time is the process's own
//! account. `cargo run --release -p bench -- --help` says what can be measured.

mod client;
mod figures;
mod peers;
mod process;
mod topics;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use topics::Size;

/// Measures Updraft beside what people would pick instead
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// What to measure; everything where nothing is named
    scenarios: Vec<Scenario>,
    /// A run of seconds, that shows only that it runs
    #[arg(long)]
    smoke: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Scenario {
    /// Durable publishes of 1 and of 512 callers, from call to ack
    Publish,
    /// 100,000 keys to a new subscriber
    Backlog,
    /// Durable publishes to 1,000 subscribers, single and in bursts
    TopicFanout,
    /// What the server holds with a million events and 1,000 subscribers
    Memory,
}

#[derive(Subcommand)]
enum Command {
    /// Is one of the servers
    #[command(subcommand, hide = true)]
    Serve(Peer),
}

#[derive(Subcommand)]
enum Peer {
    Updraft {
        data: PathBuf,
        events: usize,
        keys: usize,
    },
    Bare,
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.command {
        Some(Command::Serve(peer)) => serve(&peer),
        None => measure(&arguments),
    }
}

fn serve(peer: &Peer) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let address = match peer {
        Peer::Updraft { data, events, keys } => runtime.block_on(peers::updraft::start(data, *events, *keys)),
        Peer::Bare => runtime.block_on(peers::bare::start()),
    };
    process::tell(address);
}

fn measure(arguments: &Arguments) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let size = if arguments.smoke { Size::SMOKE } else { Size::FULL };
    let all = Scenario::value_variants();
    let wanted = if arguments.scenarios.is_empty() {
        all
    } else {
        &arguments.scenarios
    };
    for scenario in wanted {
        runtime.block_on(run(*scenario, size));
        println!();
    }
}

async fn run(scenario: Scenario, size: Size) {
    match scenario {
        Scenario::Publish => {
            topics::durable(1, size).await;
            topics::durable(512, size).await;
        }
        Scenario::Backlog => topics::backlog(size).await,
        Scenario::TopicFanout => {
            topics::fan_out(1, size).await;
            topics::fan_out(32, size).await;
        }
        Scenario::Memory => topics::memory(size).await,
    }
}
