//! Plain async functions as handlers of events.

use std::future::Future;

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    context::Context,
    extract::{FromCall, MissingState},
    payload::Call,
    reply::{IntoReply, Reply},
    states::States,
};
use crate::error::Result;

/// A function that can be registered: async, of up to eight arguments that implement [`FromCall`], with
/// a result that implements [`IntoReply`].
#[diagnostic::on_unimplemented(
    message = "this is no function that a module can register",
    note = "it must be `async`, each argument must implement `FromCall`, its result `IntoReply`, and its future must be `Send`"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// Takes the arguments out of the call and makes the future that will run.
    ///
    /// # Errors
    /// An argument's own refusal; nothing has run then.
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>>;

    /// Checks at start that the app has what the arguments need.
    ///
    /// # Errors
    /// The first that is missing.
    fn check(&self, states: &States) -> Result<(), MissingState>;
}

macro_rules! handler_of {
    ($($argument:ident),*) => {
        impl<F, Fut, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: IntoReply,
            $($argument: FromCall,)*
        {
            #[allow(unused_variables)] // of a function without arguments
            fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
                let future = self($($argument::from_call(call, context)?),*);
                // An async block would hold the future twice: as it was given, and as it is awaited.
                Ok(Box::pin(future.map(IntoReply::into_reply)))
            }

            #[allow(unused_variables)] // of a function without arguments
            fn check(&self, states: &States) -> Result<(), MissingState> {
                $($argument::check(states)?;)*
                Ok(())
            }
        }
    };
}

handler_of!();
handler_of!(A);
handler_of!(A, B);
handler_of!(A, B, C);
handler_of!(A, B, C, D);
handler_of!(A, B, C, D, E);
handler_of!(A, B, C, D, E, G);
handler_of!(A, B, C, D, E, G, H);
handler_of!(A, B, C, D, E, G, H, I);

/// A handler with its arguments' types forgotten, so that one table holds them all.
pub(super) trait Function: Send + Sync {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>>;

    fn check(&self, states: &States) -> Result<(), MissingState>;
}

/// The table's entry for a handler.
pub(super) struct Erased<H, Args> {
    handler: H,
    args: std::marker::PhantomData<fn(Args)>,
}

impl<H, Args> Erased<H, Args> {
    pub(super) fn new(handler: H) -> Self {
        Self {
            handler,
            args: std::marker::PhantomData,
        }
    }
}

impl<H: Handler<Args>, Args> Function for Erased<H, Args> {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
        self.handler.start(call, context)
    }

    fn check(&self, states: &States) -> Result<(), MissingState> {
        self.handler.check(states)
    }
}
