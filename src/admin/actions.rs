//! What the page does to sockets: those of a namespace, of one of its rooms, or one by its id.

use crate::{
    call::{
        args::{Args, FromArgument, FromArguments},
        emitter::{BroadcastTo, Emitter},
        extract::State,
        namespace::Namespace,
        payload::{Arguments, Data},
    },
    error::{CallError, Code, Result},
    event::check_heard,
};

/// The functions by which it does.
pub(super) fn register(namespace: Namespace) -> Namespace {
    namespace
        .on("emit", emit)
        .on("join", join)
        .on("leave", leave)
        .on("_disconnect", disconnect)
}

/// `emit(namespace, filter, event, ...arguments)`
struct Emit {
    namespace: String,
    filter: Option<String>,
    event: String,
    arguments: Vec<Data>,
}

impl FromArguments for Emit {
    fn from_arguments(arguments: &Arguments) -> Result<Self> {
        let mut each = arguments.iter();
        Ok(Self {
            namespace: String::from_argument(each.next(), arguments, 0)?,
            filter: Option::from_argument(each.next(), arguments, 1)?,
            event: String::from_argument(each.next(), arguments, 2)?,
            arguments: each
                .zip(3..)
                .map(|(json, number)| Data::from_argument(Some(json), arguments, number))
                .collect::<Result<_>>()?,
        })
    }
}

/// The sockets of a namespace, or those in the room of this name, which may be a socket's id.
fn meant(io: &Emitter, namespace: &str, filter: Option<String>) -> BroadcastTo<'static> {
    let all = io.of(namespace);
    match filter.filter(|filter| !filter.is_empty()) {
        Some(filter) => all.within(filter),
        None => all,
    }
}

async fn emit(Args(emit): Args<Emit>, io: State<Emitter>) -> Result<()> {
    let Emit {
        namespace,
        filter,
        event,
        arguments,
    } = emit;
    // Clients take what is the server's own for true.
    check_heard(&event).map_err(|why| CallError::new(Code::InvalidData, format!("'{event}': {why}")))?;
    meant(&io, &namespace, filter)
        .emit(&event, &Args(arguments))
        .await
}

async fn join(
    Args((namespace, room, filter)): Args<(String, String, Option<String>)>,
    io: State<Emitter>,
) -> Result<()> {
    meant(&io, &namespace, filter).join(&room).await
}

async fn leave(
    Args((namespace, room, filter)): Args<(String, String, Option<String>)>,
    io: State<Emitter>,
) -> Result<()> {
    meant(&io, &namespace, filter).leave(&room).await
}

async fn disconnect(
    Args((namespace, closes, filter)): Args<(String, Option<bool>, Option<String>)>,
    io: State<Emitter>,
) -> Result<()> {
    let sockets = meant(&io, &namespace, filter);
    match closes.unwrap_or_default() {
        true => sockets.close().await,
        false => sockets.disconnect().await,
    }
}
