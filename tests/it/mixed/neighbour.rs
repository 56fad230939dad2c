//! A server of Node in a process of its own (`tests/clients/neighbour.mjs`).

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::support::RedisServer;

/// It ends when this is dropped, or with this program.
pub(super) struct Neighbour {
    child: Child,
    pub(super) url: String,
}

impl Neighbour {
    pub(super) fn start(redis: &RedisServer) -> Self {
        let mut child = Command::new("node")
            .args(["neighbour.mjs", "redis", &redis.url()])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is installed");
        let stdout = child.stdout.take().expect("it is piped");
        let url = BufReader::new(stdout).lines().next();
        let url = url.expect("it says where it listens").expect("UTF-8");
        Self { child, url }
    }

    /// Sends a signal by its name, as in `kill -TERM`.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
