//! What a server does in each of its namespaces: built once at start, looked up without allocating.

use std::{
    collections::{HashMap, hash_map::Entry},
    panic::Location,
    sync::Arc,
};

use foldhash::fast::RandomState;

use super::{
    event_entry::EventEntry,
    extract::Origin,
    guard::Guard,
    module::Registration,
    namespace::{Errors, Namespace},
    pattern::{NamespaceName, Pattern, ROOT},
    registered::{Registered, RegistryError},
    states::States,
    stream::is_packet,
};
pub(crate) use crate::event::EVENT;
use crate::event::check_heard;

/// The namespaces of a server. The root is always among them.
#[derive(Clone, Debug)]
pub(crate) struct Namespaces(Vec<Arc<Table>>);

/// What happens in a namespace, or in those of a pattern.
pub(crate) struct Table {
    pattern: Pattern,
    place: Option<&'static Location<'static>>,
    /// By name. A fast hash is a safe one here: clients ask for names, and cannot add any.
    names: HashMap<Box<str>, FunctionId, RandomState>,
    functions: Vec<Arc<Registered>>,
    fallback: Option<FunctionId>,
    pub(crate) connect: Option<Registered>,
    pub(crate) disconnect: Option<Registered>,
    /// Before each of its functions, where these are called by `event`; others have them among their own.
    pub(super) guards: Arc<[Guard]>,
    pub(crate) errors: Errors,
    pub(crate) speaks_modules: bool,
    /// Whether its connect hook alone decides which clients may connect.
    pub(crate) authenticates: bool,
    /// Whether a socket keeps its handshake for its functions.
    pub(crate) keeps_handshake: bool,
    /// Whether one of its functions gives or takes frames.
    streams: bool,
}

/// A function of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FunctionId(usize);

/// What an event of a name is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A call by `event`, of a module's function.
    Module,
    Function(FunctionId),
    /// What a client says of an open stream.
    Stream,
}

impl Namespaces {
    /// Those that are declared, and the root. `of_modules` says whether a module's function takes a handshake.
    ///
    /// # Errors
    /// What is wrong with one of them, or with two, and where they stand.
    pub(super) fn new(
        declared: Vec<Namespace>,
        states: &States,
        of_modules: bool,
    ) -> Result<Self, RegistryError> {
        let mut tables: Vec<Arc<Table>> = Vec::new();
        for namespace in declared {
            let table = Table::new(namespace, states, of_modules)?;
            if let Some(other) = tables.iter().find(|other| other.pattern.overlaps(&table.pattern)) {
                return Err(RegistryError::Namespaces {
                    first: other.describe(),
                    second: table.describe(),
                });
            }
            tables.push(Arc::new(table));
        }
        if !tables.iter().any(|table| table.pattern.as_str() == ROOT) {
            tables.push(Arc::new(Table::root(of_modules)));
        }
        // A name goes before a pattern.
        tables.sort_by_key(|table| !table.pattern.is_exact());
        Ok(Self(tables))
    }

    /// The one of this name, where there is one.
    pub(crate) fn find(&self, name: &str) -> Option<(&Arc<Table>, NamespaceName)> {
        let mut found = self
            .0
            .iter()
            .filter_map(|table| Some((table, table.pattern.find(name)?)));
        found.next()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Table> {
        self.0.iter().map(|table| &**table)
    }
}

impl Table {
    /// The root where none is declared.
    fn root(keeps_handshake: bool) -> Self {
        Self {
            pattern: Pattern::root(),
            place: None,
            names: HashMap::default(),
            functions: Vec::new(),
            fallback: None,
            connect: None,
            disconnect: None,
            guards: Arc::default(),
            errors: Errors::default(),
            speaks_modules: true,
            authenticates: false,
            keeps_handshake,
            streams: false,
        }
    }

    fn new(namespace: Namespace, states: &States, of_modules: bool) -> Result<Self, RegistryError> {
        let Namespace {
            pattern,
            place,
            functions,
            fallback,
            connect,
            disconnect,
            guards,
            errors,
            speaks_modules,
            authenticates,
            misplaced,
        } = namespace;
        let pattern = pattern.map_err(|(name, problem)| RegistryError::Namespace { name, problem, place })?;
        let module = pattern.as_str().to_owned();
        if let Some(place) = misplaced {
            return Err(RegistryError::GuardOfNothing { module, place });
        }
        for guard in &guards {
            guard.0.check(states).map_err(|missing| RegistryError::State {
                name: crate::event::EventName::as_written(&module),
                missing,
                place,
            })?;
        }
        let in_namespace = pattern.as_str();
        let mut table = Self {
            connect: hook(connect, in_namespace, states, &[Origin::Call, Origin::Handshake])?,
            disconnect: hook(
                disconnect,
                in_namespace,
                states,
                &[Origin::Call, Origin::Handshake, Origin::Left],
            )?,
            pattern,
            place: Some(place),
            names: HashMap::default(),
            functions: Vec::new(),
            fallback: None,
            guards: guards.into(),
            errors,
            speaks_modules,
            authenticates,
            keeps_handshake: false,
            streams: false,
        };
        for function in functions {
            table.add(function, states)?;
        }
        if let Some(fallback) = only(fallback, table.pattern.as_str())? {
            table.fallback = Some(table.register(fallback, states)?);
        }
        table.streams = table.functions.iter().any(|one| one.streams());
        table.keeps_handshake = table.takes_handshake() || (speaks_modules && of_modules);
        Ok(table)
    }

