//! Users of a Redis that may do what docs/mixed-cluster.md says, and no more.

use std::{
    fs,
    io::{BufRead, BufReader},
    sync::mpsc,
};

use tokio::task::block_in_place;
use updraft::{App, BusConfig, CallError, Code, Config, Emitter, Json, Module, State, testing::TestClient};

use super::{app::app, wait_for};
use crate::support::{Local, PATIENCE, Program, RedisServer, updraft};

/// The lines of that page that make a user each, without what stands before and behind them.
fn users() -> Vec<String> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/mixed-cluster.md");
    let page = fs::read_to_string(page).expect("a page");
    let lines = page.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with("ACL SETUSER"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_server_and_a_worker_need_the_rights_that_the_page_gives_them() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        for user in users() {
            let words: Vec<&str> = user.split_whitespace().collect();
            assert_eq!(block_in_place(|| redis.cli(&words)), "OK");
        }
        // Those that are not named may do nothing.
        block_in_place(|| redis.cli(&["ACL", "SETUSER", "default", "resetpass"]));
        let url = |user: &str| format!("redis://{user}:secret@127.0.0.1:{}", redis.port());
        for member in [false, true] {
            let bus = BusConfig {
                redis: Some(url("updraft").as_str().into()),
                member,
                ..BusConfig::default()
            };
            let config = Config {
                bus,
                ..Config::default()
            };
            let server = Local::start(app(), config).await;
            let mut client = server.connect().await;
            emitted_by_a_worker(&mut client, &url("worker")).await;
            server.server.stop().await;
        }
    });
}

async fn emitted_by_a_worker(client: &mut TestClient, bus: &str) {
    let emit = ["emit", "--timeout", "2m", "--bus", bus, "--all", "said", "7"];
    let done = block_in_place(|| updraft(&emit, ""));
    assert_eq!(done, (true, String::new(), String::new()));
    assert_eq!(client.event("said").await.data::<u32>(), 7);
}

#[test]
fn a_node_that_loses_its_rights_says_what_redis_refuses() {
    let redis = RedisServer::start();
    let user = users().into_iter().find(|user| user.contains("updraft"));
    let user = user.expect("the page has it");
    redis.cli(&user.split_whitespace().collect::<Vec<_>>());
    let url = format!("redis://updraft:secret@127.0.0.1:{}", redis.port());
    let mut server = Program::start(&["--bus", &url]);
    let (line, lines) = mpsc::channel();
    let log = BufReader::new(server.stderr()).lines().map_while(Result::ok);
    std::thread::spawn(move || log.for_each(|text| _ = line.send(text)));
    let hears = |words| {
        while !lines
            .recv_timeout(PATIENCE)
            .expect("it is logged")
            .contains(words)
        {}
    };

    // Redis closes the connections of subscribers that may not be any more.
    redis.cli(&["ACL", "SETUSER", "updraft", "resetchannels"]);
    hears("rooms are not shared with other nodes, as Redis refuses");
    redis.cli(&user.split_whitespace().collect::<Vec<_>>());
    hears("rooms are shared with other nodes");
}

#[test]
fn clients_are_not_told_what_redis_says_where_it_refuses() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let user = users().into_iter().find(|user| user.contains("updraft"));
        let user = user.expect("the page has it");
        block_in_place(|| redis.cli(&user.split_whitespace().collect::<Vec<_>>()));
        block_in_place(|| redis.cli(&["ACL", "SETUSER", "updraft", "-pubsub"]));
        let url = format!("redis://updraft:secret@127.0.0.1:{}", redis.port());
        let bus = BusConfig {
            redis: Some(url.as_str().into()),
            ..BusConfig::default()
        };
        let config = Config {
            bus,
            ..Config::default()
        };
        let list = async |io: State<Emitter>| Ok::<_, CallError>(Json(io.of("/").sockets().await?.len()));
        let server = Local::start(App::new().module(Module::new("rooms").on("list", list)), config).await;
        let mut client = server.connect().await;
        let answer = client.call("rooms.list").await;
        assert_eq!(answer.error().code(), Code::Unavailable);
        assert_eq!(
            answer.error().message(),
            "other nodes cannot be asked: Redis refuses"
        );
        server.server.stop().await;
    });
}
