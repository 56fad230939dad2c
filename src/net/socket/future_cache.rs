//! Memory in which one call after another runs. Most calls are done when they have begun, and as large as the next one: to
//! ask for their memory anew each time is slow.

use std::cell::Cell;

use tokio_util::sync::ReusableBoxFuture;

thread_local! {
    static SPARE: Cell<Option<ReusableBoxFuture<'static, ()>>> = const { Cell::new(None) };
}

/// A call in the memory of the last one of this thread that was given back.
pub(in crate::net) fn hold(
    call: impl Future<Output = ()> + Send + 'static,
) -> ReusableBoxFuture<'static, ()> {
    let Some(mut spare) = SPARE.take() else {
        return ReusableBoxFuture::new(call);
    };
    spare.set(call);
    spare
}

/// Gives the memory of a call back that is done.
pub(in crate::net) fn give_back(call: ReusableBoxFuture<'static, ()>) {
    SPARE.set(Some(call));
}
