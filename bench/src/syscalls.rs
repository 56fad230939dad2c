//! System calls that a server makes, as strace counts them. Whom it watches is slow meanwhile, so that only rounds of
//! their own are counted.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    process::{Child, ChildStderr, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::NamedTempFile;

/// Counts the calls of some processes and all of their threads.
pub(crate) struct Strace {
    child: Child,
    stderr: BufReader<ChildStderr>,
    summary: NamedTempFile,
}

impl Strace {
    /// Counts from now on; or why it cannot, as it says.
    pub(crate) fn attach(processes: impl IntoIterator<Item = u32>) -> Result<Self, String> {
        let mut processes: Vec<u32> = processes.into_iter().collect();
        let summary = NamedTempFile::new().expect("a disk");
        let mut command = Command::new("strace");
        command.args(["-c", "-f", "-o"]).arg(summary.path());
        for process in &processes {
            command.args(["-p", &process.to_string()]);
        }
        let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("strace does not start: {error}"))?;
        let stderr = child.stderr.take().expect("it is piped");
        let mut this = Self {
            child,
            stderr: BufReader::new(stderr),
            summary,
        };
        let mut said = "strace says nothing".to_owned();
        while !processes.is_empty() {
            let mut line = String::new();
            this.stderr.read_line(&mut line).expect("UTF-8");
            if line.is_empty() {
                return Err(said);
            }
            said = line.trim().to_owned();
            // It goes on with those that it may watch.
            if said.contains("attach: ") {
                return Err(said);
            }
            processes.retain(|process| !said.starts_with(&format!("strace: Process {process} attached")));
        }
        Ok(this)
    }

    /// How many calls there were.
    pub(crate) fn detach(mut self) -> u64 {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGINT).expect("it runs");
        io::copy(&mut self.stderr, &mut io::sink()).expect("it ends");
        self.child.wait().expect("it ends");
        calls(&fs::read_to_string(self.summary.path()).expect("a summary"))
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Why calls cannot be counted here.
pub(crate) fn missing() -> Option<String> {
    let mut other = Command::new("sleep").arg("60").spawn().expect("a process");
    let refused = Strace::attach([other.id()]).err();
    let _ = other.kill();
    let _ = other.wait();
    refused
}

/// All that a summary lists: between two rules a line for each call, in which its number is the fourth word. The line
/// of their sum has fewer words in older versions.
fn calls(summary: &str) -> u64 {
    let is_rule = |line: &&str| line.starts_with("---");
    summary
        .lines()
        .skip_while(|line| !is_rule(line))
        .skip(1)
        .take_while(|line| !is_rule(line))
        .filter_map(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::calls;

    #[test]
    fn the_calls_of_a_summary_are_added_up() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.20    0.003594           9       382           epoll_pwait
 30.10    0.001768          11       150        12 futex
  8.70    0.000511           2       201           write
------ ----------- ----------- --------- --------- ----------------
100.00    0.005873           8       733        12 total
";
        assert_eq!(calls(summary), 733);
    }

    #[test]
    fn a_summary_whose_sum_has_no_mean_is_read_as_well() {
        let summary = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
  0.00    0.000000           0         3           read
  0.00    0.000000           0         4         1 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.000000                     7         1 total
";
        assert_eq!(calls(summary), 7);
    }

    #[test]
    fn who_made_no_call_has_an_empty_summary() {
        assert_eq!(calls(""), 0);
    }
}
