//! One budget for what is held for all clients together: a client that holds much meets with it, others do not, and all of
//! it is given back.

use futures_util::future::join_all;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::Semaphore, task::JoinSet};
use updraft::{App, Config, HttpConfig, Json, LimitsConfig, Module, SessionConfig, State};

use super::{
    packed, server,
    session::{Polling, begin},
    silent_callers,
};
use crate::support::{HEARTBEAT, Http, Local, Program, RawClient, settled, until};

const MB: usize = 1 << 20;

pub(super) async fn with_budget(bytes: usize) -> Local {
    let config = Config {
        limits: LimitsConfig {
            max_memory: Some(bytes),
            ..LimitsConfig::default()
        },
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        // Clients that read nothing stay as long as the story wants them.
        session: SessionConfig {
            ping_interval: HEARTBEAT,
            send_timeout: HEARTBEAT,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    server(config).await
}

pub(super) fn figure(server: &Local, series: &str) -> usize {
    let text = Http::get(&server.url, "/metrics", &[]).body;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{series} ")));
    line.expect("a figure").parse().expect("a number")
}

pub(super) fn held(server: &Local) -> usize {
    figure(server, "updraft_memory_held_bytes")
}

pub(super) fn refused(server: &Local) -> usize {
    figure(server, r#"updraft_refused_total{limit="memory"}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_read_nothing_hold_no_more_than_the_budget_and_others_are_served() {
    let server = with_budget(24 * MB).await;
    assert_eq!(figure(&server, "updraft_memory_budget_bytes"), 24 * MB);
    let call = packed("echo.json", 3 * MB);
    let mut well = server.client().await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        let mut client = RawClient::connect_narrow(&server.url, &json!({})).await;
        for _ in 0..8 {
            client.begin(&call).await;
        }
        silent.push(client);
        assert!(held(&server) <= 24 * MB);
        // An eighth of what there is in the last quarter for nine.
        let text = "y".repeat(80_000);
        let answer = well.call(&json!({"event": "echo.json", "data": text})).await;
        assert_eq!(answer["data"], text);
    }
    until("much to be held", || held(&server) >= 12 * MB).await;
    until("some to be refused", || refused(&server) > 0).await;
    let most = settled(|| held(&server)).await;
    assert!(most <= 24 * MB, "{most} bytes");
    let answer = well.call(&call).await;
    assert_eq!(answer["error"]["code"], "overloaded");
    assert_eq!(answer["error"]["retry"], true);
    assert!(answer["error"]["details"]["after_ms"].as_u64() > Some(0));
    // Who begins to read is served with all that was taken in.
    let client = &mut silent[0];
    let mut answers = 0;
    for ack in 1..=8 {
        let answer = client.answer(ack).await;
        answers += usize::from(answer["data"].as_str().is_some_and(|data| data.len() == 3 * MB));
    }
    assert!(answers > 0, "it is not lost");
    drop(silent);
    until("all to be given back", || held(&server) == 0).await;
    let answer = well.call(&call).await;
    assert_eq!(answer["data"].as_str().map(str::len), Some(3 * MB));
    until("all to be given back", || held(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_sees_no_more_than_the_budget_and_what_is_being_worked_on() {
    let server = Program::start(&["--max-memory", &(64 * MB).to_string()]);
    let call = packed("api.services.test.testFunc", 15_000_000);
    let mut warm = RawClient::connect(&server.url).await;
    assert!(warm.is_well().await);
    let before = server.memory();
    let _silent = silent_callers(&server, 16, &call).await;
    until("answers to be held", || server.memory() > before).await;
    settled(|| server.memory()).await;
    let grown = server.peak_memory().saturating_sub(before);
    assert!(grown < 200 * MB, "{grown} bytes");
    assert!(warm.is_well().await, "others are served");
}

/// glibc takes what is large from its heaps once something large was freed, and would keep the half of this burst there.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_burst_held_is_given_back_to_the_system() {
    let server = Program::start(&["--send-timeout", "1h"]);
    let call = packed("api.services.test.testFunc", 15_000_000);
    let mut warm = RawClient::connect(&server.url).await;
    assert!(warm.is_well().await);
    let before = server.memory();
    let mut silent = Vec::new();
    for _ in 0..4 {
        let mut client = RawClient::connect_narrow(&server.url, &json!({})).await;
        for _ in 0..32 {
            client.begin(&call).await;
        }
        silent.push(client);
    }
    let grown = || server.memory().saturating_sub(before);
    until("much to be held", || grown() > 32 * MB).await;
    settled(grown).await;
    let most = server.peak_memory().saturating_sub(before);
    drop(silent);
    until("what it held to be given back", || grown() < most / 5).await;
    assert!(warm.is_well().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_end_are_within_the_budget() {
    let server = with_budget(8 * MB).await;
    let mut well = server.client().await;
    let address = server.url.strip_prefix("http://").unwrap();
    let key = "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let target = "/socket.io/?EIO=4&transport=websocket";
    let head =
        format!("GET {target} HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n{key}\r\n");
    let mut halves = JoinSet::new();
    for _ in 0..8 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // The head of a masked text of 1.5 MB, and no more than a half of it.
        stream
            .write_all(&[0x81, 0xff, 0, 0, 0, 0, 0, 0x18, 0, 0, 0, 0, 0, 0])
            .await
            .unwrap();
        halves.spawn(async move {
            // What is not read any more does not leave.
            let _ = stream.write_all(&[b'4'; 3 * MB / 4]).await;
            stream
        });
    }
    until("much to be held", || held(&server) >= 4 * MB).await;
    let most = settled(|| held(&server)).await;
    assert!(most <= 8 * MB, "{most} bytes");
    assert!(well.is_well().await);
    drop(halves);
    until("all to be given back", || held(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn buffers_that_find_no_memory_are_told_so() {
    let server = with_budget(8 * MB).await;
    let frame = vec![7; 900_000];
    let call = r#"452-7["event",{"event":"echo.json","data":[{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]}]"#;
    let mut clients = Vec::new();
    for number in 1..=12 {
        let mut client = server.client().await;
        client.send(call).await;
        client.send_bytes(&frame).await;
        // One after the other: of frames that come at once, each may wait for the memory that the others have.
        let is_taken = || refused(&server) > 0 || held(&server) >= number * frame.len();
        until("the Buffer to be taken, or refused", is_taken).await;
        clients.push(client);
    }
    assert!(refused(&server) > 0);
    let most = settled(|| held(&server)).await;
    assert!((900_000..=8 * MB).contains(&most), "{most} bytes");
    let mut told = 0;
    for client in &mut clients {
        client.send_bytes(b"the rest").await;
        let answer = client.text().await;
        assert!(answer.starts_with("437["), "{answer}");
        told += usize::from(answer.contains("overloaded"));
        assert!(client.is_well().await);
    }
    assert!((1..12).contains(&told) && told == refused(&server), "{told}");
    drop(clients);
    until("all to be given back", || held(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_to_polls_count_until_they_have_left() {
    let server = with_budget(64 * MB).await;
    let call = packed("echo.json", 12 * MB);
    let polling = Polling::connect(&server.url).await;
    polling.post(&format!("421[\"event\",{call}]")).await;
    until("the answer to wait", || held(&server) >= 12 * MB).await;
    let target = format!("{}&sid={}", polling.target, polling.id);
    let unread = begin(&server.url, "GET", &target, "", b"").await;
    let waits = settled(|| held(&server)).await;
    assert!(
        waits >= 12 * MB,
        "{waits} bytes of a poll that its client does not read"
    );
    drop(unread);
    until("all to be given back", || held(&server) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_functions_keep_of_a_call_counts_until_its_answer() {
    let server = with_budget(8 * MB).await;
    let mut client = server.client().await;
    for _ in 0..8 {
        let answer = client
            .call_raw(
                r#"["echo.size",{"_placeholder":true,"num":0}]"#,
                &[&vec![7; 500_000]],
            )
            .await;
        assert_eq!(answer["data"], 500_000);
    }
    until("all to be given back", || held(&server) == 0).await;
}

/// Each client's call holds memory until it is answered, and the answers are larger: all calls together hold all that there is.
#[tokio::test(flavor = "multi_thread")]
async fn answers_whose_calls_hold_all_there_is_do_not_wait_for_each_other() {
    const CLIENTS: usize = 5;
    async fn hold(_: Json<String>, gate: State<Semaphore>) -> Json<String> {
        let pass = gate.acquire().await;
        drop(pass);
        Json("z".repeat(4 * MB))
    }
    let config = Config {
        limits: LimitsConfig {
            max_memory: Some(16 * MB),
            ..LimitsConfig::default()
        },
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..Config::default()
    };
    let module = Module::new("gate")
        .on("hold", hold)
        .on("open", async |gate: State<Semaphore>| gate.add_permits(1));
    let server = Local::start(App::new().state(Semaphore::new(0)).module(module), config).await;
    let call = packed("gate.hold", 2 * MB);
    let mut clients = Vec::new();
    for number in 1..=CLIENTS {
        let mut client = server.client().await;
        let ack = client.begin(&call).await;
        until("a call to hold its memory", || held(&server) >= number * 2 * MB).await;
        clients.push((client, ack));
    }
    // Two calls of one client are answered in turn.
    let (client, _) = &mut clients[0];
    let small = client
        .begin(&json!({"event": "gate.hold", "data": "x".repeat(300)}))
        .await;
    let mut other = server.client().await;
    other.call(&json!({"event": "gate.open"})).await;
    let answers = clients.iter_mut().map(async |(client, ack)| {
        let answer = client.answer(*ack).await;
        assert_eq!(answer["data"].as_str().map(str::len), Some(4 * MB));
    });
    join_all(answers).await;
    let answer = clients[0].0.answer(small).await;
    assert_eq!(answer["data"].as_str().map(str::len), Some(4 * MB));
    until("all to be given back", || held(&server) == 0).await;
}
