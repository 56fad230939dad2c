//! How an event is answered: a call by `event` in an envelope or as `message`, an event of its own name in its ack alone.

use serde::{Serialize, Serializer};

use crate::{
    call::{
        answer::{AnswerFrame, BareAnswer, Failure},
        args::Args,
        begun::Answer,
        namespace::Errors,
        peer::Outgoing,
        table::{Route, Table},
    },
    error::CallError,
    net::socketio::Kind,
};

/// The event that carries the results of calls without an ack.
pub(in crate::net) const MESSAGE: &str = "message";

/// No argument at all.
const NOTHING: Args<[(); 0]> = Args([]);

/// How an event is answered.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) enum Dialect {
    /// As a call by `event`: `{event, data?}` or `{event, error}`, and without an ack as `message`.
    Call,
    /// As any other event: in its ack, and not at all without one.
    Event(Errors),
}

impl Dialect {
    /// How events of this route are answered in a namespace.
    pub(in crate::net) fn of(table: &Table, route: Route) -> Self {
        match route {
            Route::Module => Self::Call,
            Route::Function(_) | Route::Stream => Self::Event(table.errors),
        }
    }

    /// The same of an event by its name.
    pub(in crate::net) fn of_name(table: &Table, name: &str) -> Self {
        match table.is_call(name) {
            true => Self::Call,
            false => Self::Event(table.errors),
        }
    }

    /// The packet that answers; none, where none is wanted.
    pub(super) fn answer(self, ack: Option<u64>, answer: &Answer) -> Option<Response<'_>> {
        match (self, ack, &answer.result) {
            (Self::Call, Some(id), result) => {
                Some(Response::Envelope(id, AnswerFrame::new(&answer.event, result)))
            }
            (Self::Call, None, result) => BareAnswer::new(result).map(Response::Message),
            (Self::Event(_), None, _) => None,
            (Self::Event(errors), Some(id), Ok(data)) => Some(match errors.are_first() {
                true => Response::Done(Kind::Done(id), data.as_deref().map(|data| data as _)),
                false => Response::Done(Kind::Ack(id), data.as_deref().map(|data| data as _)),
            }),
            (Self::Event(errors), Some(id), Err(error)) => Some(Response::failed(errors, id, error)),
        }
    }

    /// The packet that answers what is not taken in; none, where none is wanted.
    pub(super) fn refusal(self, ack: Option<u64>, error: &CallError) -> Option<Response<'_>> {
        match (self, ack) {
            (Self::Call, Some(id)) => Some(Response::Envelope(id, AnswerFrame::refusal(error))),
            (Self::Call, None) => Some(Response::Message(BareAnswer::refusal(error))),
            (Self::Event(errors), Some(id)) => Some(Response::failed(errors, id, error)),
            (Self::Event(_), None) => None,
        }
    }
}

/// The packet that answers an event.
pub(super) enum Response<'a> {
    Envelope(u64, AnswerFrame<'a>),
    /// The bare result of a call without an ack.
    Message(BareAnswer<'a>),
    /// What an event's function returned, where it returned something.
    Done(Kind<'static>, Option<Outgoing<'a>>),
    Failed(u64, Failure<'a>),
    /// An error as the first argument of an ack.
    First(u64, &'a CallError),
}

impl<'a> Response<'a> {
    fn failed(errors: Errors, id: u64, error: &'a CallError) -> Self {
        match errors.are_first() {
            true => Self::First(id, error),
            false => Self::Failed(id, Failure { error }),
        }
    }

    pub(super) fn kind(&self) -> Kind<'static> {
        match self {
            Self::Envelope(id, _) | Self::Failed(id, _) | Self::First(id, _) => Kind::Ack(*id),
            Self::Message(_) => Kind::event(MESSAGE),
            Self::Done(kind, _) => *kind,
        }
    }
}

impl Serialize for Response<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Envelope(_, frame) => frame.serialize(serializer),
            Self::Message(bare) => bare.serialize(serializer),
            Self::Done(_, Some(data)) => data.serialize(serializer),
            Self::Done(_, None) => NOTHING.serialize(serializer),
            Self::Failed(_, failure) => failure.serialize(serializer),
            Self::First(_, error) => error.serialize(serializer),
        }
    }
}
