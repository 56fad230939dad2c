//! Real clients of three generations, on the root and on another namespace.

use socketioxide::SocketIo;
use tokio::task::spawn_blocking;
use updraft::{App, Config, LimitsConfig};

use super::{Served, echo, room, serve_with};
use crate::support::{every_client, node};

/// A server whose limits are wide enough for what the scripts send.
async fn start() -> Served {
    let config = Config {
        limits: LimitsConfig {
            max_waiting: 5000,
            call_burst: 100_000,
            call_rate: 100_000,
            ..LimitsConfig::default()
        },
        ..Config::default()
    };
    let app = App::new().module(echo()).module(room());
    serve_with(SocketIo::builder().max_payload(10_000_000), app, config).await
}

async fn run(script: &'static str, generation: &'static str, transport: &'static str, more: &[&'static str]) {
    let server = start().await;
    for namespace in ["", "/chat"] {
        let url = format!("{}{namespace}", server.url);
        let more = more.to_vec();
        let play = move || {
            let arguments = [&[url.as_str(), generation, transport], &more[..]].concat();
            node(script, &arguments);
        };
        spawn_blocking(play).await.unwrap();
    }
}

macro_rules! clients {
    ($($module:ident: $generation:literal over $transport:literal;)*) => {$(
        mod $module {
            use super::*;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_room_is_shared_by_its_clients() {
                run("rooms.mjs", $generation, $transport, &[$generation, $transport]).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_call_right_after_connecting_is_not_lost() {
                run("first.mjs", $generation, $transport, &["8"]).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn a_thousand_calls_at_once_are_each_answered_once() {
                run("flood.mjs", $generation, $transport, &["1000"]).await;
            }
        }
    )*};
}

every_client!(clients);

/// But for 2.x over polling, to which socketioxide writes Buffers as broken text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_form_of_a_call_is_understood() {
    for (generation, transport) in [
        ("2", "websocket"),
        ("2", "upgraded"),
        ("3", "websocket"),
        ("3", "polling"),
        ("4", "upgraded"),
        ("4", "polling"),
    ] {
        run("forms.mjs", generation, transport, &[]).await;
    }
}
