//! What is emitted at one node reaches the sockets of the others, in its order, each time.

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::task::block_in_place;
use updraft::{Config, HttpConfig, Namespace};

use super::{Shared, app, by_each, connect, is_unavailable, join, know_each_other, on};
use crate::{
    nodes::wait_for,
    support::{Http, Local, TestDatabase, until_async},
};

#[test]
fn an_emit_reaches_the_rooms_of_every_node_but_for_its_caller_and_exceptions() {
    by_each(async |shared| {
        let (nodes, [mut ada, mut bob]) = shared.two_nodes().await;
        let mut eve = connect(&nodes[1], "eve").await;
        let mut joe = connect(&nodes[0], "joe").await;
        for client in [&mut ada, &mut bob, &mut eve, &mut joe] {
            join(client, "red").await;
        }
        join(&mut eve, "muted").await;
        let order = json!({"to": ["red", "blue"], "except": ["muted"], "event": "said", "arguments": [{"two": 2}, 1]});
        ada.call("room.say").data(&order).await.data::<()>();
        for client in [&mut bob, &mut joe] {
            assert_eq!(client.event("said").await.data::<Value>(), json!({"two": 2}));
        }
        // All of a namespace; a fence for those that hear nothing.
        bob.call("room.emit")
            .data(json!({"event": "all"}))
            .await
            .data::<()>();
        for client in [&mut ada, &mut bob, &mut eve, &mut joe] {
            assert_eq!(client.next_event().await.name, "all");
        }
        // One socket at another node, by its id.
        let id = bob.call("room.id").await.data::<String>();
        let order = json!({"to": [id], "event": "for you", "arguments": ["bob"]});
        ada.call("room.say").data(&order).await.data::<()>();
        assert_eq!(bob.event("for you").await.data::<String>(), "bob");
        for node in nodes {
            node.server.stop().await;
        }
    });
}

/// PostgreSQL keeps one of several notifications that are equal, and none of 8000 bytes.
#[test]
fn equal_emits_large_ones_and_buffers_come_each_time_and_in_order() {
    const MANY: usize = 300;
    by_each(async |shared| {
        let (nodes, [_ada, mut bob]) = shared.two_nodes().await;
        let all = nodes[0].server.emitter().of("/");
        let large = "ä".repeat(5000);
        let longest_short = "x".repeat(7850);
        for number in 0..MANY {
            all.emit("tick", &()).await.unwrap();
            match number % 10 {
                3 => all.emit("large", &large).await.unwrap(),
                6 => all.emit("short", &longest_short).await.unwrap(),
                9 => {
                    let arguments = (number, Bytes::from(vec![number as u8; 9]));
                    all.emit("bytes", &arguments).await.unwrap();
                }
                _ => {}
            }
        }
        for number in 0..MANY {
            assert_eq!(bob.next_event().await.name, "tick");
            let expected = match number % 10 {
                3 => "large",
                6 => "short",
                9 => "bytes",
                _ => continue,
            };
            let event = bob.next_event().await;
            assert_eq!(event.name, expected);
            match expected {
                "large" => assert_eq!(event.data::<String>(), large),
                "short" => assert_eq!(event.data::<String>(), longest_short),
                _ => {
                    let (heard, bytes) = event.data::<(usize, Bytes)>();
                    assert_eq!((heard, &bytes[..]), (number, &[number as u8; 9][..]));
                }
            }
        }
        if let Shared::Database(database) = shared {
            let rows = "SELECT count(*) > 0 FROM socket_io_attachments";
            assert_eq!(block_in_place(|| database.psql(rows)), "t");
        }
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn namespaces_made_of_data_are_shared_as_long_as_they_have_sockets_and_others_hear_nothing() {
    by_each(async |shared| {
        let games = || {
            app()
                .namespace(Namespace::matching("/game/{id}"))
                .namespace(Namespace::new(
                    "/a-namespace-whose-name-is-too-long-for-a-channel-of-postgresql",
                ))
        };
        let nodes = [shared.start(games()).await, shared.start(games()).await];
        let mut player = nodes[1].client().await;
        player.send("40/game/7,").await;
        assert!(player.text().await.starts_with("40/game/7,"));
        let io = nodes[0].server.emitter();
        // This node has no socket there, and finds the other's.
        let games = io.of("/game/7");
        until_async("the game to be heard at the other node", async || {
            games.sockets().await.is_ok_and(|all| all.len() == 1)
        })
        .await;
        let mut turns = 0;
        while turns == 0 {
            io.of("/game/8").emit("turn", &"of another game").await.unwrap();
            io.of("/game/7").emit("turn", &1).await.unwrap();
            io.of("/").emit("fence", &()).await.unwrap();
            loop {
                match &*player.text().await {
                    r#"42/game/7,["turn",1]"# => turns += 1,
                    r#"42["fence",null]"# => break,
                    other => panic!("{other}"),
                }
            }
        }
        // It is no error to emit where no node can be told.
        let long = "/a-namespace-whose-name-is-too-long-for-a-channel-of-postgresql";
        io.of(long).emit("hi", &()).await.unwrap();
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn without_its_database_a_node_emits_to_its_own_sockets_and_joins_the_others_again_by_itself() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let config = || Config {
            http: HttpConfig {
                metrics: true,
                ..HttpConfig::default()
            },
            ..on(&database)
        };
        let nodes = [
            Local::start(app(), config()).await,
            Local::start(app(), config()).await,
        ];
        let (mut ada, mut bob) = (connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await);
        know_each_other(&nodes, 2).await;
        let io = nodes[0].server.emitter();
        let lost = || {
            let text = block_in_place(|| Http::get(&nodes[0].url, "/metrics", &[])).body;
            let of_away = text
                .lines()
                .find_map(|line| line.strip_prefix(r#"updraft_bus_lost_total{cause="away"} "#));
            of_away.unwrap().parse::<u64>().unwrap()
        };
        assert_eq!(lost(), 0);

        block_in_place(|| database.go_away());
        until_async("the node to lose what it says to others", async || {
            io.of("/").emit("gone", &()).await.unwrap();
            assert_eq!(ada.next_event().await.name, "gone");
            lost() > 0
        })
        .await;
        until_async("the list to be refused", async || {
            io.of("/")
                .sockets()
                .await
                .is_err_and(|error| is_unavailable(&error))
        })
        .await;
        assert_eq!(io.of("/").local().sockets().await.unwrap().len(), 1);

        block_in_place(|| database.come_back());
        know_each_other(&nodes, 2).await;
        io.of("/").emit("back", &()).await.unwrap();
        while bob.next_event().await.name != "back" {}
        for node in nodes {
            node.server.stop().await;
        }
    });
}
