//! A server under load, in a process of its own, and what it has used.

use std::{
    fs,
    io::{BufRead, BufReader, Write, stdin, stdout},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::resource::{Resource, getrlimit, setrlimit},
    time::{ClockId, clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};
use tempfile::TempDir;

/// Tells where this server listens, and waits until nobody is there to hear it.
pub(crate) fn tell(address: SocketAddr) {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{address}").expect("somebody listens");
    stdout.flush().expect("somebody listens");
    stdin().lines().for_each(drop);
}

/// CPU time that this process has used, all threads together.
pub(crate) fn cpu() -> Duration {
    cpu_of(std::process::id()).expect("it runs")
}

/// A process's own account, to the nanosecond; none where it has ended.
pub(crate) fn cpu_of(process: u32) -> Option<Duration> {
    let clock: ClockId = clock_getcpuclockid(Pid::from_raw(process as i32)).ok()?;
    Some(clock_gettime(clock).ok()?.into())
}

fn memory_of(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: Option<u64> = kilobytes.and_then(|number| number.parse().ok());
    kilobytes.expect("a number") * 1024
}

/// Lets this process and the servers it starts open as many files as they may; how many.
pub(crate) fn open_files() -> u64 {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    setrlimit(Resource::RLIMIT_NOFILE, most, most).expect("what is allowed");
    most
}

/// The other end of [`tell`]. Ends with it.
pub(crate) struct ServerProcess {
    child: Child,
    /// Those that it told of, which work for it and end with it.
    others: Vec<u32>,
    pub(crate) address: SocketAddr,
    /// What it keeps on the disk, for as long as it runs.
    pub(crate) data: Option<TempDir>,
}

impl ServerProcess {
    /// Starts it and waits until it says where it listens.
    pub(crate) fn start(mut command: Command, data: Option<TempDir>) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next().expect("the server listens").expect("UTF-8");
        let mut words = line.split(' ');
        Self {
            child,
            address: words
                .next()
                .and_then(|word| word.parse().ok())
                .expect("an address"),
            others: words.map(|word| word.parse().expect("a process")).collect(),
            data,
        }
    }

    /// The server's own process, and those that work for it.
    pub(crate) fn processes(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.child.id()).chain(self.others.iter().copied())
    }

    /// CPU time that its processes have used, all threads together.
    pub(crate) fn cpu(&self) -> Duration {
        self.processes()
            .map(|process| cpu_of(process).expect("it runs"))
            .sum()
    }

    /// Bytes that its processes hold in memory now.
    pub(crate) fn memory(&self) -> u64 {
        self.processes().map(memory_of).sum()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
