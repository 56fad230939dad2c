//! `call --stream` and `call --upload`: frames to and fro, each side within the credit of the other (docs/streams.md).

use std::{
    fs::File,
    io::{BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{signal::ctrl_c, time::Sleep};

use super::{
    answer::{ACK, EVENT, overheard, print, told},
    source::Source,
};
use crate::{
    call::payload::Data,
    cli::terminal::{Failure, Lines, bytes_bar, bytes_bar_beside_output},
    client::{Client, Incoming, Packet, with_buffers_as_base64},
};

/// The name of the only stream of its connection.
const STREAM: &str = "call";

/// Frames that may be out which were not printed.
const WINDOW: u64 = 32;

/// Frames to and fro, before there is a connection.
pub(super) struct Streaming {
    printed: Printed,
    upload: Option<Upload>,
}

/// Where frames of the server go.
struct Printed {
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

/// What is sent.
struct Upload {
    source: Source,
    /// The number of the next frame.
    next: u64,
    /// Frames below this may be sent.
    granted: u64,
    has_ended: bool,
    bar: ProgressBar,
}

/// What the server says of the stream.
#[derive(Deserialize)]
struct Heard {
    event: String,
    stream: Option<String>,
    n: Option<u64>,
    window: Option<u64>,
    error: Option<Value>,
}

/// What is said of the stream.
#[derive(Serialize)]
struct Said<T> {
    event: &'static str,
    stream: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(flatten)]
    body: T,
}

impl<T: Serialize> Said<T> {
    fn new(event: &'static str, n: impl Into<Option<u64>>, body: T) -> Self {
        Self {
            event,
            stream: STREAM,
            n: n.into(),
            body,
        }
    }
}

/// Where the call stands after a packet.
enum Step {
    /// The stream is open.
    Open,
    /// Something else came.
    Waits,
    Done,
    /// Nothing is printed any more: the pipe is closed.
    Unread,
}

impl Streaming {
    pub(super) fn new(output: Option<&Path>, upload: Option<&Path>) -> Result<Self, Failure> {
        let upload = upload.map(Upload::open).transpose()?;
        let output = output.map(Output::to);
        Ok(Self {
            printed: Printed {
                next: 0,
                lines: Lines::new(),
                output,
            },
            upload,
        })
    }

    /// Opens a stream by this call, and carries it on until it ends, or the user ends it. Until it is open there is time for
    /// as long as this sleeps.
    pub(super) async fn run(
        mut self,
        mut client: Client,
        mut call: Value,
        timeout: Sleep,
        too_late: impl Fn() -> Failure,
    ) -> Result<(), Failure> {
        let interrupt = ctrl_c();
        tokio::pin!(interrupt, timeout);
        call["stream"] = STREAM.into();
        call["window"] = WINDOW.into();
        client.send(packet(&call, Some(ACK))?).await?;
        let mut is_open = false;
        loop {
            tokio::select! {
                incoming = client.next() => match self.take_in(&mut client, incoming?).await? {
                    Step::Open => is_open = true,
                    Step::Waits => {}
                    Step::Done => return Ok(()),
                    Step::Unread => return cancel(client).await,
                },
                buffer = next_buffer(&mut self.upload) => self.send(&mut client, buffer).await?,
                () = &mut timeout, if !is_open => return Err(too_late()),
                interrupted = &mut interrupt => {
                    interrupted?;
                    cancel(client).await?;
                    return Err(Failure("interrupted: the stream was cancelled".to_owned()));
                }
            }
        }
    }

    async fn take_in(&mut self, client: &mut Client, incoming: Incoming) -> Result<Step, Failure> {
        match incoming {
            Incoming::Ack { number: ACK, data } => {
                let answer = with_buffers_as_base64(&data)?;
                match answer["data"]["stream"] == STREAM {
                    true => Ok(Step::Open),
                    false => print(answer).map(|()| Step::Done),
                }
            }
            Incoming::Ack { .. } => Ok(Step::Waits),
            Incoming::Event { name, data, .. } => match heard(&name, &data) {
                Some(heard) => self.hear(client, heard, &data).await,
                None => overheard(&name, &data).map(|()| Step::Waits),
            },
        }
    }

    async fn hear(&mut self, client: &mut Client, heard: Heard, packet: &Data) -> Result<Step, Failure> {
        match heard.event.as_str() {
            "stream.data" => {
                let printed = self.printed.frame(heard.n, packet)?;
                if let Some(n) = self.printed.owed() {
                    say(client, &Said::new("stream.credit", n, json!({}))).await?;
                }
                Ok(match printed {
                    ControlFlow::Continue(()) => Step::Open,
                    ControlFlow::Break(()) => Step::Unread,
                })
            }
            "stream.end" => {
                self.printed.expect(heard.n)?;
                self.printed.finish().map(|()| Step::Done)
            }
            "stream.error" => {
                self.printed.keep()?;
                Err(Failure(told(&heard.error.unwrap_or_default())))
            }
            "stream.credit" => {
                let Some(upload) = &mut self.upload else {
                    return Err(Failure(
                        "the function takes frames: send some by --upload FILE".to_owned(),
                    ));
                };
                upload.grant(&heard);
                Ok(Step::Open)
            }
            _ => Ok(Step::Waits),
        }
    }

    /// Sends what was read, or that it has ended.
    async fn send(
        &mut self,
        client: &mut Client,
        buffer: Option<Result<Bytes, Failure>>,
    ) -> Result<(), Failure> {
        let Some(upload) = &mut self.upload else {
            return Ok(());
        };
        let n = upload.next;
        match buffer {
            Some(Ok(data)) => {
                let size = data.len() as u64;
                say(client, &Said::new("stream.data", n, Carried { data })).await?;
                upload.next += 1;
                upload.bar.inc(size);
            }
            Some(Err(failure)) => {
                let error = json!({ "error": { "message": failure.0 } });
                say(client, &Said::new("stream.error", n, error)).await?;
                return Err(failure);
            }
            None => {
                say(client, &Said::new("stream.end", n, json!({}))).await?;
                upload.has_ended = true;
            }
        }
        Ok(())
    }
}

/// The body of a frame.
#[derive(Serialize)]
struct Carried {
    data: Bytes,
}

impl Printed {
    /// Prints a frame, or writes it to the file.
    fn frame(&mut self, n: Option<u64>, packet: &Data) -> Result<ControlFlow<()>, Failure> {
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
    fn expect(&self, n: Option<u64>) -> Result<(), Failure> {
        match n {
            Some(n) if n == self.next => Ok(()),
            _ => Err(Failure(format!(
                "the server sent a broken stream: frame {} was to come",
                self.next
            ))),
        }
    }

    /// The credit to give, once half of the window was printed.
    fn owed(&self) -> Option<u64> {
        self.next.is_multiple_of(WINDOW / 2).then_some(self.next)
    }

    /// What came is in the file.
    fn keep(&mut self) -> Result<(), Failure> {
        match self.output.as_mut().and_then(|output| output.file.as_mut()) {
            Some(file) => Ok(file.flush()?),
            None => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<(), Failure> {
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

impl Upload {
    fn open(path: &Path) -> Result<Self, Failure> {
        let source = Source::open(path)?;
        Ok(Self {
            bar: bytes_bar(source.length, "uploaded"),
            source,
            next: 0,
            granted: 0,
            has_ended: false,
        })
    }

    fn grant(&mut self, heard: &Heard) {
        if let (Some(n), Some(window)) = (heard.n, heard.window) {
            self.granted = self.granted.max(n.saturating_add(window));
        }
    }
}

/// The next Buffer to send, once there is credit for it; `None` at the end, once.
async fn next_buffer(upload: &mut Option<Upload>) -> Option<Result<Bytes, Failure>> {
    match upload {
        Some(upload) if !upload.has_ended && upload.next < upload.granted => upload.source.next().await,
        _ => std::future::pending().await,
    }
}

/// What is said of the stream, where that is what an event says.
fn heard(name: &str, packet: &Data) -> Option<Heard> {
    let (json, _) = packet.to_parts();
    let heard: Heard = serde_json::from_str(&json).ok()?;
    (name == EVENT && heard.stream.as_deref() == Some(STREAM)).then_some(heard)
}

/// The Buffer that a frame is, where it is one.
fn buffer_in(packet: &Data) -> Result<Option<Bytes>, Failure> {
    let (json, mut buffers) = packet.to_parts();
    let frame: Value = serde_json::from_str(&json)?;
    let is_buffer = frame["data"]["_placeholder"] == true;
    Ok(buffers.pop().filter(|_| is_buffer && buffers.is_empty()))
}

fn packet(said: &impl Serialize, ack: Option<u64>) -> Result<Packet, Failure> {
    Packet::event(EVENT, said, ack).map_err(|error| Failure(error.to_string()))
}

async fn say(client: &mut Client, said: &Said<impl Serialize>) -> Result<(), Failure> {
    Ok(client.send(packet(said, None)?).await?)
}

/// Ends the stream at the server, too.
async fn cancel(mut client: Client) -> Result<(), Failure> {
    say(&mut client, &Said::new("stream.cancel", None, json!({}))).await?;
    Ok(client.close().await?)
}
