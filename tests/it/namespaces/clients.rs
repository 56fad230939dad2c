//! Real clients of three generations, over every transport, and with the other parser.

use updraft::{Config, Parser, SessionConfig};

use super::{app, script, server};
use crate::{
    python::python,
    support::{Local, every_client},
};

macro_rules! clients {
    ($($test:ident: $generation:literal over $transport:literal;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $test() {
            let local = server().await;
            let arguments = [&local.url, $generation, $transport].map(str::to_owned);
            script(&[], "namespaces.mjs", arguments.into()).await;
        }
    )*};
}

every_client!(clients);

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_pythons_over_each_transport() {
    let local = server().await;
    for transport in ["websocket", "polling", "upgraded"] {
        python("namespaces.py", &[&local.url, transport]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_may_speak_message_pack() {
    let config = Config {
        session: SessionConfig {
            parser: Parser::Msgpack,
            ..SessionConfig::default()
        },
        ..Config::default()
    };
    let local = Local::start(app(), config).await;
    for transport in ["websocket", "polling"] {
        let arguments = [&local.url, "4", transport].map(str::to_owned);
        script(&[("PARSER", "msgpack")], "namespaces.mjs", arguments.into()).await;
    }
}
