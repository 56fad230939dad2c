//! What clients say of open streams: `stream.data`, `stream.end`, `stream.error`, `stream.credit`, `stream.cancel`.

use super::{
    context::Context,
    extract::State,
    module::Module,
    payload::Call,
    stream::{
        TakenIn,
        packet::{CANCEL, CREDIT, DATA, END, ERROR},
        streaming::Streaming,
        take_in,
    },
};

/// The functions under `stream.`.
pub(super) fn module() -> Module {
    let names = [DATA, END, ERROR, CREDIT, CANCEL];
    let functions = names.into_iter().filter_map(|name| name.strip_prefix("stream."));
    functions.fold(Module::reserved("stream"), |module, name| module.on(name, packet))
}

/// Any of them. A client that asks for an ack gets one.
async fn packet(call: Call, State(streaming): State<Streaming>, cx: Context) {
    if take_in(call, &**cx.peer()) != TakenIn::Useful {
        streaming.counts.ignored.inc();
    }
}
