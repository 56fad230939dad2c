//! The static table of functions: built once at start, looked up without allocating.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    panic::Location,
    str::FromStr,
    sync::Arc,
    time::Instant,
};

use foldhash::fast::RandomState;
use futures_util::future::Either;
use tokio::runtime::Handle;

use super::{
    conduct::{Conduct, Started},
    context::Context,
    extract::MissingState,
    guard::Guard,
    handler::Function,
    module::{Module, Registration},
    payload::Call,
    reply::Reply,
    rights::Rights,
    states::States,
};
use crate::{
    error::Result,
    event::{EventName, MalformedName},
};

/// Every registered function by the full name of its event. A fast hash is a safe one here: clients ask for
/// names, and cannot add any.
#[derive(Default)]
pub struct Registry(HashMap<Box<str>, Arc<Registered>, RandomState>);

pub(super) struct Registered {
    name: EventName,
    function: Arc<dyn Function>,
    conduct: Arc<Conduct>,
    pub(super) guards: Vec<Guard>,
    place: &'static Location<'static>,
}

/// Why the table cannot be built. Each message names the places in the source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Two functions under one name.
    #[error("event '{name}' is registered twice: at {first} and at {second}")]
    Duplicate {
        /// The name.
        name: EventName,
        /// Where it was registered first.
        first: &'static Location<'static>,
        /// Where it was registered again.
        second: &'static Location<'static>,
    },
    /// A name that is none.
    #[error("'{name}', registered at {place}, is no event name: it {problem}")]
    Malformed {
        /// The text.
        name: String,
        /// What is wrong with it.
        problem: MalformedName,
        /// Where it was registered.
        place: &'static Location<'static>,
    },
    /// A guard of the function before it, where there is none.
    #[error("the guard at {place} of module '{module}' stands before its first function, and guards nothing")]
    GuardOfNothing {
        /// The module's path.
        module: String,
        /// Where it was put.
        place: &'static Location<'static>,
    },
    /// A function, or a guard of it, that takes state which the app does not have.
    #[error("'{name}', registered at {place}, {missing}")]
    State {
        /// The name.
        name: EventName,
        /// What is missing.
        missing: MissingState,
        /// Where it was registered.
        place: &'static Location<'static>,
    },
}

impl Registered {
    /// Whether the function has taken so long before it waited that it should run apart.
    pub(super) fn is_long(&self) -> bool {
        self.conduct.is_long()
    }

    /// Starts the function here, and does what it does before its first wait: what it returned, or what is left of it.
    pub(super) fn start(
        &self,
        now: Instant,
        call: &Call,
        context: &Context,
    ) -> Either<Result<Reply>, Started> {
        Started::at_once(&self.conduct, now, || self.function.start(call, context))
    }

    /// Starts the function, here and now, or on another runtime, where it has begun when this completes, perhaps after a
    /// while.
    ///
    /// # Errors
    /// What its arguments refuse, and those of [`Rights::confirm`].
    pub(super) async fn start_at(
        &self,
        apart: Option<&Handle>,
        call: Call,
        context: Context,
        rights: Rights,
    ) -> Result<Started> {
        let Some(runtime) = apart else {
            let start = || self.function.start(&call, &context);
            return Started::here(&self.conduct, Instant::now(), start);
        };
        let function = self.function.clone();
        let start = move || {
            rights.confirm(&context)?;
            function.start(&call, &context)
        };
        Ok(Started::apart(runtime, self.conduct.clone(), start).await)
    }
}

impl Registry {
    /// Builds the table.
    ///
    /// # Errors
    /// The first name that is malformed or taken, or function whose state is missing.
    pub fn new(modules: Vec<Module>, states: &States) -> Result<Self, RegistryError> {
        let mut registry = Self::default();
        for module in modules {
            let parse = match module.is_reserved {
                true => EventName::reserved,
                false => EventName::from_str,
            };
            if let Some(place) = module.misplaced {
                let module = module.path;
                return Err(RegistryError::GuardOfNothing { module, place });
            }
            for mut function in module.functions {
                function.guards = [module.guards.clone(), function.guards].concat();
                registry.add(&module.path, function, states, parse)?;
            }
        }
        Ok(registry)
    }

