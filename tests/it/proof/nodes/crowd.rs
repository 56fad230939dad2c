//! The clients, in a process of their own (`tests/clients/nodes.mjs`).

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::heard::{Heard, Told};
use crate::support::PATIENCE;

/// Acks after which all goes on again.
const ENOUGH: usize = 25;

/// A change that was acked, and its place.
#[derive(Debug, Deserialize)]
pub(super) struct Acked {
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) told: Told,
}

/// What the clients say of themselves.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Acked(Acked),
    Heard(Vec<Heard>),
}

/// Ended when it is dropped.
pub(super) struct Crowd {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<Line>,
    acked: Vec<Acked>,
}

impl Crowd {
    pub(super) fn start(seed: u32, urls: &[String]) -> Self {
        let mut child = Command::new("node")
            .args(["nodes.mjs", &seed.to_string()])
            .args(urls)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("Node.js is installed");
        let stdin = child.stdin.take().expect("it is piped");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        let (tell, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                let line = serde_json::from_str(&line.unwrap()).expect("a line of the clients");
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            stdin,
            lines,
            acked: Vec::new(),
        }
    }

    /// What was acked by now.
    pub(super) fn acked(&mut self) -> &[Acked] {
        while let Ok(line) = self.lines.try_recv() {
            self.take(line);
        }
        &self.acked
    }

    fn take(&mut self, line: Line) -> Option<Vec<Heard>> {
        match line {
            Line::Acked(acked) => {
                self.acked.push(acked);
                None
            }
            Line::Heard(heard) => Some(heard),
        }
    }

    /// Waits until changes are acked that come after this.
    pub(super) fn goes_on(&mut self) {
        let enough = self.acked().len() + ENOUGH;
        while self.acked.len() < enough {
            let line = self.lines.recv_timeout(PATIENCE).expect("changes are acked");
            self.take(line);
        }
    }

    fn tell(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").expect("the clients run");
    }

    /// Lets the clients end what they began and read to the end: what was acked, and what each heard.
    pub(super) fn end(mut self) -> (Vec<Acked>, Vec<Vec<Heard>>) {
        self.tell(&json!({ "over": true }));
        let mut all = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => all.extend(self.take(line)),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the clients do not end"),
            }
        }
        assert!(self.child.wait().expect("it ends").success());
        (std::mem::take(&mut self.acked), all)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
