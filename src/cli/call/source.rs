//! What is uploaded: a file or standard input, read on a thread of its own, as neither can be waited for otherwise.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    thread,
};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::cli::terminal::Failure;

/// Most bytes of a Buffer.
const CHUNK: usize = 64 << 10;

/// Whether this stands for standard input.
pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A file or standard input, Buffer by Buffer.
pub(super) struct Source {
    name: String,
    /// Bytes that it has, where that is known.
    pub(super) length: Option<u64>,
    buffers: mpsc::Receiver<io::Result<Bytes>>,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if is_stdin(path) {
            return Self::read("standard input".to_owned(), None, io::stdin());
        }
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| unreadable(&name, &error))?;
        let length = file.metadata().ok().filter(std::fs::Metadata::is_file);
        Self::read(name, length.map(|file| file.len()), file)
    }

    fn read(name: String, length: Option<u64>, from: impl Read + Send + 'static) -> Result<Self, Failure> {
        let (sender, buffers) = mpsc::channel(1);
        thread::Builder::new()
            .name("upload".to_owned())
            .spawn(move || read_all(from, &sender))?;
        Ok(Self {
            name,
            length,
            buffers,
        })
    }

    /// The next Buffer; `None` at the end. Nothing is lost where this is dropped before it completes.
    pub(super) async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let buffer = self.buffers.recv().await?;
        Some(buffer.map_err(|error| unreadable(&self.name, &error)))
    }
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    Failure(format!("cannot read {name}: {error}"))
}

/// Reads one Buffer ahead, until the end, an error, or until no more is wanted.
fn read_all(mut from: impl Read, buffers: &mpsc::Sender<io::Result<Bytes>>) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read.map(|size| Bytes::copy_from_slice(&chunk[..size])),
        };
        let is_last = read.is_err();
        if buffers.blocking_send(read).is_err() || is_last {
            return;
        }
    }
}
