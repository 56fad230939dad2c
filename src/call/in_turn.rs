//! A call that may wait before its function begins, as its guards do, and behind which others of its socket wait meanwhile.

use std::{sync::Arc, task::Poll};

use futures_util::poll;
use tokio::runtime::Handle;

use super::{
    conduct,
    context::Context,
    ending::Ending,
    guard::{Guard, Guards},
    idempotency::Idempotency,
    idempotent_call::IdempotentCall,
    identity::Identity,
    payload::Call,
    peer::HeldCalls,
    registered::Registered,
    reply::Reply,
    rights::Rights,
};
use crate::error::Result;

/// Bytes of a call that may say much, as gzip packs a thousand times as many.
const LARGE: usize = 1 << 10;

/// A call of whose socket others begin later than it, however long that takes.
pub(super) struct InTurn {
    pub(super) registered: Arc<Registered>,
    pub(super) of_namespace: Option<Arc<[Guard]>>,
    pub(super) idempotency: Option<Arc<Idempotency>>,
    /// Where runs what keeps its thread for long.
    pub(super) runtime: Option<Handle>,
    pub(super) call: Call,
    pub(super) context: Context,
    pub(super) hold: HeldCalls,
    pub(super) ending: Ending,
}

impl InTurn {
    /// What comes of it.
    pub(super) async fn run(self) -> Result<Reply> {
        let Self {
            registered,
            of_namespace,
            idempotency,
            runtime,
            call,
            context,
            hold,
            ending,
        } = self;
        let guards = Guards {
            of_namespace: of_namespace.as_deref().unwrap_or_default(),
            own: &registered.guards,
        };
        let apart = runtime.as_ref().filter(|_| registered.is_long());
        let rights = ending.in_time(Rights::ask(guards, &call, &context)).await?;
        if let Some(idempotency) = idempotency
            && let Some(once) = ending
                .in_time(once(runtime.as_ref(), &call, rights.identity()))
                .await?
        {
            let once = Arc::new(once);
            let context = context.applied_once(once.clone());
            let start = async {
                let rights = rights.ask_again(guards, &call, &context).await?;
                registered.start_at(apart, call, context, rights).await
            };
            return idempotency.apply(&once, hold, start, &ending).await;
        }
        let mut function = registered.start_at(apart, call, context, rights).await?;
        let begun = poll!(&mut function);
        drop(hold);
        match begun {
            Poll::Ready(result) => result,
            Poll::Pending => function.await,
        }
    }
}

/// A call with an idempotency key. To compare what a large one says takes a while, in which no other socket is to wait.
async fn once(runtime: Option<&Handle>, call: &Call, caller: &Identity) -> Result<Option<IdempotentCall>> {
    let is_long = call.id().is_some() && call.size() > LARGE;
    let Some(runtime) = runtime.filter(|_| is_long) else {
        return IdempotentCall::of(call, caller);
    };
    let (call, caller) = (call.clone(), caller.clone());
    conduct::apart(runtime, move || IdempotentCall::of(&call, &caller)).await
}
