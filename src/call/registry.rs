//! The static table of functions: built once at start, looked up without allocating.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
    str::FromStr,
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::registered::Registered;
pub use super::{event_entry::EventEntry, registered::RegistryError};
use super::{
    extract::Origin,
    module::{Module, Registration},
    namespace::Namespace,
    states::States,
    stream_module,
    table::{Namespaces, Table},
};
use crate::event::{EventName, MalformedName};

type Functions = HashMap<Box<str>, Arc<Registered>, RandomState>;

/// Every registered function by the full name of its event: [`App::into_registry`](crate::App::into_registry) has that of an app, for
/// tests that hold its names; [`EventNames`] is what functions take.
///
/// ```
/// use updraft::{App, Module};
///
/// let app = App::new().module(Module::new("api.hello").on("greeting", async || "You're welcome"));
/// let registry = app.into_registry()?;
/// assert!(registry.contains("api.hello.greeting") && !registry.contains("api.hello.bye"));
/// # Ok::<(), updraft::StartError>(())
/// ```
// A fast hash is a safe one here: clients ask for
// names, and cannot add any.
pub struct Registry {
    functions: Functions,
    namespaces: Namespaces,
}

impl Registry {
    /// Builds the table.
    ///
    /// # Errors
    /// The first name that is malformed or taken, or function whose state is missing.
    pub fn new(modules: Vec<Module>, states: &States) -> Result<Self, RegistryError> {
        Self::with_namespaces(modules, Vec::new(), states)
    }

    /// The same, with namespaces.
    ///
    /// # Errors
    /// As [`Registry::new`]; a namespace that is wrong, or declared twice.
    pub(crate) fn with_namespaces(
        modules: Vec<Module>,
        namespaces: Vec<Namespace>,
        states: &States,
    ) -> Result<Self, RegistryError> {
        let mut functions = Functions::default();
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
                add(&mut functions, &module.path, function, states, parse)?;
            }
        }
        let take_handshakes = functions.values().any(|one| one.takes(Origin::Handshake));
        let namespaces = Namespaces::new(namespaces, states, take_handshakes)?;
        if functions.values().any(|one| one.streams()) || namespaces.iter().any(Table::streams) {
            let Module {
                path,
                functions: packets,
                ..
            } = stream_module::module();
            for function in packets {
                add(&mut functions, &path, function, states, EventName::reserved)?;
            }
        }
        Ok(Self {
            namespaces,
            functions,
        })
    }

    /// The namespaces.
    pub(crate) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    pub(super) fn find(&self, event: &str) -> Option<&Arc<Registered>> {
        self.functions.get(event)
    }

    /// Whether an event of this name is registered.
    pub fn contains(&self, event: &str) -> bool {
        self.find(event).is_some()
    }

    /// All that can be emitted, sorted: the names of modules' functions, then those of each namespace behind its own,
    /// `/chat message`; `*` is any other name.
    pub fn events(&self) -> Vec<EventEntry> {
        let namespaces = self.namespaces.iter().flat_map(Table::entries);
        self.of_modules().into_iter().chain(namespaces).collect()
    }

    /// Those of modules, sorted.
    fn of_modules(&self) -> Vec<EventEntry> {
        let functions = self.functions.values();
        let mut entries: Vec<_> = functions
            .map(|one| EventEntry::new(one.name.to_string(), one))
            .collect();
        entries.sort_unstable_by(|one, other| one.event.cmp(&other.event));
        entries
    }

    /// All names of modules' functions, sorted.
    pub fn names(&self) -> Vec<&EventName> {
        let mut names: Vec<&EventName> = self.functions.values().map(|one| &one.name).collect();
        names.sort_unstable();
        names
    }
}

fn add(
    functions: &mut Functions,
    path: &str,
    mut function: Registration,
    states: &States,
    parse: impl Fn(&str) -> Result<EventName, MalformedName>,
) -> Result<(), RegistryError> {
    let (full, place) = (format!("{path}.{}", function.name), function.place);
    let name = parse(&full).map_err(|problem| RegistryError::Malformed {
        name: full.clone(),
        problem,
        place,
    })?;
    function.name.clone_from(&full);
    let origins = [Origin::Call, Origin::Handshake, Origin::Stream];
    let registered = Registered::of(function, states, &origins)?;
    match functions.entry(full.into_boxed_str()) {
        Entry::Occupied(taken) => Err(RegistryError::Duplicate {
            name,
            first: taken.get().place,
            second: place,
        }),
        Entry::Vacant(free) => {
            free.insert(Arc::new(registered));
            Ok(())
        }
    }
}

/// All events of modules that are registered, sorted. Every app has them: a function that lists them takes
/// `State<EventNames>`.
///
/// ```
/// use updraft::{EventNames, Json, Module, State};
///
/// async fn list(events: State<EventNames>) -> Json<Vec<String>> {
///     Json(events.iter().map(ToString::to_string).collect())
/// }
///
/// let module = Module::new("api.services").on("list", list);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventNames {
    names: Vec<EventName>,
    entries: Vec<EventEntry>,
}

impl EventNames {
    pub(crate) fn of(registry: &Registry) -> Self {
        Self {
            names: registry.names().into_iter().cloned().collect(),
            entries: registry.of_modules(),
        }
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &EventName> {
        self.names.iter()
    }

    /// The same with what they stream.
    pub fn entries(&self) -> &[EventEntry] {
        &self.entries
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

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
        let message = error.to_string();
        assert!(
            message.contains(&first.to_string()) && message.contains(&second.to_string()),
            "{message}"
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
