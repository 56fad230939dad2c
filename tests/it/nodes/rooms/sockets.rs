//! Sockets of other nodes are moved, listed, asked and disconnected; nodes tell each other what concerns themselves.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use updraft::{Args, CallError, Code, Result};

use super::{app, by_each, connect, join, know_each_other, rooms};
use crate::support::until_async;

#[test]
fn sockets_of_other_nodes_enter_and_leave_rooms_and_are_listed_with_their_subject() {
    by_each(async |shared| {
        let (nodes, [mut ada, mut bob]) = shared.two_nodes().await;
        let io = nodes[0].server.emitter();
        join(&mut bob, "red").await;
        io.of("/").to("red").join("night").await.unwrap();
        io.of("/").join("all").await.unwrap();
        // What is said later comes later.
        io.of("/").emit("fence", &()).await.unwrap();
        bob.event("fence").await;
        assert_eq!(rooms(&mut bob).await, ["all", "night", "red"]);
        assert_eq!(rooms(&mut ada).await, ["all"]);
        io.of("/").leave("all").await.unwrap();
        io.of("/").emit("fence", &()).await.unwrap();
        bob.event("fence").await;
        assert_eq!(rooms(&mut bob).await, ["night", "red"]);

        let listed = io.of("/").to("night").sockets().await.unwrap();
        let [socket] = &listed[..] else {
            panic!("{listed:?}");
        };
        assert_eq!(socket.id.as_str(), bob.call("room.id").await.data::<String>());
        assert_eq!(socket.rooms, ["night", "red"]);
        assert_eq!(socket.identity.subject(), Some("bob"));
        assert!(
            socket.identity.claims().is_none_or(|claims| claims.is_null()),
            "they stay there"
        );
        assert_eq!(io.of("/").sockets().await.unwrap().len(), 2);
        assert_eq!(io.of("/").local().sockets().await.unwrap().len(), 1);
        assert_eq!(io.of("/").except("night").sockets().await.unwrap().len(), 1);

        io.of("/").to("night").emit("bye", &()).await.unwrap();
        io.of("/").to("night").close().await.unwrap();
        bob.event("bye").await;
        bob.closed().await;
        know_each_other(&nodes, 1).await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn acks_come_from_the_sockets_of_every_node() {
    by_each(async |shared| {
        let (nodes, [mut ada, mut bob]) = shared.two_nodes().await;
        let mut eve = connect(&nodes[1], "eve").await;
        know_each_other(&nodes, 3).await;
        let all = nodes[0].server.emitter().of("/");
        let silent = eve.call("room.id").await.data::<String>();
        let mut acks = Vec::new();
        // Where others work too, an ack may come too late: then all are asked again.
        until_async("two to ack in time", async || {
            let all = all.clone();
            let asking = tokio::spawn(async move {
                all.emit_with_ack::<Args<(String, Bytes)>>("name?", &1, Duration::from_secs(3))
                    .await
            });
            for (client, name) in [(&mut ada, "ada"), (&mut bob, "bob")] {
                let asked = client.event("name?").await;
                assert!(asked.wants_ack());
                let name = name.to_owned();
                client.ack(&asked, Args((&name, Bytes::from(name.clone())))).await;
            }
            eve.event("name?").await;
            acks = asking.await.unwrap().unwrap();
            assert_eq!(acks.len(), 3, "one of each socket: {acks:?}");
            acks.iter().filter(|ack| ack.result.is_ok()).count() == 2
        })
        .await;
        let mut names: Vec<_> = acks.iter().filter_map(|ack| ack.result.as_ref().ok()).collect();
        names.sort_unstable_by_key(|Args((name, _))| name.clone());
        let expected = ["ada", "bob"].map(|name| Args((name.to_owned(), Bytes::from(name))));
        assert_eq!(names, expected.iter().collect::<Vec<_>>());
        let missing: Vec<_> = acks.iter().filter(|ack| ack.result.is_err()).collect();
        assert_eq!(missing[0].socket.as_str(), silent);
        assert_eq!(missing[0].result.as_ref().unwrap_err().code(), Code::Timeout);
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn nodes_announce_events_to_each_other_and_answer() {
    by_each(async |shared| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let heeding = |name: &'static str| {
            let heard = heard.clone();
            app()
                .heed(
                    "price.changed",
                    move |Args((article, price)): Args<(String, u32)>| {
                        heard.lock().unwrap().push(format!("{name}: {article} {price}"));
                        async { Ok(()) }
                    },
                )
                .heed("size?", move |key: String| async move { Ok((name, key.len())) })
                .heed("fails", async |(): ()| {
                    Err::<(), _>(CallError::new(Code::Conflict, "not now"))
                })
                .heed("panics", async |(): ()| -> Result<()> { panic!("at the disco") })
        };
        let nodes = [
            shared.start(heeding("first")).await,
            shared.start(heeding("second")).await,
            shared.start(app()).await,
        ];
        // A node knows another by its socket.
        let mut clients = Vec::new();
        for node in &nodes {
            clients.push(connect(node, "ada").await);
        }
        know_each_other(&nodes, 3).await;
        let io = nodes[0].server.emitter();
        io.announce("price.changed", &Args(("tea", 3))).await.unwrap();
        let mut sizes = io
            .announce_with_ack::<Option<(String, usize)>>("size?", "four")
            .await
            .unwrap();
        sizes.sort_unstable();
        assert_eq!(sizes, [None, Some(("second".to_owned(), 4))], "not its own");
        assert_eq!(*heard.lock().unwrap(), ["second: tea 3"]);
        for (event, code) in [("fails", "conflict"), ("panics", "internal")] {
            let answers = io
                .announce_with_ack::<serde_json::Value>(event, &())
                .await
                .unwrap();
            let failed = answers.iter().find(|answer| !answer.is_null()).unwrap();
            assert_eq!(failed["error"]["code"], code);
        }
        for name in ["connection", "disconnect", "topic.x"] {
            let refused = io.announce(name, &()).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidData, "{name}");
        }
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn events_of_a_node_are_heeded_in_their_order() {
    by_each(async |shared| {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let heeding = heard.clone();
        let second = app().heed("count", move |number: usize| {
            heeding.lock().unwrap().push(number);
            async { Ok(()) }
        });
        let nodes = [shared.start(app()).await, shared.start(second).await];
        let _client = connect(&nodes[1], "ada").await;
        know_each_other(&nodes, 1).await;
        let io = nodes[0].server.emitter();
        for number in 0..500 {
            io.announce("count", &number).await.unwrap();
        }
        until_async("all to be heeded", async || heard.lock().unwrap().len() == 500).await;
        assert!(heard.lock().unwrap().is_sorted());
        for node in nodes {
            node.server.stop().await;
        }
    });
}

/// A node that stops says so: nothing waits for it.
#[test]
fn a_node_that_has_stopped_is_not_waited_for() {
    by_each(async |shared| {
        let ([first, second], [_ada, bob]) = shared.two_nodes().await;
        drop(bob);
        second.server.stop().await;
        let io = first.server.emitter();
        until_async("the other to be forgotten", async || {
            let begun = std::time::Instant::now();
            let listed = io.of("/").sockets().await;
            listed.is_ok_and(|all| all.len() == 1) && begun.elapsed() < Duration::from_secs(1)
        })
        .await;
        first.server.stop().await;
    });
}
