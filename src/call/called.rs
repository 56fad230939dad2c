//! What a client called: a module's function by `event`, or what a namespace has for an event's name.

use std::sync::Arc;

use super::{
    guard::{Guard, Guards},
    payload::{Allowance, Arrived, Call},
    registered::Registered,
    registry::Registry,
    table::{Route, Table},
};
use crate::error::Result;

/// What a client called.
#[derive(Clone, Copy)]
pub(crate) struct Called<'a> {
    table: Option<&'a Table>,
    route: Route,
}

/// A function, and what is asked before it runs.
#[derive(Clone, Copy)]
pub(super) struct Guarded<'a> {
    pub(super) registered: &'a Arc<Registered>,
    /// The guards of its namespace, where they are not among its own.
    pub(super) of_namespace: Option<&'a Arc<[Guard]>>,
}

impl<'a> Guarded<'a> {
    pub(super) fn guards(self) -> Guards<'a> {
        Guards {
            of_namespace: self.of_namespace.map_or(&[], |guards| guards),
            own: &self.registered.guards,
        }
    }
}

impl<'a> Called<'a> {
    /// A module's function, in no namespace of ours.
    pub(crate) fn by_event() -> Self {
        Self {
            table: None,
            route: Route::Module,
        }
    }

    /// What an event is for in a namespace.
    pub(crate) fn in_namespace(table: &'a Table, route: Route) -> Self {
        Self {
            table: Some(table),
            route,
        }
    }

    /// The name or pattern of its namespace.
    pub(super) fn namespace(self) -> &'a str {
        self.table.map_or("/", Table::name)
    }

    /// Reads the call out of what arrived.
    ///
    /// # Errors
    /// Where it is none, or over a limit.
    pub(super) fn decode(self, arrived: Arrived, limits: &Allowance) -> Result<Call> {
        match (self.route, self.table) {
            (Route::Function(_), Some(_)) => Call::of_event(arrived, limits),
            (Route::Stream, _) => Call::of_event(arrived, limits)?.in_envelope(),
            _ => Call::decode_within(arrived, limits),
        }
    }

    /// The function that is called, where there is one.
    pub(super) fn function(self, registry: &'a Registry, event: &str) -> Option<Guarded<'a>> {
        match (self.route, self.table) {
            // The namespace's guards are among its own.
            (Route::Function(id), Some(table)) => Some(Guarded {
                registered: table.function(id),
                of_namespace: None,
            }),
            (_, table) => Some(Guarded {
                registered: registry.find(event)?,
                of_namespace: table.map(|table| &table.guards),
            }),
        }
    }
}
