//! Redis as it is found in production: by TLS, and behind Sentinel.

use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;
use tokio::task::block_in_place;
use updraft::{BusConfig, Config};

use super::{app, connect, know_each_other};
use crate::{
    nodes::wait_for,
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
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port().to_string();
        drop(free);
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
        let config = || Config {
            bus: BusConfig {
                redis: Some(url.as_str().into()),
                ..BusConfig::default()
            },
            ..Config::default()
        };
        let nodes = [
            Local::start(app(), config()).await,
            Local::start(app(), config()).await,
        ];
        let _clients = [connect(&nodes[0], "ada").await, connect(&nodes[1], "bob").await];
        know_each_other(&nodes, 2).await;
        for node in nodes {
            node.server.stop().await;
        }
    });
}
