//! On what it was measured.

use std::{fs, process::Command, thread};

use crate::peers;

/// The document's head.
pub(super) fn about() -> String {
    let text = format!(
        "Commit {}, on {} cores of {}, {} of memory, Linux {}. `make bench` measures it again.\n\n",
        commit(),
        thread::available_parallelism().map_or(1, usize::from),
        line("/proc/cpuinfo", "model name"),
        gigabytes(&line("/proc/meminfo", "MemTotal")),
        fs::read_to_string("/proc/sys/kernel/osrelease")
            .unwrap_or_default()
            .trim(),
    );
    text + &format!("With {}.\n", peers::versions().join("; "))
}

/// The commit that this is built from, and whether that is all of it.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(super::root())
            .args(arguments)
            .output();
        output.map_or_else(
            |_| String::new(),
            |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        )
    };
    let hash = git(&["rev-parse", "--short=12", "HEAD"]);
    match git(&[
        "status",
        "--porcelain",
        "--",
        "src",
        "bench",
        "benches",
        "Cargo.lock",
    ])
    .is_empty()
    {
        true => hash,
        false => format!("{hash} with changes that are not committed"),
    }
}

/// The kernel counts in kB.
fn gigabytes(kilobytes: &str) -> String {
    let number = kilobytes
        .split(' ')
        .next()
        .and_then(|number| number.parse::<u64>().ok());
    number.map_or_else(|| kilobytes.to_owned(), |number| format!("{} GB", number >> 20))
}

/// What a line of the kernel's says behind its name.
fn line(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_once(':')).map_or_else(
        || "an unknown machine".to_owned(),
        |(_, value)| value.trim().to_owned(),
    )
}
