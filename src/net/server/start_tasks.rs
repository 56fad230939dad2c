//! What an app runs beside its server: from its start until it has stopped.

use futures_util::{FutureExt, future::BoxFuture};
use tokio_util::sync::CancellationToken;

use crate::call::emitter::Emitter;

/// A function that runs beside the server.
pub(crate) type StartTask = Box<dyn FnOnce(Emitter) -> BoxFuture<'static, ()> + Send>;

/// A function as one that runs beside the server.
pub(crate) fn task<Fut: Future<Output = ()> + Send + 'static>(
    function: impl FnOnce(Emitter) -> Fut + Send + 'static,
) -> StartTask {
    Box::new(move |emitter| function(emitter).boxed())
}

/// Runs them; what ends those that have not ended themselves.
pub(crate) fn begin(tasks: Vec<StartTask>, emitter: &Emitter) -> CancellationToken {
    let end = CancellationToken::new();
    for task in tasks {
        let (end, emitter) = (end.clone(), emitter.clone());
        // Called in the task, so that one that panics at once does not end the start.
        tokio::spawn(async move { end.run_until_cancelled(async { task(emitter).await }).await });
    }
    end
}
