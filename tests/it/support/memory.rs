//! What a process takes of the machine's memory and files, as the system accounts for it.

/// Resident memory of a process, in bytes.
pub(crate) fn memory(pid: u32) -> usize {
    status(pid, "VmRSS:")
}

/// Most memory that it ever held, in bytes.
pub(crate) fn peak_memory(pid: u32) -> usize {
    status(pid, "VmHWM:")
}

/// Files, connections among them, that it has open.
pub(crate) fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd"))
        .expect("it runs")
        .count()
}

/// A line of the system's account of a process, in bytes.
fn status(pid: u32, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("a line of that name");
    let kilobytes: usize = line
        .split_whitespace()
        .nth(1)
        .expect("a number")
        .parse()
        .expect("a number");
    kilobytes * 1024
}
