//! What an app relies on, held against kills, crowds, floods and broken disks: over real sockets.

mod cards;
mod crowd;
mod damage;
mod disk;
mod flood;
mod gone;
mod heard;
mod history;
mod kills;
#[cfg(all(unix, feature = "postgres"))]
mod nodes;
mod soak;

use std::{env, future::Future, path::PathBuf, time::Duration};

use updraft::{App, Config, JournalConfig, SessionConfig};

/// Where a server that a story starts keeps its journal.
const DATA: &str = "UPDRAFT_DATA";

/// The port that it takes.
const PORT: &str = "UPDRAFT_PORT";

/// Set by who starts this program again as a server.
const SERVES: &str = "UPDRAFT_TEST_SERVES";

fn wait_for<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(story)
}

/// How a server runs that never takes a reader for stuck, however slow the machine is.
fn patient() -> Config {
    let long = Duration::from_secs(60 * 60);
    Config {
        session: SessionConfig {
            send_timeout: long,
            tcp_timeout: long,
            ping_timeout: long,
            ..SessionConfig::default()
        },
        ..Config::default()
    }
}

/// Whether this process is to be the server of a story.
fn is_server() -> bool {
    env::var_os(SERVES).is_some()
}

/// Serves an app where the variables say, until it is killed.
fn serve(app: App, config: Config) -> ! {
    let config = Config {
        port: env::var(PORT).unwrap().parse().expect("a port"),
        journal: JournalConfig {
            data: PathBuf::from(env::var_os(DATA).expect("a directory")),
            ..config.journal
        },
        ..config
    };
    wait_for(async {
        let server = app.config(config).start().await.expect("the app starts");
        println!("\nIt listens on http://{}", server.address());
        std::future::pending().await
    })
}
