//! Says something to all servers on a Redis, and is none of them, as the official emitters do.

use super::{
    channels::Channels,
    encode::{Publication, Writer},
    membership::Membership,
    server::{RedisServer, within},
};
use crate::net::rooms::bus::{adapter::EMITTER, emit_error::EmitError, message::Message};

/// Says it in a namespace.
pub(in crate::net::rooms::bus) async fn say(
    url: &str,
    prefix: &str,
    namespace: &str,
    message: &Message,
) -> Result<(), EmitError> {
    let writer = Writer {
        uid: EMITTER.to_owned(),
        channels: Channels::new(prefix, EMITTER),
        membership: Membership::Listener,
    };
    let said = writer.write(namespace, message).map_err(|_| EmitError::Data)?;
    let mut connection = RedisServer::new(url)?.connect().await?;
    for Publication { channel, payload } in said {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(channel).arg(payload);
        within(publish.exec_async(&mut connection)).await?;
    }
    Ok(())
}
