//! Redis as it is found in production: by TLS, behind Sentinel, and as a Redis Cluster.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{task::block_in_place, time::sleep};
use tokio_util::task::AbortOnDropHandle;
use updraft::{BusConfig, Config, testing::TestClient};

use super::{app, connect, know_each_other};
use crate::{
    nodes::{forwarding::port, wait_for},
    support::{Local, PATIENT, Program, RedisServer, until_async, updraft_with},
    tls::Pair,
};

/// A server with settings of its own; ended when this is dropped.
struct Server {
    child: Child,
    port: String,
    _directory: TempDir,
}

impl Server {
    /// `settings` get a free port, and are lines of a file that it may change.
    fn start(settings: impl Fn(&str) -> String, mode: &[&str]) -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("redis.conf");
        let own = format!("bind 127.0.0.1\ndir {}\n", directory.path().display());
        fs::write(&file, own + &settings(&port)).unwrap();
        let child = Command::new("redis-server")
            .arg(&file)
            .args(mode)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            child,
            port,
            _directory: directory,
        }
    }

    async fn cli(&self, options: &[&str], command: &[&str], expected: &str) {
        until_async("the server to say so", async || {
            let said = block_in_place(|| {
                let mut cli = Command::new("redis-cli");
                cli.args(["-p", &self.port, "--raw"]).args(options).args(command);
                cli.output().unwrap().stdout
            });
            String::from_utf8(said).unwrap().contains(expected)
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn free_port() -> String {
    port().to_string()
}

fn by_url(url: &str) -> Config {
    let bus = BusConfig {
        redis: Some(url.into()),
        ..BusConfig::default()
    };
    Config {
        bus,
        ..Config::default()
    }
}

/// A node emits to all, until a client of another hears of it: at first it may be said to a server that is gone.
async fn hears(client: &mut TestClient, node: &Local) {
    let (io, event) = (node.server.emitter(), node.url.clone());
    let _speaking = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            io.of("/").emit(&event, &()).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
    }));
    while client.next_event().await.name != node.url {}
}

#[test]
fn a_node_believes_the_certificate_of_a_redis_that_it_was_given_and_no_other() {
    wait_for(async {
        let (pair, other) = (Pair::new(), Pair::new());
        let settings = |port: &str| {
            format!(
                "port 0\ntls-port {port}\ntls-cert-file {0}\ntls-key-file {1}\ntls-ca-cert-file {0}\ntls-auth-clients no\n",
                pair.cert, pair.key
            )
        };
        let redis = Server::start(settings, &[]);
        let tls = ["--tls", "--cacert", &pair.cert];
        redis.cli(&tls, &["PING"], "PONG").await;
        let url = format!("rediss://localhost:{}", redis.port);

        let variables = [("SSL_CERT_FILE", other.cert.as_str()), ("UPDRAFT_BUS", &url)];
        let (is_up, _, said) = block_in_place(|| updraft_with(&variables, &["serve", "--port", "0"], ""));
        assert!(!is_up && said.contains("certificate"), "{said}");

        let variables = [("SSL_CERT_FILE", pair.cert.as_str()), ("UPDRAFT_BUS", &url)];
        let _node = block_in_place(|| Program::start_on(Stdio::null(), &variables, &PATIENT));
        redis
            .cli(&tls, &["PUBSUB", "CHANNELS"], "socket.io-updraft#/#")
            .await;
    });
}

#[test]
fn nodes_find_the_master_that_sentinels_watch() {
    wait_for(async {
        let redis = block_in_place(|| RedisServer::with_password("hunter2"));
        let settings = |port: &str| {
            format!(
                "port {port}\nsentinel monitor shop 127.0.0.1 {} 1\nsentinel auth-pass shop hunter2\n",
                redis.port()
            )
        };
        let sentinel = Server::start(settings, &["--sentinel"]);
        sentinel.cli(&[], &["SENTINEL", "masters"], "shop").await;
        let url = format!(
            "redis-sentinel://:hunter2@127.0.0.1:1,127.0.0.1:{}/shop",
            sentinel.port
        );
        let nodes = [
            Local::start(app(), by_url(&url)).await,
            Local::start(app(), by_url(&url)).await,
        ];
        let _clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        know_each_other(&nodes, 2).await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn nodes_go_on_at_the_master_that_sentinel_promotes_when_theirs_is_gone() {
    wait_for(async {
        let mut redis = block_in_place(|| RedisServer::with_password("hunter2"));
        let replica = Server::start(
            |port| {
                format!(
                    "port {port}\nreplicaof 127.0.0.1 {}\nmasterauth hunter2\nrequirepass hunter2\n",
                    redis.port()
                )
            },
            &[],
        );
        let password = ["-a", "hunter2", "--no-auth-warning"];
        replica
            .cli(&password, &["INFO", "replication"], "master_link_status:up")
            .await;
        let sentinel = Server::start(
            |port| {
                format!(
                    "port {port}\nsentinel monitor shop 127.0.0.1 {} 1\nsentinel auth-pass shop hunter2\n\
                     sentinel down-after-milliseconds shop 500\nsentinel failover-timeout shop 5000\n",
                    redis.port()
                )
            },
            &["--sentinel"],
        );
        sentinel
            .cli(&[], &["SENTINEL", "REPLICAS", "shop"], "master-link-status\nok")
            .await;
        let url = format!("redis-sentinel://:hunter2@127.0.0.1:{}/shop", sentinel.port);
        let nodes = [
            Local::start(app(), by_url(&url)).await,
            Local::start(app(), by_url(&url)).await,
        ];
        let mut clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        know_each_other(&nodes, 2).await;

        block_in_place(|| redis.crash());
        let promoted = format!("{}\n", replica.port);
        sentinel
            .cli(&[], &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop"], &promoted)
            .await;
        know_each_other(&nodes, 2).await;
        hears(&mut clients[1], &nodes[0]).await;
        hears(&mut clients[0], &nodes[1]).await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}

#[test]
fn nodes_at_servers_of_a_redis_cluster_hear_each_other_and_say_that_they_cannot_be_counted() {
    wait_for(async {
        let servers = [(); 2].map(|()| {
            let bus_port = free_port();
            let settings =
                |port: &str| format!("port {port}\ncluster-enabled yes\ncluster-port {bus_port}\n");
            (Server::start(settings, &[]), bus_port)
        });
        let [(first, bus_port), (second, _)] = &servers;
        first.cli(&[], &["PING"], "PONG").await;
        first
            .cli(&[], &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"], "OK")
            .await;
        second
            .cli(
                &[],
                &["CLUSTER", "MEET", "127.0.0.1", &first.port, bus_port],
                "OK",
            )
            .await;
        for server in [first, second] {
            server.cli(&[], &["CLUSTER", "INFO"], "cluster_state:ok").await;
        }
        let at = |server: &Server| by_url(&format!("redis://127.0.0.1:{}", server.port));
        let nodes = [
            Local::start(app(), at(first)).await,
            Local::start(app(), at(second)).await,
        ];
        let mut clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        hears(&mut clients[1], &nodes[0]).await;
        hears(&mut clients[0], &nodes[1]).await;
        let all = nodes[0].server.emitter().of("/");
        until_async("the list to be refused", async || {
            let listed = all.sockets().await;
            listed.is_err_and(|error| error.message().contains("Redis Cluster"))
        })
        .await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}
