//! Said by each kind of server and by each emitter, heard by the clients of each kind of server: every kind of target and of data, each
//! once.

use tokio::task::block_in_place;
use updraft::{BusConfig, Config, JournalConfig};

use super::{app::app, wait_for};
use crate::support::{Local, RedisServer, TestDatabase, node};

/// Two servers of Updraft beside two of Node, which the script starts.
fn clients_cannot_tell_which_is_which(kind: &str, bus: &str, role: &str, config: &Config) {
    wait_for(async {
        let servers = [
            Local::start(app(), config.clone()).await,
            Local::start(app(), config.clone()).await,
        ];
        let program = env!("CARGO_BIN_EXE_updraft");
        let [one, other] = servers.each_ref().map(|server| &*server.url);
        block_in_place(|| node("mixed.mjs", &[kind, bus, role, program, one, other]));
        for server in servers {
            server.server.stop().await;
        }
    });
}

#[test]
fn clients_of_node_and_of_updraft_on_one_database_cannot_tell_which_is_which() {
    let database = TestDatabase::new();
    let journal = JournalConfig {
        database: Some(database.url.as_str().into()),
        ..JournalConfig::default()
    };
    let config = Config {
        journal,
        ..Config::default()
    };
    clients_cannot_tell_which_is_which("postgres", &database.url, "member", &config);
}

fn on_one_redis(role: &str, member: bool) {
    let redis = RedisServer::start();
    let bus = BusConfig {
        redis: Some(redis.url().as_str().into()),
        member,
        ..BusConfig::default()
    };
    let config = Config {
        bus,
        ..Config::default()
    };
    clients_cannot_tell_which_is_which("redis", &redis.url(), role, &config);
}

#[test]
fn clients_of_node_and_of_updraft_on_one_redis_cannot_tell_which_is_which() {
    on_one_redis("member", true);
}

#[test]
fn servers_of_node_neither_count_nor_wait_for_updraft_unless_it_is_a_member() {
    on_one_redis("listener", false);
}
