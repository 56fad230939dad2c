//! Redis between nodes: it goes and comes back, hangs, says what is no message; and which of them Node servers count.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdout, Command, Stdio},
};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{App, BusConfig, Config, HttpConfig, StartError, testing::TestClient};

use super::{app, by, connect, is_unavailable, join, know_each_other};
use crate::{
    nodes::wait_for,
    support::{Http, Local, RedisServer, until_async},
};

fn measured(redis: &RedisServer) -> Config {
    Config {
        http: HttpConfig {
            metrics: true,
            ..HttpConfig::default()
        },
        ..by(redis)
    }
}

/// What a node has counted under this name and these labels.
fn counted(node: &Local, metric: &str) -> u64 {
    let text = block_in_place(|| Http::get(&node.url, "/metrics", &[])).body;
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let found = lines.find(|(name, _)| *name == metric);
    found
        .unwrap_or_else(|| panic!("{metric} in {text}"))
        .1
        .parse()
        .unwrap()
}

fn lost(node: &Local, cause: &str) -> u64 {
    counted(node, &format!(r#"updraft_bus_lost_total{{cause="{cause}"}}"#))
}

async fn two(redis: &RedisServer) -> ([Local; 2], [TestClient; 2]) {
    let nodes = [
        Local::start(app(), measured(redis)).await,
        Local::start(app(), measured(redis)).await,
    ];
    let clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
    know_each_other(&nodes, 2).await;
    (nodes, clients)
}

/// What reaches sockets of one node alone while Redis is away.
async fn emits_here_alone(node: &Local, client: &mut TestClient) {
    let io = node.server.emitter();
    until_async("the node to lose what it says to others", async || {
        io.of("/").emit("gone", &()).await.unwrap();
        assert_eq!(client.next_event().await.name, "gone");
        lost(node, "away") > 0
    })
    .await;
    until_async("the list to be refused", async || {
        let listed = io.of("/").sockets().await;
        listed.is_err_and(|error| is_unavailable(&error))
    })
    .await;
    assert_eq!(io.of("/").local().sockets().await.unwrap().len(), 1);
}

#[test]
fn without_redis_a_node_emits_to_its_own_sockets_and_joins_the_others_again_by_itself() {
    wait_for(async {
        let mut redis = block_in_place(RedisServer::start);
        let (nodes, [mut ada, mut bob]) = two(&redis).await;
        assert_eq!(lost(&nodes[0], "away"), 0);
        block_in_place(|| redis.crash());
        emits_here_alone(&nodes[0], &mut ada).await;

        block_in_place(|| redis.start_again());
        know_each_other(&nodes, 2).await;
        let io = nodes[0].server.emitter();
        let before = lost(&nodes[0], "away");
        io.of("/").emit("back", &()).await.unwrap();
        while bob.next_event().await.name != "back" {}
        assert_eq!(lost(&nodes[0], "away"), before, "the first after it is not lost");

        // And where connections alone are ended.
        block_in_place(|| redis.cut());
        know_each_other(&nodes, 2).await;
        io.of("/").emit("again", &()).await.unwrap();
        while bob.next_event().await.name != "again" {}
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn a_redis_that_hangs_holds_up_no_emit_and_is_noticed() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let (nodes, [mut ada, mut bob]) = two(&redis).await;
        redis.pause();
        emits_here_alone(&nodes[0], &mut ada).await;

        redis.go_on();
        know_each_other(&nodes, 2).await;
        nodes[0].server.emitter().of("/").emit("back", &()).await.unwrap();
        while bob.next_event().await.name != "back" {}
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn a_node_starts_without_redis_and_joins_when_it_is_there_but_a_refusal_is_an_error() {
    wait_for(async {
        let mut redis = block_in_place(|| RedisServer::with_password("hunter2"));
        block_in_place(|| redis.crash());
        let nodes = [
            Local::start(app(), by(&redis)).await,
            Local::start(app(), by(&redis)).await,
        ];
        let mut clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        nodes[0].server.emitter().of("/").emit("here", &()).await.unwrap();
        clients[0].event("here").await;
        block_in_place(|| redis.start_again());
        know_each_other(&nodes, 2).await;
        for node in nodes {
            node.server.stop().await;
        }

        for (url, expected) in [
            (
                format!("redis://:hunter3@127.0.0.1:{}", redis.port()),
                "Redis refuses",
            ),
            (format!("redis://127.0.0.1:{}", redis.port()), "Redis refuses"),
            (
                "http://hunter2@127.0.0.1".to_owned(),
                "redis://user:password@host:port",
            ),
        ] {
            let bus = BusConfig {
                redis: Some(url.as_str().into()),
                ..BusConfig::default()
            };
            let config = Config {
                port: 0,
                bus,
                ..Config::default()
            };
            assert!(!format!("{config:?}").contains("hunter"), "{config:?}");
            let Err(refused) = App::new().config(config).start().await else {
                panic!("{url}");
            };
            assert!(matches!(refused, StartError::Bus(_)), "{refused:?}");
            let said = format!("{refused} {refused:?}");
            assert!(said.contains(expected) && !said.contains("hunter"), "{said}");
        }
    });
}

/// Nodes start beside a Redis that takes no commands, serve their own sockets, and join when that is over.
async fn waits_until(redis: &RedisServer, over: impl FnOnce()) {
    let nodes = [
        Local::start(app(), by(redis)).await,
        Local::start(app(), by(redis)).await,
    ];
    let mut clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
    nodes[0].server.emitter().of("/").emit("here", &()).await.unwrap();
    clients[0].event("here").await;
    let listed = nodes[0].server.emitter().of("/").sockets().await;
    assert!(listed.is_err_and(|error| is_unavailable(&error)));
    block_in_place(over);
    know_each_other(&nodes, 2).await;
    for node in nodes {
        node.server.stop().await;
    }
}

#[test]
fn a_node_starts_beside_a_redis_that_runs_a_script_or_is_full_and_joins_when_that_is_over() {
    wait_for(async {
        for password in ["", "hunter2"] {
            let redis = block_in_place(|| RedisServer::with_password(password));
            block_in_place(|| redis.cli(&["CONFIG", "SET", "busy-reply-threshold", "1"]));
            let mut script = redis.begin(&["EVAL", "while true do end", "0"]);
            until_async("the script to run", async || {
                block_in_place(|| redis.cli(&["PUBLISH", "nobody", "1"])).contains("BUSY")
            })
            .await;
            let kill = || {
                redis.cli(&["SCRIPT", "KILL"]);
                script.wait().expect("it ends");
            };
            waits_until(&redis, kill).await;

            // It has room for this connection alone.
            let mut kept = redis.begin(&[]);
            let mut says = kept.stdin.take().expect("it is piped");
            let mut set = |most: &str| writeln!(says, "CONFIG SET maxclients {most}").expect("it runs");
            set("1");
            until_async("it to be full", async || {
                block_in_place(|| !redis.takes_clients())
            })
            .await;
            waits_until(&redis, || set("1000")).await;
            kept.kill().expect("it runs");
            kept.wait().expect("it ends");
        }
    });
}

#[test]
fn what_is_no_message_is_counted_and_dropped_and_the_next_one_comes() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let (nodes, [_ada, mut bob]) = two(&redis).await;
        join(&mut bob, "red").await;
        let channels = [
            "socket.io#/#",
            "socket.io-request#/#",
            "socket.io-response#/#",
            "socket.io-updraft#/#",
        ];
        let none = [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":4,"close":true}"#,
            "\u{1}",
            "nonsense",
        ];
        for channel in channels {
            for message in none {
                block_in_place(|| redis.cli(&["PUBLISH", channel, message]));
            }
        }
        // A namespace that only looks like this one's, and one that nobody has.
        for channel in ["socket.io#/#x#", "socket.io#/#*", "socket.io-request#/other#"] {
            block_in_place(|| redis.cli(&["PUBLISH", channel, "nonsense"]));
        }
        let request = r#"{"type":2,"opts":{"rooms":["red"],"except":[]},"rooms":[7,"blue"]}"#;
        block_in_place(|| redis.cli(&["PUBLISH", "socket.io-request#/#", request]));
        until_async("the sockets to be moved", async || {
            super::rooms(&mut bob).await == ["7", "blue", "red"]
        })
        .await;
        let malformed = lost(&nodes[1], "malformed");
        assert!((22..=30).contains(&malformed), "{malformed}");
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn node_servers_count_members_alone_and_wait_for_no_other() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let listeners = [
            Local::start(app(), by(&redis)).await,
            Local::start(app(), by(&redis)).await,
        ];
        let count = || block_in_place(|| redis.cli(&["PUBSUB", "NUMSUB", "socket.io-request#/#"]));
        let _clients = [
            connect(&listeners[0], "ada").await,
            connect(&listeners[1], "bob").await,
        ];
        know_each_other(&listeners, 2).await;
        assert_eq!(count(), "socket.io-request#/#\n0");

        let mut config = by(&redis);
        config.bus.member = true;
        let member = Local::start(app(), config).await;
        let _eve = connect(&member, "eve").await;
        assert_eq!(count(), "socket.io-request#/#\n1");
        // They answer each other all the same, each once.
        let all = [&listeners[0], &listeners[1], &member];
        for node in all {
            // What is waited for in vain is an error.
            let listed = node.server.emitter().of("/").sockets().await.unwrap();
            let mut named: Vec<_> = listed
                .iter()
                .filter_map(|socket| socket.identity.subject())
                .collect();
            named.sort_unstable();
            assert_eq!(named, ["ada", "bob", "eve"]);
        }
        let asked =
            json!({"uid": "EzJs2i", "requestId": "N5mkur", "type": 5, "opts": {"rooms": [], "except": []}});
        let mut answers = block_in_place(|| Subscriber::to(&redis, "socket.io-response#/#"));
        block_in_place(|| redis.cli(&["PUBLISH", "socket.io-request#/#", &asked.to_string()]));
        let answer: Value = serde_json::from_str(&block_in_place(|| answers.next())).unwrap();
        assert_eq!(answer["requestId"], "N5mkur");
        assert_eq!(
            answer["sockets"].as_array().unwrap().len(),
            1,
            "of the member alone: {answer}"
        );
        // All have done what they heard before they answer this.
        know_each_other(&listeners, 3).await;
        block_in_place(|| redis.cli(&["PUBLISH", "socket.io-response#/#", "fence"]));
        assert_eq!(block_in_place(|| answers.next()), "fence", "nobody else answers");
        for node in listeners.into_iter().chain([member]) {
            node.server.stop().await;
        }
    });
}

#[test]
fn nodes_that_ask_at_once_in_a_namespace_without_sockets_answer_each_other() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let (nodes, _clients) = two(&redis).await;
        // Each hears the namespace only while it asks, and may be counted by the other just as it ends.
        let asked = nodes.each_ref().map(|node| async move {
            let all = node.server.emitter().of("/nobody");
            for _ in 0..200 {
                assert!(all.sockets().await.unwrap().is_empty());
            }
        });
        join_all(asked).await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}

/// What is said on a channel.
struct Subscriber {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Subscriber {
    fn to(redis: &RedisServer, channel: &str) -> Self {
        let mut child = Command::new("redis-cli")
            .args(["-p", &redis.port().to_string(), "--raw", "SUBSCRIBE", channel])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // "subscribe", the channel, 1
        assert_eq!(lines.by_ref().take(3).count(), 3);
        Self { child, lines }
    }

    /// The next message: its kind, its channel, and what it says.
    fn next(&mut self) -> String {
        self.lines.by_ref().nth(2).unwrap().unwrap()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}
