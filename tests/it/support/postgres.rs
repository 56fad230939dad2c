//! A PostgreSQL server of the test program's own: started by the first story that needs one, in a temporary folder, and ended
//! with the program, however that ends. Each story has a database.

use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    io::{BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpListener},
    ops::Range,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Longest that connections take to end. (This file is part of the benchmarks too, and uses no other.)
const PATIENCE: Duration = Duration::from_mins(2);

/// Makes a cluster, or a standby of one that runs, and runs it until its standard input ends, which it does with this program;
/// then nothing is left of it. Lines of its input stop it at once, as a crash would, kill all its processes, start it again, or make
/// it the standby of another in place of what it was. Files that are given lie beside its data, and so does the library by which its
/// disk can be slow. A server refuses to run as root: there, as `nobody`. What is written here survives no power loss, so nothing is
/// synced.
const RUN: &str = r#"
set -e
programs=$1 settings=$2
directory=$(mktemp -d /tmp/updraft-postgres.XXXXXX)
as=
if [ "$(id -u)" = 0 ]; then
    chown nobody "$directory"
    as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
cd "$directory"
trap 'rm -rf "$directory"' EXIT
trap : INT TERM
if [ -n "$4" ]; then
    cp "$4"/* .
    chmod 600 ./*.pem
    [ -z "$as" ] || chown nobody ./*.pem
fi
slow=
if [ -n "$5" ]; then
    # Rust links by this compiler, so there is one.
    echo "$5" | cc -shared -fPIC -O1 -x c - -o sync_delay.so
    slow="env LD_PRELOAD=$directory/sync_delay.so UPDRAFT_SYNC_DELAY=$directory/sync_delay"
fi
copy() {
    $as timeout 120 "$programs/pg_basebackup" -D data -h "$1" -U postgres -R -X stream -c fast --no-sync >/dev/null
}
case $3 in
"") $as "$programs/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null ;;
*) copy "$3" ;;
esac
start() {
    $as $slow "$programs/postgres" -D data -k "$directory" -c listen_addresses= -c fsync=off -c max_connections=1000 \
        -c shared_buffers=64MB $settings >>log 2>&1 </dev/null 3<&- &
    server=$!
    until $as "$programs/pg_isready" -q -h "$directory" -U postgres; do
        kill -0 $server || { cat log >&2; exit 1; }
        sleep 0.05
    done
    echo "$directory"
}
exec 3<&0
start
while read -r command from <&3; do
    case $command in
        stop) kill -QUIT $server; wait $server 2>/dev/null || true; echo "$directory" ;;
        kill)
            # Stopped, it makes no more processes.
            kill -STOP $server
            children=$(pgrep -d, -P $server)
            kill -KILL $(echo "$children" | tr , ' ') $server || true
            wait $server 2>/dev/null || true
            while ps -o stat= -p "$children" 2>/dev/null | grep -qv '^Z'; do sleep 0.02; done
            echo "$directory"
            ;;
        start) start ;;
        follow)
            # What a killed server leaves to the system.
            ipcrm -m "$(awk 'NR == 7 { print $2 }' data/postmaster.pid)" 2>/dev/null || true
            rm -rf data
            copy "$from"
            start
            ;;
    esac
done
kill -INT $server 2>/dev/null || true
wait $server 2>/dev/null || true
"#;

/// What makes each sync of a server take as long as a file says.
const SYNC_DELAY: &str = include_str!("../../postgres/sync_delay.c");

/// The port that names a socket; no server listens there unless a story says so.
pub(crate) const PORT: u16 = 5432;

/// A server; it ends when this is dropped, or with this program.
pub(crate) struct PostgresServer {
    _child: Child,
    /// What it lives for.
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    directory: PathBuf,
    port: u16,
    settings: String,
    /// Whether its disk can be slow.
    is_slow: bool,
}

/// A database of one story.
pub(crate) struct TestDatabase {
    pub(crate) url: String,
    name: String,
    /// Another one of the same server.
    beside: String,
    directory: PathBuf,
    port: u16,
}

impl PostgresServer {
    /// Starts one; with settings, as in `-c name=value`.
    pub(crate) fn start(settings: &str) -> Self {
        Self::run(PORT, settings, "", "", false)
    }

    /// Starts one whose disk can be slow ([`PostgresServer::slow_down`]); on Linux.
    pub(crate) fn start_on_slow_disk(settings: &str) -> Self {
        Self::run(PORT, &format!("-c fsync=on {settings}"), "", "", true)
    }

    /// Starts one that listens on a port too, beside whose data the files of a folder lie.
    pub(crate) fn start_beside(files: &Path, settings: &str) -> Self {
        Self::run(free_port(), settings, "", files.to_str().expect("UTF-8"), false)
    }

    /// Starts one that listens on a port of 127.0.0.1 too.
    pub(crate) fn start_on_port() -> Self {
        Self::run(free_port(), "-c listen_addresses=127.0.0.1", "", "", false)
    }

    /// Starts a standby of this one, with its settings.
    pub(crate) fn standby(&self) -> Self {
        self.standby_with("")
    }

    /// The same, with some that go before those.
    pub(crate) fn standby_with(&self, settings: &str) -> Self {
        let settings = format!("{} {settings}", self.settings);
        let primary = self.directory.to_str().expect("UTF-8");
        Self::run(self.port, &settings, primary, "", self.is_slow)
    }

    fn run(port: u16, settings: &str, primary: &str, files: &str, is_slow: bool) -> Self {
        let slow = if is_slow { SYNC_DELAY } else { "" };
        let mut child = Command::new("sh")
            .args(["-c", RUN, "postgres", &programs(), settings, primary, files])
            .arg(slow)
            .env("PGPORT", port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let commands = child.stdin.take().expect("it is piped");
        let stdout = child.stdout.take().expect("it is piped");
        let mut answers = BufReader::new(stdout).lines();
        let directory = answers.next().expect("PostgreSQL starts").expect("UTF-8");
        Self {
            _child: child,
            commands,
            answers,
            directory: directory.into(),
            port,
            settings: settings.to_owned(),
            is_slow,
        }
    }

    /// Ends it without a word, as a crash would; until [`PostgresServer::start_again`].
    pub(crate) fn crash(&mut self) {
        self.command("stop");
    }

    pub(crate) fn start_again(&mut self) {
        self.command("start");
    }

    /// Ends each of its processes by SIGKILL; until [`PostgresServer::start_again`] or [`PostgresServer::follow`].
    pub(crate) fn kill(&mut self) {
        self.command("kill");
    }

    /// Starts a server that was killed as the standby of another, with a copy of all that this has. It has the same address.
    pub(crate) fn follow(&mut self, primary: &Self) {
        self.command(&format!("follow {}", primary.directory.display()));
    }

    /// Each sync takes so long from now on.
    pub(crate) fn slow_down(&self, sync: Duration) {
        let delay = sync.as_millis().to_string();
        fs::write(self.directory.join("sync_delay"), delay).expect("it runs");
    }

    fn command(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("it runs");
        self.answers.next().expect("it does so").expect("UTF-8");
    }

    /// An empty database.
    pub(crate) fn database(&self) -> TestDatabase {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("story_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let database = TestDatabase {
            url: self.url(&name),
            beside: self.url("postgres"),
            name,
            directory: self.directory.clone(),
            port: self.port,
        };
        psql(&database.beside, &format!("CREATE DATABASE {}", database.name));
        database
    }

    /// What `psql` answers, without headings, as the superuser.
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.psql_of("postgres", sql)
    }

    /// The same of one of its databases.
    pub(crate) fn psql_of(&self, name: &str, sql: &str) -> String {
        psql(&self.url(name), sql)
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Takes connections from these addresses too.
    pub(crate) fn trust(&self, addresses: &str) {
        let file = self.directory.join("data/pg_hba.conf");
        let mut file = fs::File::options().append(true).open(file).expect("it is there");
        writeln!(file, "host all all {addresses} trust").expect("it is written");
        self.psql("SELECT pg_reload_conf()");
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, name: &str) -> String {
        let (port, directory) = (self.port, self.directory.display());
        format!("postgres:///{name}?user=postgres&port={port}&host={directory}")
    }

    /// A standby becomes a primary.
    pub(crate) fn promote(&self) {
        assert_eq!(self.psql("SELECT pg_promote()"), "t");
    }

    /// The URL of a database that two servers have: of the one that is the primary.
    pub(crate) fn or(&self, other: &Self, database: &TestDatabase) -> String {
        let host = |server: &Self| {
            let directory = server.directory.display().to_string();
            format!("{}:{}", directory.replace('/', "%2F"), server.port)
        };
        format!(
            "postgres://postgres@{},{}/{}",
            host(self),
            host(other),
            database.name
        )
    }
}

impl TestDatabase {
    /// One of the server that all stories share.
    pub(crate) fn new() -> Self {
        static SHARED: OnceLock<PostgresServer> = OnceLock::new();
        SHARED.get_or_init(|| PostgresServer::start("")).database()
    }

    /// What `psql` answers, without headings.
    pub(crate) fn psql(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }

    /// A connection of the story's own.
    pub(crate) async fn client(&self) -> tokio_postgres::Client {
        let connected = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await;
        let (client, connection) = connected.expect("the server runs");
        tokio::spawn(connection);
        client
    }

    /// The server's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.join(format!(".s.PGSQL.{}", self.port))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The server's folder, where its socket is.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its URL by an address, without TLS.
    pub(crate) fn url_by(&self, address: SocketAddr) -> String {
        format!("postgres://postgres@{address}/{}?sslmode=disable", self.name)
    }

    /// Ends every connection to it.
    pub(crate) fn cut(&self) {
        let all = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        );
        psql(&self.beside, &all);
    }

    /// Nothing reaches it any more, until [`TestDatabase::come_back`].
    pub(crate) fn go_away(&self) {
        psql(
            &self.beside,
            &format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", self.name),
        );
        // One that was let in just before may come to be seen behind the cut.
        let mut empty = 0;
        let deadline = Instant::now() + PATIENCE;
        while empty < 2 {
            assert!(Instant::now() < deadline, "connections stay");
            self.cut();
            empty = if self.is_empty() { empty + 1 } else { 0 };
        }
    }

    /// Whether no connection to it is left.
    fn is_empty(&self) -> bool {
        let others = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'",
            self.name
        );
        psql(&self.beside, &others) == "0"
    }

    pub(crate) fn come_back(&self) {
        psql(
            &self.beside,
            &format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", self.name),
        );
    }
}

/// What a server answers, without headings.
fn psql(url: &str, sql: &str) -> String {
    let output = Command::new(format!("{}/psql", programs()))
        .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
        .output()
        .expect("psql runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{sql}: {said}");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

/// Ports that no system hands out to connections by itself, and no other kind of server of the stories has.
const PORTS: Range<u16> = 12_000..16_000;

/// One that nothing listens at.
fn free_port() -> u16 {
    let first = RandomState::new().build_hasher().finish() as usize % PORTS.len();
    let mut ports = PORTS.cycle().skip(first).take(PORTS.len());
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.expect("a port")
}

/// The folder of the newest server that Debian has installed, or that `PATH` leads to.
fn programs() -> String {
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.retain(|folder| folder.join("initdb").exists());
    folders.sort();
    if let Some(newest) = folders.pop() {
        return newest.to_str().expect("UTF-8").to_owned();
    }
    let asked = Command::new("pg_config").arg("--bindir").output();
    let asked = asked.expect("PostgreSQL is installed: `make test` does that, or apt-get install postgresql");
    String::from_utf8(asked.stdout).expect("UTF-8").trim().to_owned()
}
