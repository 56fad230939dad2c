//! Said by each kind of server and by each emitter, heard by the clients of each kind of server: every kind of target and of data, each
//! once.

use tokio::task::block_in_place;
use updraft::{Config, JournalConfig};

use super::{app::app, wait_for};
use crate::support::{Local, TestDatabase, node};

#[test]
fn clients_of_node_and_of_updraft_on_one_database_cannot_tell_which_is_which() {
    wait_for(async {
        let database = block_in_place(TestDatabase::new);
        let config = || Config {
            journal: JournalConfig {
                database: Some(database.url.as_str().into()),
                ..JournalConfig::default()
            },
            ..Config::default()
        };
        let nodes = [
            Local::start(app(), config()).await,
            Local::start(app(), config()).await,
        ];
        block_in_place(|| {
            node(
                "mixed.mjs",
                &[
                    "postgres",
                    &database.url,
                    "member",
                    "-",
                    &nodes[0].url,
                    &nodes[1].url,
                ],
            )
        });
        for node in nodes {
            node.server.stop().await;
        }
    });
}
