//! A server under load, in a process of its own, that tells what it has used when asked.

use std::{
    env, fs,
    io::{BufRead, BufReader, Lines, Write, stdin, stdout},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// Tells where this server listens, then its CPU time for each line that comes in, until none does.
pub(crate) fn tell(address: SocketAddr) {
    say(&address.to_string());
    for _ in stdin().lines() {
        say(&cpu().as_nanos().to_string());
    }
}

fn say(line: &str) {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}").expect("somebody listens");
    stdout.flush().expect("somebody listens");
}

/// CPU time that this process has used, all threads together.
pub(crate) fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The other end of [`tell`]. Ends with it.
pub(crate) struct ServerProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl ServerProcess {
    /// Starts this program as one of its servers.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program starts again");
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let address = heard(&mut output).parse().expect("an address");
        Self {
            child,
            input,
            output,
            address,
        }
    }

    /// CPU time that it has used, all threads together.
    pub(crate) fn cpu(&mut self) -> Duration {
        let input = self.input.as_mut().expect("it runs");
        writeln!(input, "cpu").expect("it listens");
        Duration::from_nanos(heard(&mut self.output).parse().expect("a number"))
    }

    /// Bytes that it holds in memory now.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes
            .and_then(|number| number.parse::<u64>().ok())
            .expect("a number")
            * 1024
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Its loop over the lines ends.
        self.input = None;
        let _ = self.child.wait();
    }
}

fn heard(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    lines.next().expect("it runs").expect("it speaks UTF-8")
}
