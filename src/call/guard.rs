//! Guards: they pass or refuse callers before a function runs.

use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    condition::Condition,
    context::Context,
    extract::{MissingState, Origin},
    handler::{Erased, Function, Handler, Signature},
    payload::Call,
    reply::Reply,
    states::States,
};
use crate::error::{Code, Result};

/// Asked before a function runs: of the caller, and of the call. Whatever error it returns is the answer.
///
/// A guard is a function like those that answer calls, and takes what they take; what it returns beside an error
/// does not matter. So wherever a guard is wanted, an async function of one's own will do.
///
/// ```
/// use updraft::{CallError, Code, Context, Json, Module, Result, claim, require};
/// # async fn list() {}
/// # async fn rename() {}
/// # #[derive(serde::Deserialize)] struct Card { owner: String }
///
/// async fn is_the_owner(Json(card): Json<Card>, cx: Context) -> Result<()> {
///     match cx.identity().subject() == Some(&*card.owner) {
///         true => Ok(()),
///         false => Err(CallError::new(Code::Forbidden, "only the owner may do that")),
///     }
/// }
///
/// let module = Module::new("api.cards")
///     .guard(require(claim("data.account_type").at_least(1)))
///     .on("list", list)
///     .on("rename", rename)
///     .guarded_by(require(claim("roles").contains("admin")).or(is_the_owner));
/// ```
#[derive(Clone)]
pub struct Guard(pub(super) Arc<dyn Function>);

/// Passes callers for which the condition holds, of [`claim`](crate::claim) or [`signed_in`](crate::signed_in). Others get
/// [`Code::Forbidden`], anonymous ones [`Code::Unauthenticated`].
///
/// ```
/// use updraft::{Module, claim, require, signed_in};
///
/// let module = Module::new("api.pages")
///     .guard(require(signed_in()))
///     .on("list", async || "of all pages")
///     .on("drop", async || "gone")
///     .guarded_by(require(claim("roles").contains("editor")));
/// ```
pub fn require(condition: Condition) -> Guard {
    Guard::new(move |cx: Context| {
        let checked = condition.check(&cx.identity());
        async move { checked }
    })
}

impl Guard {
    /// A guard of one's own.
    pub fn new<Args: 'static>(guard: impl Signature<Args> + Handler<Args>) -> Self {
        Self(Arc::new(Erased::new(guard)))
    }

    /// Passes callers that both guards pass; the second runs after the first.
    #[must_use]
    pub fn and<Args: 'static>(self, other: impl Signature<Args> + Handler<Args>) -> Self {
        Self(Arc::new(Both(self, Self::new(other))))
    }

    /// Passes callers that one of the guards passes. The second runs, and answers, where the first refuses with
    /// [`Code::Forbidden`] or [`Code::Unauthenticated`]; any other error of the first is the answer.
    #[must_use]
    pub fn or<Args: 'static>(self, other: impl Signature<Args> + Handler<Args>) -> Self {
        Self(Arc::new(Either(self, Self::new(other))))
    }
}

/// The guards before a function: those of its namespace, then its own.
#[derive(Clone, Copy)]
pub(super) struct Guards<'a> {
    pub(super) of_namespace: &'a [Guard],
    pub(super) own: &'a [Guard],
}

impl<'a> Guards<'a> {
    /// Before what everybody may do.
    pub(super) const NONE: Self = Self {
        of_namespace: &[],
        own: &[],
    };

    pub(super) fn is_empty(self) -> bool {
        self.of_namespace.is_empty() && self.own.is_empty()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a Guard> {
        self.of_namespace.iter().chain(self.own)
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard")
    }
}

/// Marks a guard among arguments that may be functions.
#[derive(Debug)]
#[doc(hidden)]
pub struct GuardArgument;

impl Signature<GuardArgument> for Guard {}

impl Handler<GuardArgument> for Guard {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
        self.0.start(call, context)
    }

    fn check(&self, states: &States) -> Result<(), MissingState> {
        self.0.check(states)
    }

    fn takes(&self, origin: Origin) -> bool {
        self.0.takes(origin)
    }
}

struct Both(Guard, Guard);

impl Function for Both {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
        let first = self.0.0.start(call, context)?;
        let (second, call, context) = (self.1.clone(), call.clone(), context.clone());
        Ok(Box::pin(async move {
            first.await?;
            second.0.start(&call, &context)?.await
        }))
    }

    fn check(&self, states: &States) -> Result<(), MissingState> {
        self.0.0.check(states)?;
        self.1.0.check(states)
    }

    fn takes(&self, origin: Origin) -> bool {
        self.0.0.takes(origin) || self.1.0.takes(origin)
    }
}

struct Either(Guard, Guard);

impl Function for Either {
    fn start(&self, call: &Call, context: &Context) -> Result<BoxFuture<'static, Result<Reply>>> {
        let first = self.0.0.start(call, context)?;
        let (second, call, context) = (self.1.clone(), call.clone(), context.clone());
        Ok(Box::pin(async move {
            match first.await {
                Err(error) if matches!(error.code(), Code::Forbidden | Code::Unauthenticated) => {
                    second.0.start(&call, &context)?.await
                }
                decided => decided,
            }
        }))
    }

    fn check(&self, states: &States) -> Result<(), MissingState> {
        self.0.0.check(states)?;
        self.1.0.check(states)
    }

    fn takes(&self, origin: Origin) -> bool {
        self.0.0.takes(origin) || self.1.0.takes(origin)
    }
}
