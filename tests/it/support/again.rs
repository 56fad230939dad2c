//! This test program again, as another process that plays one of its tests in another role.

use std::{
    env,
    ffi::OsStr,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A test that is about to be run by a process of its own; variables tell it its role.
pub(crate) struct Again(Command);

impl Again {
    /// By the test's whole path.
    pub(crate) fn new(test: &str) -> Self {
        Self::behind(Command::new(env::current_exe().unwrap()), test)
    }

    /// Runs the test by a shell that ran a command before.
    #[cfg(unix)]
    pub(crate) fn after(shell: &str, test: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" \"$@\"")]);
        command.arg(env::current_exe().unwrap());
        Self::behind(command, test)
    }

    fn behind(mut command: Command, test: &str) -> Self {
        command
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Self(command)
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn start(mut self) -> Running {
        Running(self.0.spawn().expect("the test program starts"))
    }
}

/// Killed when dropped.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.0.stdout.take().expect("it is taken once")
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("it is taken once")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Ends it without warning, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it can be killed");
        self.0.wait().expect("it is gone");
    }

    /// Waits for its own end; whether the test passed.
    pub(crate) fn passed(&mut self) -> bool {
        self.0.wait().expect("it ends").success()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
