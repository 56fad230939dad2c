//! The balancers of `examples/balancer/`, each as it stands there, before two nodes with stock clients.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::support::{PATIENCE, TestDatabase, node};

/// Runs a balancer in a temporary folder, until its standard input ends, which it does with this program. As root, it is run
/// as `nobody`.
const RUN: &str = r#"
set -e
directory=$(mktemp -d /tmp/updraft-balancer.XXXXXX)
trap 'rm -rf "$directory"' EXIT
trap : INT TERM
cat "$1" >"$directory/config"
as=
if [ "$(id -u)" = 0 ]; then
    chown -R nobody "$directory"
    as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
cd "$directory"
PATH=$PATH:/usr/sbin
exec 3<&0
case $2 in
    nginx) $as nginx -p "$directory" -e "$directory/log" -c "$directory/config" -g "daemon off; pid $directory/pid;" \
        </dev/null 3<&- & ;;
    caddy) HOME=$directory $as caddy run --config "$directory/config" --adapter caddyfile </dev/null >"$directory/log" 2>&1 3<&- & ;;
    haproxy) $as haproxy -db -f "$directory/config" </dev/null >"$directory/log" 2>&1 3<&- & ;;
esac
balancer=$!
echo started
read -r line <&3 || true
kill -TERM $balancer 2>/dev/null || true
wait $balancer || true
"#;

/// A balancer that runs until this is dropped.
pub(super) struct Running {
    _child: Child,
    url: String,
}

/// A port that is free now, and that the system gives to no client.
pub(super) fn port(number: &mut u16) -> u16 {
    loop {
        *number += 1;
        if TcpListener::bind(("127.0.0.1", *number)).is_ok() {
            return *number;
        }
    }
}

pub(super) fn start(program: &str, config: &str, port: u16) -> Running {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), config).unwrap();
    let mut child = Command::new("sh")
        .args(["-c", RUN, "balancer", file.path().to_str().unwrap(), program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "started\n");
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            begun.elapsed() < PATIENCE,
            "{program} does not listen: is it installed? (tests/balancers/install.sh)"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Running {
        _child: child,
        url: format!("http://127.0.0.1:{port}"),
    }
}

/// The example with these in place of its own: each stands in it.
fn replaced(example: &str, places: &[(&str, String)]) -> String {
    places.iter().fold(example.to_owned(), |text, (place, other)| {
        assert!(text.contains(place), "{place}");
        text.replace(place, other)
    })
}

/// An example, and what stands in it in place of its own where it is run.
struct Example {
    program: &'static str,
    text: &'static str,
    /// Where it listens, there and here.
    listens: (&'static str, &'static str),
    more: Vec<(&'static str, String)>,
    /// Ports of this test, from here on.
    ports: u16,
}

impl Example {
    /// Clients of a generation over each transport, before and after a node is killed.
    fn play(&self, generation: &str, mut ports: u16) {
        for transport in ["polling", "upgraded", "websocket"] {
            let [own, one, other] = [(); 3].map(|()| port(&mut ports));
            let mut places = vec![
                (self.listens.0, self.listens.1.replace("PORT", &own.to_string())),
                ("10.0.0.1:3000", format!("127.0.0.1:{one}")),
                ("10.0.0.2:3000", format!("127.0.0.1:{other}")),
            ];
            places.extend_from_slice(&self.more);
            let balancer = start(self.program, &replaced(self.text, &places), own);
            let database = TestDatabase::new();
            let (one, other) = (one.to_string(), other.to_string());
            let updraft = env!("CARGO_BIN_EXE_updraft");
            let nodes = [
                updraft,
                &database.url,
                generation,
                transport,
                &balancer.url,
                &one,
                &other,
            ];
            node("balanced.mjs", &nodes);
        }
    }

    /// Clients of three generations, each before nodes of its own.
    fn play_all(&self) {
        std::thread::scope(|scope| {
            for (generation, ports) in ["2", "3", "4"].into_iter().zip((self.ports..).step_by(100)) {
                scope.spawn(move || self.play(generation, ports));
            }
        });
    }
}

#[test]
fn nginx_as_in_its_example() {
    let folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let folders = folders.map(|name| format!("{name}_temp_path {name};"));
    let own = format!("http {{\n    {}\n", folders.join(" "));
    Example {
        program: "nginx",
        text: include_str!("../../../examples/balancer/nginx.conf"),
        listens: ("listen 80;", "listen 127.0.0.1:PORT;"),
        more: vec![
            ("http {\n", own),
            ("/var/log/nginx/access.log", "access.log".to_owned()),
        ],
        ports: 30_000,
    }
    .play_all();
}

#[test]
fn haproxy_as_in_its_example() {
    Example {
        program: "haproxy",
        text: include_str!("../../../examples/balancer/haproxy.cfg"),
        listens: ("bind :80", "bind 127.0.0.1:PORT"),
        more: Vec::new(),
        ports: 30_300,
    }
    .play_all();
}

#[test]
fn caddy_as_in_its_example() {
    // Without certificates, and without a second port by which it is told of another configuration.
    let own = "{\n\tadmin off\n}\nhttp://127.0.0.1:PORT {\n\tbind 127.0.0.1";
    Example {
        program: "caddy",
        text: include_str!("../../../examples/balancer/Caddyfile"),
        listens: ("example.org {", own),
        more: Vec::new(),
        ports: 30_600,
    }
    .play_all();
}
