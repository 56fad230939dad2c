//! What stands between a node and its database, on 127.0.0.1, and what may happen there.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use tokio::{
    io::copy_bidirectional,
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
    /// Connections are taken, and nothing is said.
    Silent,
}

/// Passes connections on to a socket, for as long as it is not told otherwise.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    line: watch::Sender<Line>,
    listening: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn before(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let line = watch::Sender::new(Line::Open);
        let (socket, told) = (socket.to_owned(), line.subscribe());
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, socket.clone(), told.clone()));
            }
        });
        Self {
            address,
            line,
            listening,
        }
    }

    pub(crate) fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    pub(crate) fn fall_silent(&self) {
        self.line.send_replace(Line::Silent);
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

/// A connection that was cut short, or silent for a time, ends with that.
async fn pass_on(mut client: TcpStream, socket: PathBuf, mut line: watch::Receiver<Line>) {
    if *line.borrow() == Line::Open {
        let Ok(mut server) = UnixStream::connect(socket).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = line.wait_for(|line| *line != Line::Open) => {}
        }
        // What the server holds for this connection ends with the silence too.
        let _ = line.wait_for(|line| *line != Line::Silent).await;
        return;
    }
    let _ = line.wait_for(|line| *line != Line::Silent).await;
}
