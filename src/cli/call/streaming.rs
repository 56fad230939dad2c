//! `call --stream` and `call --upload`: frames to and fro, each side within the credit of the other (docs/streams.md).

use std::{ops::ControlFlow, path::Path};

use bytes::Bytes;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{signal::ctrl_c, time::Sleep};

use super::{
    answer::{ACK, EVENT, overheard, print, told},
    printed::Printed,
    source::Source,
};
use crate::{
    call::payload::Data,
    cli::terminal::{Failure, bytes_bar, remark},
    client::{Client, Incoming, Packet, with_buffers_as_base64},
};

/// The name of the only stream of its connection.
const STREAM: &str = "call";

/// Frames that may be out which were not printed.
const WINDOW: u64 = 32;

/// Frames to and fro, before there is a connection.
pub(super) struct Streaming {
    wanted: Wanted,
    printed: Printed,
    upload: Option<Upload>,
}

/// What the function is to answer with.
pub(super) enum Wanted {
    Frames,
    /// Frames with Buffers, which go to a file.
    File,
    /// One answer.
    Answer,
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
    pub(super) fn new(wanted: Wanted, output: Option<&Path>, upload: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self {
            wanted,
            printed: Printed::to(output),
            upload: upload.map(Upload::open).transpose()?,
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
            Incoming::Ack { number: ACK, data } => self.acked(with_buffers_as_base64(&data)?),
            Incoming::Ack { .. } => Ok(Step::Waits),
            Incoming::Event { name, data, .. } => match heard(&name, &data) {
                Some(heard) => self.hear(client, heard, &data).await,
                None => overheard(&name, &data).map(|()| Step::Waits),
            },
        }
    }

    /// What the ack says: that the stream is open, or all there is. A function that takes frames has given credit before.
    fn acked(&self, answer: Value) -> Result<Step, Failure> {
        let is_open = answer["data"]["stream"] == STREAM;
        if !is_open {
            print(answer)?;
        }
        if self.upload.as_ref().is_some_and(|upload| upload.granted == 0) {
            return Err(Failure(
                "the function takes no frames: nothing was uploaded".to_owned(),
            ));
        }
        if is_open {
            return Ok(Step::Open);
        }
        match self.wanted {
            Wanted::Answer => {}
            Wanted::Frames => remark("warning: the function does not stream: this is its answer"),
            Wanted::File => {
                return Err(Failure(
                    "the function does not stream: no file was written".to_owned(),
                ));
            }
        }
        Ok(Step::Done)
    }

    async fn hear(&mut self, client: &mut Client, heard: Heard, packet: &Data) -> Result<Step, Failure> {
        match heard.event.as_str() {
            "stream.data" => {
                let printed = self.printed.frame(heard.n, packet)?;
                if let Some(n) = self.printed.owed(WINDOW) {
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
