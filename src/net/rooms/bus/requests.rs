//! Requests that wait for answers of other nodes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::message::Answer;
use crate::error::{CallError, Result};

/// The requests of a node that wait.
#[derive(Clone, Default)]
pub(super) struct Requests(Arc<Mutex<HashMap<String, UnboundedSender<Answered>>>>);

/// An answer, and the node that gives it, where it has a name.
pub(super) struct Answered {
    pub(super) from: Option<String>,
    pub(super) answer: Answer,
}

/// A request that waits until it is dropped.
pub(super) struct Waiting {
    pub(super) id: String,
    pub(super) answers: UnboundedReceiver<Answered>,
    requests: Requests,
}

impl Requests {
    /// One more.
    pub(super) fn begin(&self) -> Result<Waiting> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes).map_err(CallError::internal)?;
        let id = format!("{:016x}", u64::from_be_bytes(bytes));
        let (answer, answers) = unbounded_channel();
        self.lock().insert(id.clone(), answer);
        Ok(Waiting {
            id,
            answers,
            requests: self.clone(),
        })
    }

    /// Passes an answer on, where the request still waits.
    pub(super) fn answer(&self, request: &str, answered: Answered) {
        if let Some(waiting) = self.lock().get(request) {
            // It ends just now.
            let _ = waiting.send(answered);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, UnboundedSender<Answered>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.requests.lock().remove(&self.id);
    }
}
