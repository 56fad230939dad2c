//! A server under load, in a process of its own, that tells its CPU time when asked.

use std::{
    env,
    io::{BufRead, BufReader, Lines, Write, stdin, stdout},
    net::SocketAddr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    str::FromStr,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    bare::{self, Place},
    updraft_server,
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Updraft,
    /// socketioxide, handlers as tasks.
    Bare,
    /// socketioxide, handlers on the reader.
    BareOnReader,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Updraft => "updraft",
            Self::Bare => "bare",
            Self::BareOnReader => "bare-on-reader",
        }
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::Updraft, Self::Bare, Self::BareOnReader]
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or(())
    }
}

/// Is the server: says where it listens, then its CPU time for each line that comes in, until none does.
pub(crate) fn serve(kind: Kind) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let address = match kind {
        Kind::Updraft => runtime.block_on(updraft_server::start()),
        Kind::Bare => runtime.block_on(bare::start(Place::Task)),
        Kind::BareOnReader => runtime.block_on(bare::start(Place::Reader)),
    };
    say(&address.to_string());
    for _ in stdin().lines() {
        say(&cpu(ClockId::ProcessCPUTime).as_nanos().to_string());
    }
}

fn say(line: &str) {
    let mut stdout = stdout().lock();
    writeln!(stdout, "{line}").expect("somebody listens");
    stdout.flush().expect("somebody listens");
}

pub(crate) fn cpu(clock: ClockId) -> Duration {
    let now = clock_gettime(clock);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// The other end of [`serve`]. Ends with it.
pub(crate) struct ServerProcess {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
    address: SocketAddr,
}

impl ServerProcess {
    pub(crate) fn start(kind: Kind) -> Self {
        let mut child = Command::new(env::current_exe().expect("this program"))
            .args(["serve", kind.name()])
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

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time that it has used, all threads together.
    pub(crate) fn cpu(&mut self) -> Duration {
        let input = self.input.as_mut().expect("it runs");
        writeln!(input, "cpu").expect("it listens");
        Duration::from_nanos(heard(&mut self.output).parse().expect("a number"))
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
