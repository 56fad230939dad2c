//! How a socket hears what is said to many.

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, future::BoxFuture};
use serde_json::Value;

use super::{
    company::Company,
    emit::{Emits, Hearer},
    outbox::Outbox,
};
use crate::{
    call::peer::Outgoing,
    error::{CallError, Code, Result},
};

impl<E: Company> Hearer for Outbox<E> {
    fn offer(self: Arc<Self>, emits: &Emits<'_>) -> usize {
        Self::offer(&self, emits)
    }

    fn ask<'a>(
        self: Arc<Self>,
        event: &'a str,
        data: Outgoing<'a>,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Value>> {
        async move {
            let too_late = |_| CallError::new(Code::Timeout, "no ack in time");
            tokio::time::timeout(wait, self.leads_to_engine())
                .await
                .map_err(too_late)?;
            self.engine.ask(event, data, wait).await
        }
        .boxed()
    }
}
