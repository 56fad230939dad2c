//! The program itself, started as a user starts it.

use std::{
    env,
    fs::File,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    process::{Child, ChildStderr, Command, Stdio},
};

#[cfg(unix)]
use std::os::fd::OwnedFd;

use tempfile::TempDir;

use super::{HEARTBEAT, memory, open_files, peak_memory};

/// A running `updraft serve` on a free port, unless its flags name one; killed when dropped.
pub(crate) struct Program {
    child: Child,
    /// Of its own, unless the story gave it one.
    _data: TempDir,
    /// `http://127.0.0.1:port`
    pub(crate) url: String,
}

impl Program {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
        command.stderr(Stdio::piped()).env_remove("UPDRAFT_LOG");
        Self::run(command, flags)
    }

    /// Started with this as its standard error, and with variables.
    pub(crate) fn start_on(stderr: impl Into<Stdio>, variables: &[(&str, &str)], flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_updraft"));
        command
            .stderr(stderr)
            .env_remove("NO_COLOR")
            .env_remove("UPDRAFT_LOG");
        command.envs(variables.iter().copied());
        Self::run(command, flags)
    }

    /// Started by another program, which runs it in its own place, as `ip netns exec` does; with flags. What it says is lost, or
    /// in the file that `UPDRAFT_NODE_LOG` names.
    pub(crate) fn start_by(program: &[&str], flags: &[&str]) -> Self {
        let log = env::var_os("UPDRAFT_NODE_LOG");
        let log = log.map(|file| {
            File::options()
                .append(true)
                .create(true)
                .open(file)
                .expect("a file")
        });
        let all = [program, &[env!("CARGO_BIN_EXE_updraft")]].concat();
        let mut command = Command::new(all[0]);
        command
            .args(&all[1..])
            .stderr(log.map_or_else(Stdio::null, Stdio::from))
            .env_remove("UPDRAFT_LOG");
        Self::run(command, flags)
    }

    /// Started by a shell that ran a command before.
    #[cfg(unix)]
    pub(crate) fn start_after(shell: &str, flags: &[&str]) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]);
        command
            .arg(env!("CARGO_BIN_EXE_updraft"))
            .stderr(Stdio::piped())
            .env_remove("UPDRAFT_LOG");
        Self::run(command, flags)
    }

    /// Started as systemd starts it, on a socket that listens already.
    #[cfg(unix)]
    pub(crate) fn start_on_socket(listener: &TcpListener, flags: &[&str]) -> Self {
        const PASS: &str = "exec 3<&0 </dev/null; export LISTEN_FDS=1 LISTEN_PID=$$; exec \"$0\" \"$@\"";
        let socket = listener.try_clone().expect("a socket");
        let mut command = Command::new("sh");
        command
            .args(["-c", PASS, env!("CARGO_BIN_EXE_updraft")])
            .stdin(OwnedFd::from(socket))
            .stderr(Stdio::piped())
            .env_remove("UPDRAFT_LOG");
        Self::run(command, flags)
    }

    fn run(mut command: Command, flags: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let any_port: &[&str] = if flags.contains(&"--port") {
            &[]
        } else {
            &["--port", "0"]
        };
        let mut child = command
            .arg("serve")
            .args(any_port)
            .args(flags)
            .env("UPDRAFT_DATA", data.path())
            .env("UPDRAFT_PING_TIMEOUT", format!("{}s", HEARTBEAT.as_secs()))
            .env_remove("PORT")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let first = lines.next().expect("it says where it listens").expect("in UTF-8");
        let url = first.split_whitespace().last().expect("an address").to_owned();
        // Read on, so that the pipe never fills.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            _data: data,
            url,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        memory(self.pid())
    }

    /// Most memory that it ever held, in bytes.
    pub(crate) fn peak_memory(&self) -> usize {
        peak_memory(self.pid())
    }

    /// Files, connections among them, that it has open.
    pub(crate) fn open_files(&self) -> usize {
        open_files(self.pid())
    }

    /// Sends a signal by its name, as in `kill -TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("it was started").is_some()
    }

    /// Waits for its end: whether it succeeded, and what it wrote to standard error.
    pub(crate) fn wait(mut self) -> (bool, String) {
        let stderr = self.child.stderr.take();
        let mut said = String::new();
        if let Some(mut stderr) = stderr {
            stderr.read_to_string(&mut said).expect("UTF-8");
        }
        let status = self.child.wait().expect("it ends");
        (status.success(), said)
    }

    /// Ends it without asking.
    pub(crate) fn end(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Its standard error, to read while it runs.
    pub(crate) fn stderr(&mut self) -> ChildStderr {
        self.child.stderr.take().expect("stderr is piped")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
