//! Whatever a client emits, under whatever name, comes back as it was sent.

use updraft::{App, Args, Config, Data, EventName, Namespace, Parser, SessionConfig};

use super::script;
use crate::support::{Local, seed};

/// Says what it heard: the name and all arguments in one, then as they came.
async fn echo(name: EventName, args: Args<Data>) -> Args<(String, Data)> {
    Args((name.as_str().to_owned(), args.0))
}

async fn any(
    parser: Parser,
    variables: &'static [(&'static str, &'static str)],
    generation: &str,
    transport: &str,
) {
    let namespace = Namespace::new("/")
        .fallback(echo)
        .on("as it came", async |args: Args<Data>| args)
        .on("one by one", async |args: Args<Vec<Data>>| args);
    let config = Config {
        session: SessionConfig {
            parser,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(App::new().namespace(namespace), config).await;
    let arguments = [&local.url, generation, transport, &seed().to_string()].map(str::to_owned);
    script(variables, "arbitrary.mjs", arguments.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_comes_back_in_json() {
    for (generation, transport) in [("4", "websocket"), ("3", "polling"), ("2", "websocket")] {
        any(Parser::Json, &[], generation, transport).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_comes_back_in_message_pack() {
    for transport in ["websocket", "polling"] {
        any(Parser::Msgpack, &[("PARSER", "msgpack")], "4", transport).await;
    }
}
