//! How much memory a server may take, by what the machine has.

use std::{fs, path::Path, sync::OnceLock};

/// The least that `--max-memory` takes: a call that unpacks as far as it may, and its answer, several times.
pub(super) const LEAST: usize = 64 << 20;

/// A quarter of the machine's memory or of its cgroup's, whichever is less.
pub(super) fn quarter() -> usize {
    static QUARTER: OnceLock<usize> = OnceLock::new();
    *QUARTER.get_or_init(|| quarter_of(Path::new("/")))
}

/// The same, of the system whose files are there: a gigabyte is taken for what does not say.
fn quarter_of(root: &Path) -> usize {
    const UNSAID: usize = 1 << 30;
    let read = |path| fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = machine(&read("proc/meminfo"));
    let cgroup = cgroup(root, &read("proc/self/cgroup"));
    let most = machine.into_iter().chain(cgroup).min().unwrap_or(UNSAID);
    (most / 4).max(LEAST)
}

/// `MemTotal` of `/proc/meminfo`.
fn machine(meminfo: &str) -> Option<usize> {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: usize = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The least `memory.max` of the process's cgroup (version 2) and of those above it.
fn cgroup(root: &Path, cgroups: &str) -> Option<usize> {
    let path = cgroups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let mounted = root.join("sys/fs/cgroup");
    let limits = Path::new(path).ancestors().filter_map(|cgroup| {
        let limit = fs::read_to_string(mounted.join(cgroup).join("memory.max")).ok()?;
        // "max" where there is none.
        limit.trim().parse().ok()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_machine_and_cgroups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(quarter_of(root.path()), 256 << 20, "nothing says");
        write("proc/meminfo", "MemTotal:       24737400 kB\nMemFree: 1 kB\n");
        assert_eq!(quarter_of(root.path()), 24_737_400 * 256);
        write("proc/self/cgroup", "0::/system.slice/updraft.service\n");
        write("sys/fs/cgroup/system.slice/updraft.service/memory.max", "max\n");
        assert_eq!(quarter_of(root.path()), 24_737_400 * 256, "no limit");
        write("sys/fs/cgroup/system.slice/memory.max", "1073741824\n");
        assert_eq!(quarter_of(root.path()), 256 << 20, "of the one above it");
        write(
            "sys/fs/cgroup/system.slice/updraft.service/memory.max",
            "1048576\n",
        );
        assert_eq!(quarter_of(root.path()), LEAST);
    }
}
