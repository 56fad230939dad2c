//! A Redis server of a story's own, in a temporary folder; ended with the story, or with the program, however that ends.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io::{BufRead, BufReader, Lines, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// Runs a server on a port until its standard input ends, which it does with this program; then nothing is left of it. Lines of its
/// input end it at once, as a crash would, and start it again. Where this is root, it runs as `nobody`. It keeps nothing.
const RUN: &str = r#"
set -e
port=$1
directory=$(mktemp -d /tmp/updraft-redis.XXXXXX)
as=
if [ "$(id -u)" = 0 ]; then
    chown nobody "$directory"
    as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
cd "$directory"
trap 'rm -rf "$directory"' EXIT
trap : INT TERM
start() {
    $as redis-server --port "$port" --bind 127.0.0.1 --dir "$directory" --save "" --appendonly no \
        ${REDISCLI_AUTH:+--requirepass "$REDISCLI_AUTH"} >>log 2>&1 </dev/null 3<&- &
    server=$!
    until redis-cli -p "$port" info server 2>/dev/null | grep -q "^process_id:$server\\b"; do
        kill -0 $server 2>/dev/null || { cat log >&2; exit 1; }
        sleep 0.02
    done
    echo $server
}
# The shell would say that it was killed.
end() {
    { kill -KILL $server && wait $server; } 2>/dev/null || true
}
exec 3<&0
start
while read -r command <&3; do
    case $command in
        stop) end; echo stopped ;;
        start) start ;;
    esac
done
end
"#;

/// Ports that no system hands out to connections by itself, and no other kind of server of the stories has, so that a server that
/// was stopped finds its own free.
const PORTS: std::ops::Range<u16> = 16_000..20_000;

/// How many ports are tried: others may listen there.
const TRIES: u16 = 50;

/// A server; it ends when this is dropped, or with this program.
pub(crate) struct RedisServer {
    _child: Child,
    /// What it lives for.
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    port: u16,
    password: String,
    pid: String,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        Self::with_password("")
    }

    /// Started so that it asks for a password, unless that is empty.
    pub(crate) fn with_password(password: &str) -> Self {
        let ports = PORTS.end - PORTS.start;
        let first = (RandomState::new().build_hasher().finish() % u64::from(ports)) as u16;
        let mut tried = (0..TRIES).map(|further| PORTS.start + (first + further) % ports);
        let started = tried.find_map(|port| Self::on(port, password));
        started.expect("Redis starts: `make test` installs it, or apt-get install redis-server")
    }

    fn on(port: u16, password: &str) -> Option<Self> {
        let mut child = Command::new("sh")
            .args(["-c", RUN, "redis", &port.to_string()])
            .env("REDISCLI_AUTH", password)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let commands = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let mut answers = BufReader::new(stdout).lines();
        let Some(pid) = answers.next() else {
            child.wait().expect("it ends");
            return None;
        };
        Some(Self {
            _child: child,
            commands,
            answers,
            port,
            password: password.to_owned(),
            pid: pid.expect("UTF-8"),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        match &*self.password {
            "" => format!("redis://127.0.0.1:{}", self.port),
            password => format!("redis://:{password}@127.0.0.1:{}", self.port),
        }
    }

    /// Ends it without a word, as a crash would; until [`RedisServer::start_again`], at the same port.
    pub(crate) fn crash(&mut self) {
        self.command("stop");
    }

    pub(crate) fn start_again(&mut self) {
        self.pid = self.command("start");
    }

    /// It does nothing, and keeps its connections, until [`RedisServer::go_on`].
    pub(crate) fn pause(&self) {
        self.signal("STOP");
    }

    pub(crate) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.pid])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    fn command(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").expect("it runs");
        self.answers.next().expect("it does so").expect("UTF-8")
    }

    /// What `redis-cli` answers, without decoration.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--raw"])
            .env("REDISCLI_AUTH", &self.password)
            .args(command)
            .output()
            .expect("redis-cli runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {said}");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    }

    /// Whether it has room for one more connection.
    pub(crate) fn takes_clients(&self) -> bool {
        let mut ping = self.begin(&["PING"]);
        let stdout = ping.stdout.take().expect("it is piped");
        let answer = BufReader::new(stdout).lines().next();
        ping.wait().expect("it ends");
        answer.is_some_and(|answer| answer.expect("UTF-8") == "PONG")
    }

    /// Begins a command of `redis-cli` that goes on, or, without one, those of its standard input.
    pub(crate) fn begin(&self, command: &[&str]) -> Child {
        Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "--raw"])
            .env("REDISCLI_AUTH", &self.password)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-cli runs")
    }

    /// Ends every connection to it.
    pub(crate) fn cut(&self) {
        for kind in ["normal", "pubsub"] {
            self.cli(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]);
        }
    }
}
