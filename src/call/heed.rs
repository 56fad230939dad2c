//! Functions for the events that other nodes announce.

use std::{collections::HashMap, fmt, future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use serde::Serialize;

use super::{
    args::FromAck,
    ending::panicked,
    payload::{Arguments, Data},
};
use crate::error::{CallError, Result};

/// A function for an event that other nodes announce.
type Function = Arc<dyn Fn(Arguments) -> BoxFuture<'static, Result<Arguments>> + Send + Sync>;

/// Those of an app, by the names of their events. Copies are cheap.
#[derive(Clone, Default)]
pub(crate) struct HeedFunctions(Arc<HashMap<String, Function>>);

/// How an answer says that the function failed, as the ack of a namespace's function does.
#[derive(Serialize)]
struct Failed {
    error: CallError,
}

impl HeedFunctions {
    /// Adds a function, in place of the one of the same event.
    pub(crate) fn insert<T, R, F, Fut>(&mut self, event: String, function: F)
    where
        T: FromAck,
        R: Serialize,
        F: Fn(T) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let boxed = move |arguments: Arguments| -> BoxFuture<'static, Result<Arguments>> {
            match T::from_ack(&arguments) {
                Ok(data) => {
                    let heeding = function(data);
                    Box::pin(async move { Arguments::written(&heeding.await?) })
                }
                Err(misfit) => Box::pin(std::future::ready(Err(misfit))),
            }
        };
        Arc::make_mut(&mut self.0).insert(event, Arc::new(boxed));
    }

    /// Runs the function for an event; what it answers, which is nothing where there is none.
    pub(crate) async fn run(&self, event: &str, data: &Data) -> Arguments {
        let Some(function) = self.0.get(event) else {
            return Arguments::default();
        };
        // Called in the future, so that one that panics at once is caught too.
        let heeding = async { function(Arguments::written(data)?).await };
        let heeded = AssertUnwindSafe(heeding).catch_unwind().await;
        let heeded = heeded.unwrap_or_else(|panic| Err(panicked(event, &*panic)));
        heeded.unwrap_or_else(|error| {
            tracing::warn!(event, %error, "an event of another node was not heeded");
            Arguments::written(&Failed { error }).unwrap_or_default()
        })
    }
}

impl fmt::Debug for HeedFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
