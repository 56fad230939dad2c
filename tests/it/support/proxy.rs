//! What stands between a node and its database, or its clients, on 127.0.0.1, and what may happen there.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

/// What becomes of bytes.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Open,
    /// Connections end, and new ones too.
    Cut,
    /// Connections are taken, and nothing is said. They end with that.
    Silent,
    /// Nothing gets through, until it is open again: as TCP sends again what was lost.
    Lost(Lost),
}

/// What does not get through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lost {
    Requests,
    Answers,
    All,
}

/// Where a proxy leads to.
#[derive(Clone)]
enum Target {
    Nowhere,
    Socket(PathBuf),
    Address(SocketAddr),
}

/// Passes connections on, for as long as it is not told otherwise.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    line: watch::Sender<Line>,
    target: watch::Sender<Target>,
    connections: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// To a socket.
    pub(crate) async fn before(socket: &Path) -> Self {
        Self::to(Target::Socket(socket.to_owned())).await
    }

    /// To an address that is not known yet.
    pub(crate) async fn before_a_node() -> Self {
        Self::to(Target::Nowhere).await
    }

    async fn to(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (line, target) = (watch::Sender::new(Line::Open), watch::Sender::new(target));
        let (told, leads) = (line.subscribe(), target.subscribe());
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                let to = leads.borrow().clone();
                tokio::spawn(pass_on(client, to, told.clone()));
            }
        });
        Self {
            address,
            line,
            target,
            connections,
            listening,
        }
    }

    /// How many came, whatever became of them.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// New connections lead there.
    pub(crate) fn leads_to(&self, address: SocketAddr) {
        self.target.send_replace(Target::Address(address));
    }

    pub(crate) fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    pub(crate) fn fall_silent(&self) {
        self.line.send_replace(Line::Silent);
    }

    pub(crate) fn lose(&self, lost: Lost) {
        self.line.send_replace(Line::Lost(lost));
    }

    pub(crate) fn open(&self) {
        self.line.send_replace(Line::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Line {
    fn has_connections(&self) -> bool {
        matches!(self, Self::Open | Self::Lost(_))
    }

    /// Whether something of this kind gets through.
    fn passes(self, kind: Lost) -> bool {
        match self {
            Self::Lost(lost) => lost != kind && lost != Lost::All,
            _ => true,
        }
    }
}

async fn pass_on(client: TcpStream, target: Target, mut line: watch::Receiver<Line>) {
    let has_connections = line.borrow().has_connections();
    if !has_connections {
        let _ = line.wait_for(|line| *line != Line::Silent).await;
        return;
    }
    let _ = client.set_nodelay(true);
    match target {
        Target::Nowhere => {}
        Target::Socket(socket) => {
            if let Ok(server) = UnixStream::connect(socket).await {
                pass(client, server, line).await;
            }
        }
        Target::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                let _ = server.set_nodelay(true);
                pass(client, server, line).await;
            }
        }
    }
}

/// A connection that was cut short, or silent for a time, ends with that: what the server holds for it too.
async fn pass(
    client: TcpStream,
    server: impl AsyncRead + AsyncWrite + Send,
    mut line: watch::Receiver<Line>,
) {
    let (mut asks, mut is_told) = split(client);
    let (mut answers, mut is_asked) = split(server);
    let (there, back) = (line.clone(), line.clone());
    tokio::select! {
        _ = async {
            tokio::try_join!(
                pour(&mut asks, &mut is_asked, there, Lost::Requests),
                pour(&mut answers, &mut is_told, back, Lost::Answers),
            )
        } => return,
        _ = line.wait_for(|line| !line.has_connections()) => {}
    }
    let _ = line.wait_for(|line| *line != Line::Silent).await;
}

/// That a connection ended gets through as its bytes do, and behind them.
async fn pour(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut line: watch::Receiver<Line>,
    kind: Lost,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut bytes).await.unwrap_or(0);
        let is_there = line.wait_for(|line| line.passes(kind)).await.is_ok();
        if !is_there || read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&bytes[..read]).await?;
    }
}
