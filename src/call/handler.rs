//! Plain async functions as handlers of events.

use std::future::Future;

use futures_util::{FutureExt, future::BoxFuture};

use super::{
    context::Context,
    extract::{FromCall, MissingState, Origin},
    payload::Call,
    reply::{IntoReply, Reply},
    states::States,
};
use crate::error::Result;

/// A function that can be registered: async, of up to eight arguments that implement [`FromCall`], with
/// a result that implements [`IntoReply`]. All such functions have it, closures too; [`check_handler`] says what one lacks.
///
/// It is there for signatures of your own that pass functions on:
///
/// ```
/// use updraft::{Handler, Module, Signature, require, signed_in};
///
/// fn with_login<Args: 'static>(path: &str, function: impl Signature<Args> + Handler<Args>) -> Module {
///     Module::new(path).guard(require(signed_in())).on("call", function)
/// }
/// let module = with_login("api.hello", async || "You're welcome");
/// ```
#[diagnostic::on_unimplemented(
    message = "this is no function that a module can register",
    note = "it must be an `async` function of at most eight arguments, each of which implements `FromCall`",
    note = "its result must implement `IntoReply`, and its future be `Send`: no guard of a `Mutex` may live across `.await`"
)]
pub trait Handler<Args>: Send + Sync + 'static {
    /// Evaluates where at most one argument takes the call's `data`, and does not compile where several do.
    const TAKES_DATA_ONCE: () = ();

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

    /// Whether an argument comes out of this.
    #[doc(hidden)]
    fn takes(&self, origin: Origin) -> bool;

    /// Whether it answers with a stream.
    #[doc(hidden)]
    fn gives_frames(&self) -> bool {
        false
    }
}

/// What arguments a function takes, whatever they are. Asked beside [`Handler`], so that the compiler knows them, and names
/// the one that is no argument of a handler.
#[diagnostic::on_unimplemented(
    message = "this is no function that a module can register",
    label = "not an async function of at most eight arguments that can be called by several callers at once",
    note = "a closure must be `Fn`, `Send`, `Sync` and `'static`"
)]
pub trait Signature<Args> {}

/// The argument of a function that stands in this place, from 1 on.
pub trait Argument<const PLACE: usize>: FromCall {}

impl<T: FromCall, const PLACE: usize> Argument<PLACE> for T {}

/// Compiles where a function can be registered. Where [`Module::on`](crate::Module::on) refuses one, this says why beside the
/// function itself: which argument (`Argument<2>` is the second), what its answer lacks, what keeps it from being `Send`.
///
/// ```
/// async fn greeting(name: String) -> String {
///     format!("You're welcome {name}")
/// }
/// const _: () = updraft::check_handler(&greeting);
/// ```
///
/// A value that is no argument:
///
/// ```compile_fail
/// async fn double(number: u32) -> String {
///     (2 * number).to_string()
/// }
/// const _: () = updraft::check_handler(&double); // `u32` cannot be taken from a call: take `Json<u32>`
/// ```
pub const fn check_handler<Args, H: Signature<Args> + Handler<Args>>(_: &H) {
    H::TAKES_DATA_ONCE
}

macro_rules! handler_of {
    ($($argument:ident $place:literal),*) => {
        impl<F, Fut, $($argument,)*> Signature<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
        {
        }

        impl<F, Fut, $($argument,)*> Handler<($($argument,)*)> for F
        where
            F: Fn($($argument),*) -> Fut + Send + Sync + 'static,
            Fut: Future + Send + 'static,
            Fut::Output: IntoReply,
            $($argument: Argument<$place>,)*
        {
            const TAKES_DATA_ONCE: () = assert!(
                0 $(+ $argument::TAKES_DATA as usize)* <= 1,
                "several arguments take the call's `data`: take it once, as one type, or take the `Call`"
            );

            #[allow(unused_variables)] // of a function without arguments
            fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
                let () = <Self as Handler<($($argument,)*)>>::TAKES_DATA_ONCE;
                let future = self($($argument::from_call(call, context)?),*);
                // An async block would hold the future twice: as it was given, and as it is awaited.
                match context.stream().filter(|_| Fut::Output::STREAMS).cloned() {
                    None => Ok(Box::pin(future.map(IntoReply::into_reply))),
                    Some(stream) => Ok(Box::pin(future.map(|output| output.into_frames(stream)))),
                }
            }

            #[allow(unused_variables)] // of a function without arguments
            fn check(&self, states: &States) -> Result<(), MissingState> {
                $($argument::check(states)?;)*
                Ok(())
            }

            #[allow(unused_variables)] // of a function without arguments
            fn takes(&self, origin: Origin) -> bool {
                false $(|| $argument::ORIGIN == origin)*
            }

            fn gives_frames(&self) -> bool {
                Fut::Output::STREAMS
            }
        }
    };
}

handler_of!();
handler_of!(A 1);
handler_of!(A 1, B 2);
handler_of!(A 1, B 2, C 3);
handler_of!(A 1, B 2, C 3, D 4);
handler_of!(A 1, B 2, C 3, D 4, E 5);
handler_of!(A 1, B 2, C 3, D 4, E 5, G 6);
handler_of!(A 1, B 2, C 3, D 4, E 5, G 6, H 7);
handler_of!(A 1, B 2, C 3, D 4, E 5, G 6, H 7, I 8);

/// A handler with its arguments' types forgotten, so that one table holds them all.
pub(super) trait Function: Send + Sync {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>>;

    fn check(&self, states: &States) -> Result<(), MissingState>;

    fn takes(&self, origin: Origin) -> bool;

    fn gives_frames(&self) -> bool {
        false
    }
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

    fn takes(&self, origin: Origin) -> bool {
        self.handler.takes(origin)
    }

    fn gives_frames(&self) -> bool {
        self.handler.gives_frames()
    }
}
