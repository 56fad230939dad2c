//! What becomes of the server's frames: each is printed, and Buffers go to a file where one is named.

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::{
    call::payload::Data,
    cli::terminal::{Failure, Lines, bytes_bar_beside_output},
    client::with_buffers_as_base64,
};

/// Where frames of the server go.
pub(super) struct Printed {
    /// The number of the next.
    next: u64,
    lines: Lines,
    output: Option<Output>,
}

/// The file that Buffers go to.
struct Output {
    path: PathBuf,
    /// Created for the first Buffer: what is refused leaves a file as it is.
    file: Option<BufWriter<File>>,
    bar: ProgressBar,
}

impl Printed {
    /// Nothing yet; Buffers go to this file, where there is one.
    pub(super) fn to(output: Option<&Path>) -> Self {
        Self {
            next: 0,
            lines: Lines::new(),
            output: output.map(Output::to),
        }
    }

    /// Prints a frame, or writes it to the file.
    pub(super) fn frame(&mut self, n: Option<u64>, packet: &Data) -> Result<ControlFlow<()>, Failure> {
        self.expect(n)?;
        self.next += 1;
        if let Some(output) = &mut self.output
            && let Some(buffer) = buffer_in(packet)?
        {
            output.write(&buffer)?;
            return Ok(ControlFlow::Continue(()));
        }
        let mut frame = with_buffers_as_base64(packet)?;
        match self.lines.say(frame["data"].take())? {
            ControlFlow::Continue(()) => self.lines.flush(),
            closed => Ok(closed),
        }
    }

    /// What frame comes next, or would.
    pub(super) fn expect(&self, n: Option<u64>) -> Result<(), Failure> {
        match n {
            Some(n) if n == self.next => Ok(()),
            _ => Err(Failure(format!(
                "the server sent a broken stream: frame {} was to come",
                self.next
            ))),
        }
    }

    /// The credit to give, once half of the window was printed.
    pub(super) fn owed(&self, window: u64) -> Option<u64> {
        self.next.is_multiple_of(window / 2).then_some(self.next)
    }

    /// What came is in the file.
    pub(super) fn keep(&mut self) -> Result<(), Failure> {
        match self.output.as_mut().and_then(|output| output.file.as_mut()) {
            Some(file) => Ok(file.flush()?),
            None => Ok(()),
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.output.as_mut().map_or(Ok(()), Output::finish)
    }
}

impl Output {
    fn to(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            bar: bytes_bar_beside_output(None, "downloaded"),
        }
    }

    fn write(&mut self, buffer: &[u8]) -> Result<(), Failure> {
        self.file()?.write_all(buffer)?;
        self.bar.inc(buffer.len() as u64);
        Ok(())
    }

    fn file(&mut self) -> Result<&mut BufWriter<File>, Failure> {
        let file = match self.file.take() {
            Some(file) => file,
            None => {
                let failure = |error| Failure(format!("cannot write {}: {error}", self.path.display()));
                BufWriter::new(File::create(&self.path).map_err(failure)?)
            }
        };
        Ok(self.file.insert(file))
    }

    /// All of it is in the file, which is there, also where no Buffer came.
    fn finish(&mut self) -> Result<(), Failure> {
        Ok(self.file()?.flush()?)
    }
}

/// The Buffer that a frame is, where it is one.
fn buffer_in(packet: &Data) -> Result<Option<Bytes>, Failure> {
    let (json, mut buffers) = packet.to_parts();
    let frame: Value = serde_json::from_str(&json)?;
    let is_buffer = frame["data"]["_placeholder"] == true;
    Ok(buffers.pop().filter(|_| is_buffer && buffers.is_empty()))
}
