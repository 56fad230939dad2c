//! A PostgreSQL server of the test program's own: started by the first story that needs one, in a temporary folder, and ended
//! with the program, however that ends. Each story has a database.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Makes a cluster, or a standby of one that runs, and runs it until its standard input ends, which it does with this program;
/// then nothing is left of it. Lines of its input stop it at once, as a crash would, and start it again. Files that are given lie
/// beside its data. A server refuses to run as root: there, as `nobody`. What is written here survives no power loss, so nothing
/// is synced.
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
case $3 in
"") $as "$programs/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null ;;
*) $as "$programs/pg_basebackup" -D data -h "$3" -U postgres -R -X stream -c fast --no-sync >/dev/null ;;
esac
start() {
    $as "$programs/postgres" -D data -k "$directory" -c listen_addresses= -c fsync=off -c max_connections=300 \
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
while read -r command <&3; do
    case $command in
        stop) kill -QUIT $server; wait $server || true; echo "$directory" ;;
        start) start ;;
    esac
done
kill -INT $server 2>/dev/null || true
wait $server || true
"#;

/// The port that names a socket; no server listens there unless a story says so.
const PORT: u16 = 5432;

/// A server; it ends when this is dropped, or with this program.
pub(crate) struct PostgresServer {
    _child: Child,
    /// What it lives for.
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    directory: PathBuf,
    port: u16,
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
        Self::run(PORT, settings, "", "")
    }

    /// Starts one that listens on a port too, beside whose data the files of a folder lie.
    pub(crate) fn start_beside(files: &Path, settings: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a port").port();
        Self::run(port, settings, "", files.to_str().expect("UTF-8"))
    }

    /// Starts a standby of this one.
    pub(crate) fn standby(&self) -> Self {
        Self::run(self.port, "", self.directory.to_str().expect("UTF-8"), "")
    }

    fn run(port: u16, settings: &str, primary: &str, files: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", RUN, "postgres", &programs(), settings, primary, files])
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
        }
    }

    /// Ends it without a word, as a crash would; until [`PostgresServer::start_again`].
    pub(crate) fn crash(&mut self) {
        self.command("stop");
    }

    pub(crate) fn start_again(&mut self) {
        self.command("start");
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

    fn url(&self, name: &str) -> String {
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
        self.cut();
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
