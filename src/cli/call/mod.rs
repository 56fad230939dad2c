//! `call`: calls an event of a running server, by hand or in a script. Where frames go to or fro it is `streaming`: those that
//! come are `printed`, and what is uploaded comes from a `source`. What comes back is an `answer`.

mod answer;
mod printed;
mod source;
mod streaming;

use std::{io::Read, path::PathBuf, time::Duration};

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep_until, timeout_at};

use self::{
    answer::{ACK, EVENT, overheard, print, told},
    streaming::{Streaming, Wanted},
};
use super::{
    server_url::DEFAULT,
    terminal::{Failure, say},
};
use crate::{
    call::payload::whole,
    client::{Client, ClientError, Incoming, Packet, with_buffers_as_base64},
    config::{Secret, time},
};

/// The event that answers a call without an ack.
const MESSAGE: &str = "message";

#[derive(Args, Debug)]
pub(super) struct Call {
    /// Name of the event, as `events` lists it
    event: String,

    /// Data, as JSON; `-` reads standard input
    #[arg(long, value_name = "JSON")]
    data: Option<String>,

    /// Open a stream: print each frame on a line of its own, until the function ends it. Ctrl-C cancels it
    #[arg(long, conflicts_with_all = ["id", "no_ack"])]
    stream: bool,

    /// Write the Buffers of the stream to FILE, one after the other, instead of printing them
    #[arg(long, value_name = "FILE", requires = "stream")]
    output: Option<PathBuf>,

    /// Send FILE as Buffers of 64 KB, as fast as the function takes them; `-` sends standard input. Ctrl-C cancels it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["id", "no_ack"])]
    upload: Option<PathBuf>,

    /// Idempotency key of the call
    #[arg(long)]
    id: Option<String>,

    /// Token of the caller. Prefer the variable: other users of the machine can read the command line
    #[arg(long, env = "UPDRAFT_TOKEN", hide_env_values = true)]
    token: Option<Secret>,

    /// Ask for an ack: the default
    #[arg(long, overrides_with = "no_ack")]
    ack: bool,

    /// Call without an ack: the answer comes as `message`. A function without a result sends none, and the command waits
    /// until --timeout
    #[arg(long, overrides_with = "ack")]
    no_ack: bool,

    /// URL of the server; by default the one that the same variables and file start. An https:// certificate must be trusted by
    /// the system, or by SSL_CERT_FILE
    #[arg(long, env = "UPDRAFT_URL", default_value = DEFAULT)]
    url: String,

    /// Longest time for the connection and the answer; of a stream, until it is open
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    timeout: Duration,
}

impl Call {
    /// Prints the answer's data on standard output as JSON, and what the function emits meanwhile on
    /// standard error.
    pub(super) fn make(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let call = self.call()?;
        let streaming = self.streaming()?;
        runtime.block_on(async {
            let end = Instant::now() + self.timeout;
            if let Some(streaming) = streaming {
                let connected = timeout_at(end, self.connect()).await;
                let client = connected.map_err(|_| self.too_late())??;
                return streaming
                    .run(client, call, sleep_until(end), || self.too_late())
                    .await;
            }
            let sent = timeout_at(end, self.send(&call)).await;
            let mut client = sent.map_err(|_| self.too_late())??;
            match timeout_at(end, self.answer(&mut client)).await {
                Ok(answered) => answered,
                Err(_) if self.no_ack => Ok(()),
                Err(_) => Err(self.too_late()),
            }
        })
    }

    /// Frames to or fro, where they are asked for.
    fn streaming(&self) -> Result<Option<Streaming>, Failure> {
        if !self.stream && self.upload.is_none() {
            return Ok(None);
        }
        let wanted = match (self.stream, &self.output) {
            (_, Some(_)) => Wanted::File,
            (true, None) => Wanted::Frames,
            (false, None) => Wanted::Answer,
        };
        Streaming::new(wanted, self.output.as_deref(), self.upload.as_deref()).map(Some)
    }

    /// Whether all of standard input is uploaded.
    fn uploads_stdin(&self) -> bool {
        self.upload.as_deref().is_some_and(source::is_stdin)
    }

    async fn send(&self, call: &Value) -> Result<Client, Failure> {
        let mut client = self.connect().await?;
        let ack = (!self.no_ack).then_some(ACK);
        let call = Packet::event(EVENT, call, ack).map_err(|error| Failure(error.to_string()))?;
        client.send(call).await?;
        Ok(client)
    }

    async fn connect(&self) -> Result<Client, Failure> {
        let token = self
            .token
            .as_ref()
            .map(Secret::reveal)
            .filter(|token| !token.is_empty());
        let handshake = token.map(|token| json!({ "token": token }));
        match Client::connect(&self.url, handshake.as_ref()).await {
            Err(ClientError::Refused(refusal)) => Err(refused(&refusal, token)),
            connected => Ok(connected?),
        }
    }

    async fn answer(&self, client: &mut Client) -> Result<(), Failure> {
        loop {
            match client.next().await? {
                Incoming::Event { name, data, .. } if self.no_ack && name == MESSAGE => {
                    return say(with_buffers_as_base64(&data)?);
                }
                Incoming::Event { name, data, .. } => overheard(&name, &data)?,
                Incoming::Ack { number: ACK, data } => return print(with_buffers_as_base64(&data)?),
                Incoming::Ack { .. } => {}
            }
        }
    }

    fn too_late(&self) -> Failure {
        let time = humantime::format_duration(self.timeout);
        Failure(format!("no answer within {time}"))
    }

    fn call(&self) -> Result<Value, Failure> {
        let mut call = Map::new();
        call.insert("event".to_owned(), self.event.clone().into());
        if let Some(data) = self.data()? {
            call.insert("data".to_owned(), data);
        }
        if let Some(id) = &self.id {
            call.insert("id".to_owned(), id.clone().into());
        }
        Ok(call.into())
    }

    fn data(&self) -> Result<Option<Value>, Failure> {
        let text = match self.data.as_deref() {
            None => return Ok(None),
            Some("-") if self.uploads_stdin() => {
                let twice = "only one of --data and --upload can read standard input";
                return Err(Failure(twice.to_owned()));
            }
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
            Some(text) => text.to_owned(),
        };
        serde_json::from_str(&whole(&text)).map(Some).map_err(|error| {
            Failure(format!(
                "--data is no JSON ({error}); a text needs its quotes: --data '\"text\"'"
            ))
        })
    }
}

/// Why the server does not let the client in, and what would.
fn refused(packet: &str, token: Option<&str>) -> Failure {
    let refusal: Value = serde_json::from_str(packet).unwrap_or_default();
    let Some(error) = refusal.get("data") else {
        return Failure(format!("the server refused the connection: {packet}"));
    };
    let hint = match token {
        None if error["code"] == "unauthenticated" => " (--token, or UPDRAFT_TOKEN)",
        _ => "",
    };
    Failure(format!(
        "the server refused the connection: {}{hint}",
        told(error)
    ))
}
