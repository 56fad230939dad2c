//! `emit`: emits to the sockets of all servers that share a bus, from a shell or a script.

use std::{future::Future, time::Duration};

use clap::Args;
use serde_json::Value;
use tokio::time::timeout;

use super::terminal::Failure;
use crate::{
    call::{
        payload::{Data, WrittenName, whole},
        target::Target,
    },
    config::{Secret, time},
    event::{MalformedName, OF_SOCKET_IO},
    net::rooms::bus::{
        emitter::{self, BusAddress},
        message::{Message, NamedEvent},
    },
};

#[derive(Args, Debug)]
pub(super) struct Emit {
    /// The room, the event, and its arguments as JSON; with --all there is no room
    #[arg(required = true, value_names = ["ROOM", "EVENT", "JSON"], allow_negative_numbers = true)]
    words: Vec<String>,

    /// To all sockets of the namespace, instead of those in a room
    #[arg(long, conflicts_with = "to")]
    all: bool,

    /// To the sockets in this room too; may be given several times
    #[arg(long, value_name = "ROOM", allow_hyphen_values = true)]
    to: Vec<String>,

    /// Not to sockets in this room; may be given several times
    #[arg(long, value_name = "ROOM", allow_hyphen_values = true)]
    except: Vec<String>,

    /// Namespace of the sockets
    #[arg(long, value_name = "NAME", default_value = "/")]
    namespace: String,

    /// Not to clients that are behind
    #[arg(long)]
    volatile: bool,

    /// What the servers share: redis://… as their --bus, postgres://… as their --database. Prefer the variable: other users of
    /// the machine can read the command line
    #[arg(long, env = "UPDRAFT_BUS", value_name = "URL", hide_env_values = true)]
    bus: Secret,

    #[cfg(feature = "redis")]
    /// What the names of Redis's channels begin with: the `key` of Node's adapter
    #[arg(long, env = "UPDRAFT_BUS_PREFIX", value_name = "NAME", default_value_t = crate::config::BusConfig::default().prefix)]
    bus_prefix: String,

    /// Longest time that it may take
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "10s")]
    timeout: Duration,
}

impl Emit {
    /// Completes when the bus has it. Servers hear it once at most.
    pub(super) fn make(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.within_time(self.emit()?))
    }

    fn emit(&self) -> Result<impl Future<Output = Result<(), Failure>>, Failure> {
        let mut words = self.words.iter();
        let room = if self.all { None } else { words.next() };
        let Some(event) = words.next() else {
            return Err(Failure("the event is missing: ROOM EVENT [JSON]...".to_owned()));
        };
        if OF_SOCKET_IO.contains(&event.as_str()) {
            return Err(Failure(format!(
                "the event '{event}' {}",
                MalformedName::OfSocketIo
            )));
        }
        let arguments: Vec<Value> = words.map(|text| argument(text)).collect::<Result<_, _>>()?;
        let event = NamedEvent {
            name: WrittenName::Text(event.as_str().into()),
            data: Data::new(&crate::Args(arguments))?,
        };
        let message = Message::Emit {
            target: self.target(room),
            event,
            acks: None,
        };
        let namespace = match self.namespace.starts_with('/') {
            true => self.namespace.clone(),
            false => format!("/{}", self.namespace),
        };
        let bus = BusAddress {
            url: self.bus.reveal(),
            #[cfg(feature = "redis")]
            prefix: &self.bus_prefix,
        };
        Ok(async move { Ok(emitter::say(bus, &namespace, message).await?) })
    }

    fn target(&self, room: Option<&String>) -> Target {
        let all = room.into_iter().chain(&self.to).fold(Target::all(), Target::and);
        let some = self.except.iter().fold(all, Target::except);
        match self.volatile {
            true => some.volatile(),
            false => some,
        }
    }

    async fn within_time(&self, emit: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
        let time = humantime::format_duration(self.timeout);
        let late = |_| Failure(format!("the bus did not take it within {time}"));
        timeout(self.timeout, emit).await.map_err(late)?
    }
}

fn argument(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(&whole(text)).map_err(|error| {
        Failure(format!(
            "'{text}' is no JSON ({error}); a text needs its quotes: '\"text\"'"
        ))
    })
}
