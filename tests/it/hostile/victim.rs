//! The server that is attacked, and what it must be like afterwards.

use std::{
    ops::Deref,
    time::{Duration, Instant},
};

use super::{MARKER, base64};
use crate::support::{PATIENCE, Program, RawClient};

/// Threads that the server has for its calls, on every machine: what calls cost at once goes by their number. One is a
/// core, and one stands by for what would keep that too long.
pub(super) const THREADS: usize = 2;

/// Bytes that a server may have taken from the system and not given back after a story: the allocator keeps what bombs
/// and crowds needed for a moment, for each thread.
const KEPT: usize = THREADS * (48 << 20);

/// Files that may be open beyond those before: the connections that a story still holds at its end.
const HELD: usize = 24;

/// A server whose memory and open files were looked at before the attack.
pub(super) struct Victim {
    program: Program,
    memory: usize,
    files: usize,
}

impl Victim {
    pub(super) fn start(flags: &[&str]) -> Self {
        let program = Program::start(&[&["--cores", "1"], flags].concat());
        Self {
            memory: program.memory(),
            files: program.open_files(),
            program,
        }
    }

    /// What it holds now is what it may hold afterwards.
    pub(super) fn look_again(&mut self) {
        self.memory = self.program.memory();
    }
}

impl Deref for Victim {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.program
    }
}

/// A client that means well connects and is answered.
pub(super) async fn is_served(server: &Program, about: &str) {
    let mut next = RawClient::connect(&server.url).await;
    assert!(next.is_well().await, "the next client after: {about}");
}

/// Stops the server: it gave back what it took, and its log has nothing of what was sent.
pub(super) fn keeps_it_to_itself(victim: Victim) {
    let Victim {
        program: server,
        memory,
        files,
    } = victim;
    let deadline = Instant::now() + PATIENCE;
    while server.open_files() > files + HELD {
        assert!(
            Instant::now() < deadline,
            "{} files are open",
            server.open_files()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    let kept = || server.memory().saturating_sub(memory);
    while kept() >= KEPT {
        assert!(Instant::now() < deadline, "{} bytes were kept", kept());
        std::thread::sleep(Duration::from_millis(5));
    }
    server.signal("TERM");
    let (stopped_well, log) = server.wait();
    assert!(stopped_well, "{log}");
    assert!(!log.contains(MARKER), "{log}");
    assert!(!log.contains(&base64(MARKER.as_bytes())[..16]), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}