    fn add(
        &mut self,
        path: &str,
        function: Registration,
        states: &States,
        parse: impl Fn(&str) -> Result<EventName, MalformedName>,
    ) -> Result<(), RegistryError> {
        let Registration {
            name,
            function,
            guards,
            place,
        } = function;
        let full = format!("{path}.{name}");
        let name = parse(&full).map_err(|problem| RegistryError::Malformed {
            name: full.clone(),
            problem,
            place,
        })?;
        let checked = guards.iter().try_for_each(|guard| guard.0.check(states));
        let checked = checked.and_then(|()| function.check(states));
        checked.map_err(|missing| RegistryError::State {
            name: name.clone(),
            missing,
            place,
        })?;
        match self.0.entry(full.into_boxed_str()) {
            Entry::Occupied(taken) => Err(RegistryError::Duplicate {
                name,
                first: taken.get().place,
                second: place,
            }),
            Entry::Vacant(free) => {
                free.insert(Arc::new(Registered {
                    name,
                    function: function.into(),
                    conduct: Arc::default(),
                    guards,
                    place,
                }));
                Ok(())
            }
        }
    }

    pub(super) fn find(&self, event: &str) -> Option<&Arc<Registered>> {
        self.0.get(event)
    }

    /// Whether an event of this name is registered.
    pub fn contains(&self, event: &str) -> bool {
        self.find(event).is_some()
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<&EventName> {
        let mut names: Vec<&EventName> = self.0.values().map(|one| &one.name).collect();
        names.sort_unstable();
        names
    }
}

/// The names of all events that are registered, sorted. Every app has them: a function that lists them takes
/// `State<EventNames>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNames(Vec<EventName>);

impl EventNames {
    pub(crate) fn of(registry: &Registry) -> Self {
        Self(registry.names().into_iter().cloned().collect())
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &EventName> {
        self.0.iter()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::extract::State;

    async fn nothing() {}

    fn build(modules: Vec<Module>) -> Result<Registry, RegistryError> {
        Registry::new(modules, &States::default())
    }

    #[test]
    fn a_duplicate_names_both_places() {
        let modules = vec![
            Module::new("api.a").on("one", nothing),
            Module::new("api").on("a.one", nothing),
        ];
        let error = build(modules).unwrap_err();
        let RegistryError::Duplicate { first, second, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(second.line(), first.line() + 1);
        let told = error.to_string();
        assert!(
            told.contains(&first.to_string()) && told.contains(&second.to_string()),
            "{told}"
        );
    }

    #[test]
    fn a_malformed_or_reserved_name_names_its_place() {
        for (path, name) in [
            ("api", "with space"),
            ("", "status"),
            ("topic", "subscribe"),
            ("api", ""),
        ] {
            let error = build(vec![Module::new(path).on(name, nothing)]).unwrap_err();
            assert!(matches!(error, RegistryError::Malformed { .. }), "{error}");
            assert!(error.to_string().contains(file!()), "{error}");
        }
    }

    #[test]
    fn a_guard_before_any_function_names_its_place() {
        let module = Module::new("api.a").guarded_by(nothing).on("one", nothing);
        let error = build(vec![module]).unwrap_err().to_string();
        assert!(error.contains("api.a") && error.contains(file!()), "{error}");
    }

    #[test]
    fn state_that_nobody_provides_fails_at_start() {
        async fn wants(_: State<u64>) {}
        let module = || vec![Module::new("api.a").on("wants", wants)];
        let error = build(module()).unwrap_err();
        assert!(error.to_string().contains("State<u64>"), "{error}");
        let guarded = Module::new("api.a").guard(wants).on("nothing", nothing);
        assert!(build(vec![guarded]).is_err(), "a guard's state is asked for too");
        let mut states = States::default();
        states.insert(Arc::new(7_u64));
        let error = Registry::new(module(), &states).unwrap_err().to_string();
        assert!(error.contains("the app has an Arc of it"), "{error}");
        states.insert(7_u64);
        async fn wants_arc(_: State<Arc<u32>>) {}
        let arc = vec![Module::new("api.a").on("wants", wants_arc)];
        states.insert(7_u32);
        let error = Registry::new(arc, &states).unwrap_err().to_string();
        assert!(error.contains("take it as it is"), "{error}");
        assert!(Registry::new(module(), &states).unwrap().contains("api.a.wants"));
    }
}
