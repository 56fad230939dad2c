//! Events whose names are numbers, said by stock clients of each generation to a server of Updraft and to one of Node on one Redis: to
//! functions and to listeners a number and its text are one name.

use std::time::Duration;

use tokio::task::block_in_place;
use updraft::{App, Args, BusConfig, Config, Data, Emitter, Json, Namespace, Result, State};

use super::wait_for;
use crate::support::{Local, RedisServer, node};

/// Says it to all, by another number.
async fn relay(Args(mut said): Args<Vec<Data>>, io: State<Emitter>) -> Result<Json<usize>> {
    let event: String = said.remove(0).json()?;
    io.of("/").emit(&event, &Args(said)).await?;
    Ok(Json(event.len()))
}

/// Asks all sockets for their names.
async fn ask(Json(event): Json<String>, io: State<Emitter>) -> Result<Json<Vec<String>>> {
    const WAIT: Duration = Duration::from_secs(120);
    let acks = io
        .of("/")
        .emit_with_ack::<String>(&event, &Args(()), WAIT)
        .await?;
    Ok(Json(acks.into_iter().filter_map(|ack| ack.result.ok()).collect()))
}

#[test]
fn events_named_by_numbers_reach_clients_of_each_generation_at_servers_of_both_kinds() {
    wait_for(async {
        let redis = block_in_place(RedisServer::start);
        let bus = BusConfig {
            redis: Some(redis.url().as_str().into()),
            member: true,
            ..BusConfig::default()
        };
        let config = Config {
            bus,
            ..Config::default()
        };
        let relays = ["1", "-1.5", "1e+21"];
        let namespace = relays
            .iter()
            .fold(Namespace::new("/"), |namespace, name| namespace.on(*name, relay))
            .on("3", ask);
        let server = Local::start(App::new().namespace(namespace), config).await;
        block_in_place(|| node("numbers.mjs", &[&redis.url(), &server.url]));
        server.server.stop().await;
    });
}