    fn add(&mut self, function: Registration, states: &States) -> Result<(), RegistryError> {
        let (name, place) = (function.name.clone(), function.place);
        check_heard(&name).map_err(|problem| RegistryError::Heard {
            name: name.clone(),
            problem,
            place,
        })?;
        if self.speaks_modules && name == EVENT {
            return Err(RegistryError::CarriesCalls { place });
        }
        let id = self.register(function, states)?;
        match self.names.entry(name.into()) {
            Entry::Vacant(free) => {
                free.insert(id);
                Ok(())
            }
            Entry::Occupied(taken) => Err(RegistryError::Twice {
                namespace: self.pattern.as_str().to_owned(),
                name: taken.key().to_string(),
                first: self.functions[taken.get().0].place,
                second: place,
            }),
        }
    }

    fn register(&mut self, mut function: Registration, states: &States) -> Result<FunctionId, RegistryError> {
        function.guards = [&self.guards, &function.guards[..]].concat();
        let origins = [Origin::Call, Origin::Handshake, Origin::Stream];
        self.functions
            .push(Arc::new(Registered::of(function, states, &origins)?));
        Ok(FunctionId(self.functions.len() - 1))
    }

    fn takes_handshake(&self) -> bool {
        let all = self.functions.iter().map(|one| &**one).chain(&self.disconnect);
        all.into_iter().any(|one| one.takes(Origin::Handshake))
    }

    /// What an event of this name is for; nothing, where no function is registered for it.
    pub(crate) fn route(&self, name: &str) -> Option<Route> {
        if self.speaks_modules && name == EVENT {
            return Some(Route::Module);
        }
        match self.names.get(name) {
            Some(function) => Some(Route::Function(*function)),
            None if self.streams && is_packet(name) => Some(Route::Stream),
            None => self.fallback.map(Route::Function),
        }
    }

    /// Whether events of this name are calls to modules.
    pub(crate) fn is_call(&self, name: &str) -> bool {
        self.route(name) == Some(Route::Module)
    }

    /// Whether one of its functions gives or takes frames.
    pub(super) fn streams(&self) -> bool {
        self.streams
    }

    pub(super) fn function(&self, id: FunctionId) -> &Arc<Registered> {
        &self.functions[id.0]
    }

    /// Its name or pattern.
    pub(crate) fn name(&self) -> &str {
        self.pattern.as_str()
    }

    /// Whether it is one namespace.
    pub(crate) fn is_exact(&self) -> bool {
        self.pattern.is_exact()
    }

    /// Whether a function takes the handshake.
    pub(crate) fn needs_head(&self) -> bool {
        let asks = |hook: &Registered| hook.takes(Origin::Handshake);
        self.keeps_handshake || self.connect.as_ref().is_some_and(asks)
    }

    /// Its events, sorted; `*` for all that have no function of their own.
    pub(super) fn entries(&self) -> impl Iterator<Item = EventEntry> {
        let mut named: Vec<_> = self.names.iter().map(|(name, id)| (&**name, *id)).collect();
        named.sort_unstable_by_key(|(name, _)| *name);
        named.extend(self.fallback.map(|id| ("*", id)));
        named
            .into_iter()
            .map(|(name, id)| EventEntry::new(format!("{} {name}", self.name()), self.function(id)))
    }

    fn describe(&self) -> String {
        match self.place {
            Some(place) => format!("'{}' at {place}", self.name()),
            None => format!("'{}'", self.name()),
        }
    }
}

/// The only one of its kind, where there is one.
fn only(mut all: Vec<Registration>, namespace: &str) -> Result<Option<Registration>, RegistryError> {
    match &all[..] {
        [first, second, ..] => Err(RegistryError::Twice {
            namespace: namespace.to_owned(),
            name: first.name.clone(),
            first: first.place,
            second: second.place,
        }),
        _ => Ok(all.pop()),
    }
}

fn hook(
    all: Vec<Registration>,
    namespace: &str,
    states: &States,
    origins: &[Origin],
) -> Result<Option<Registered>, RegistryError> {
    let hook = only(all, namespace)?;
    hook.map(|hook| Registered::of(hook, states, origins)).transpose()
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("name", &self.name())
            .field("events", &self.names.keys())
            .finish_non_exhaustive()
    }
}
