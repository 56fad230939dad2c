//! `call`: calls an event of a running server, by hand or in a script.

use std::{io::Read, time::Duration};

use clap::Args;
use serde_json::{Map, Value};

use tokio::time::{Instant, timeout_at};

use super::{
    client::{Client, Said, told},
    terminal::{Failure, say},
};
use crate::config::Secret;

#[derive(Args, Debug)]
pub(super) struct Call {
    /// The event's name, as `events` lists it
    event: String,

    /// The data, as JSON; `-` reads it from standard input
    #[arg(long, value_name = "JSON")]
    data: Option<String>,

    /// The idempotency key of the call
    #[arg(long)]
    id: Option<String>,

    /// The token that says who calls. The command line can be seen by others, the variable cannot
    #[arg(long, env = "UPDRAFT_TOKEN", hide_env_values = true)]
    token: Option<Secret>,

    /// Ask for an ack, which the answer comes in; what happens unless --no-ack says otherwise
    #[arg(long, overrides_with = "no_ack")]
    ack: bool,

    /// Call without an ack, as a client that has none: the answer comes as `message`, and the command waits for one until
    /// --timeout, since a function without a result answers nothing
    #[arg(long, overrides_with = "ack")]
    no_ack: bool,

    /// The server. Where it is https:// its certificate is one that the system trusts, or SSL_CERT_FILE
    #[arg(long, env = "UPDRAFT_URL", default_value = "http://127.0.0.1:3000")]
    url: String,

    /// How long to wait for the connection and the answer
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, default_value = "10s")]
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
        runtime.block_on(async {
            let end = Instant::now() + self.timeout;
            let sent = timeout_at(end, self.send(&call)).await;
            let mut client = sent.map_err(|_| self.too_late())??;
            match timeout_at(end, answer(&mut client)).await {
                Ok(answered) => answered,
                Err(_) if self.no_ack => Ok(()),
                Err(_) => Err(self.too_late()),
            }
        })
    }

    async fn send(&self, call: &Value) -> Result<Client, Failure> {
        let token = self.token.as_ref().map(Secret::reveal);
        let mut client = Client::connect(&self.url, token.filter(|token| !token.is_empty())).await?;
        match self.no_ack {
            true => client.emit(call).await?,
            false => client.call(call).await?,
        }
        Ok(client)
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
            Some("-") => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            }
            Some(text) => text.to_owned(),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            Failure(format!(
                "--data is no JSON ({error}); a text needs its quotes: --data '\"text\"'"
            ))
        })
    }
}

async fn answer(client: &mut Client) -> Result<(), Failure> {
    loop {
        match client.next().await? {
            Said::Message(data) => return say(data),
            Said::Event(name, data) => eprintln!("{name}: {data}"),
            Said::Answer(answer) => return print(answer),
        }
    }
}

fn print(mut answer: Value) -> Result<(), Failure> {
    if let Some(error) = answer.get("error") {
        return Err(Failure(told(error)));
    }
    match answer.get_mut("data") {
        Some(data) => say(data.take()),
        None => Ok(()),
    }
}
