//! `call`: calls an event of a running server, by hand or in a script.

use std::{io::Read, time::Duration};

use clap::Args;
use serde_json::{Map, Value};

use super::{
    client::{Client, Said},
    terminal::{Failure, say},
};

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

    /// The server. Where it is https:// its certificate is one that the system trusts, or SSL_CERT_FILE
    #[arg(long, env = "UPDRAFT_URL", default_value = "http://127.0.0.1:3000")]
    url: String,

    /// How long to wait for the answer
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
            match tokio::time::timeout(self.timeout, answer(&self.url, call)).await {
                Ok(answered) => answered,
                Err(_) => Err(Failure(format!(
                    "no answer within {}",
                    humantime::format_duration(self.timeout)
                ))),
            }
        })
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

async fn answer(url: &str, call: Value) -> Result<(), Failure> {
    let mut client = Client::connect(url).await?;
    client.call(&call).await?;
    loop {
        match client.next().await? {
            Said::Event(name, data) => eprintln!("{name}: {data}"),
            Said::Answer(answer) => return print(answer),
        }
    }
}

fn print(mut answer: Value) -> Result<(), Failure> {
    if let Some(error) = answer.get("error") {
        let text = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
        let details = error.get("details").map(|details| format!(" {details}"));
        return Err(Failure(format!(
            "{}: {}{}",
            text("code"),
            text("message"),
            details.unwrap_or_default()
        )));
    }
    match answer.get_mut("data") {
        Some(data) => say(data.take()),
        None => Ok(()),
    }
}
