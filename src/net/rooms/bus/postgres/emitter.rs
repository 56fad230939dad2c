//! Says something to all nodes on a database, and is none of them. The official emitter leaves the namespace out of its messages, for
//! which servers of Node drop them; here it stands in them.

use super::{START, attachments, channel, notification::Outgoing, sender::execute};
use crate::{
    net::rooms::bus::{
        adapter::EMITTER,
        cluster::{ClusterMessage, encode::encode},
        emit_error::EmitError,
        message::Message,
    },
    postgres::{Database, Said, within},
};

/// Says it in a namespace.
pub(in crate::net::rooms::bus) async fn say(
    database: &str,
    namespace: &str,
    message: Message,
) -> Result<(), EmitError> {
    let channel = channel::of(namespace).ok_or(EmitError::Namespace)?;
    let encoded = encode(EMITTER, namespace, &ClusterMessage::About(message)).ok();
    let said = encoded.and_then(|encoded| Outgoing::new(channel, encoded, EMITTER));
    let said = [said.ok_or(EmitError::Data)?];
    let client = within(START, Database::new(database)?.connect(&Said::default())).await?;
    if said.iter().any(|said| said.row.is_some()) {
        within(START, attachments::prepare(&client)).await?;
    }
    Ok(within(START, execute(&client, &said)).await?)
}
