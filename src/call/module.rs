//! A module: a path and the functions under it.

use std::{fmt, panic::Location};

use super::{
    guard::Guard,
    handler::{Erased, Function, Handler, Signature},
};

/// Functions that share a path. `Module::new("api.hello").on("greeting", greeting)` makes `greeting` answer
/// the event `api.hello.greeting`.
///
/// ```
/// use updraft::Module;
///
/// async fn status() -> &'static str {
///     "online"
/// }
/// let module = Module::new("api.services").on("status", status);
/// ```
pub struct Module {
    pub(super) path: String,
    pub(super) functions: Vec<Registration>,
    /// Whether its path is one that the server keeps for itself.
    pub(super) is_reserved: bool,
    /// Asked before each of its functions.
    pub(super) guards: Vec<Guard>,
    /// Where a guard was put on the function before it, and there is none.
    pub(super) misplaced: Option<&'static Location<'static>>,
}

/// One function under its name, and where in the source it was registered.
pub(super) struct Registration {
    pub(super) name: String,
    pub(super) function: Box<dyn Function>,
    /// Asked after those of the module.
    pub(super) guards: Vec<Guard>,
    pub(super) place: &'static Location<'static>,
}

impl Registration {
    pub(super) fn new<Args: 'static>(
        name: impl Into<String>,
        function: impl Signature<Args> + Handler<Args>,
        place: &'static Location<'static>,
    ) -> Self {
        Self {
            name: name.into(),
            function: Box::new(Erased::new(function)),
            guards: Vec::new(),
            place,
        }
    }
}

impl Module {
    /// A module without functions yet. Names are checked when the app starts.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            functions: Vec::new(),
            is_reserved: false,
            guards: Vec::new(),
            misplaced: None,
        }
    }

    /// A module under a path that the server keeps for itself.
    pub(crate) fn reserved(path: &str) -> Self {
        Self {
            is_reserved: true,
            ..Self::new(path)
        }
    }

    /// Registers a function: see [`FromCall`](crate::FromCall) for what it may take and
    /// [`IntoReply`](crate::IntoReply) for what it may return. [`check_handler`](crate::check_handler) says the same beside
    /// the function where this does not compile.
    ///
    /// It runs on the core of the socket that calls. Once it has computed or blocked for more than 20 ms without a wait, it
    /// runs on other threads, where no socket waits for it, for as long as it does so at least once in 200 calls. (Not behind
    /// [`App::into_router`](crate::App::into_router), where the runtime is yours.)
    #[must_use]
    #[track_caller]
    pub fn on<Args: 'static>(
        mut self,
        name: impl Into<String>,
        function: impl Signature<Args> + Handler<Args>,
    ) -> Self {
        self.functions
            .push(Registration::new(name, function, Location::caller()));
        self
    }

    /// Puts a [`Guard`], or an async function that is one, before all functions of this module, also those that are
    /// registered later. Several are asked in turn.
    #[must_use]
    pub fn guard<Args: 'static>(mut self, guard: impl Signature<Args> + Handler<Args>) -> Self {
        self.guards.push(Guard::new(guard));
        self
    }

    /// Puts a [`Guard`] before the function that was registered last; it is asked after those of the module. Where
    /// there is no function yet, the app does not start.
    #[must_use]
    #[track_caller]
    pub fn guarded_by<Args: 'static>(mut self, guard: impl Signature<Args> + Handler<Args>) -> Self {
        match self.functions.last_mut() {
            Some(function) => function.guards.push(Guard::new(guard)),
            None => self.misplaced = Some(Location::caller()),
        }
        self
    }
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.functions.iter().map(|one| one.name.as_str()).collect();
        f.debug_struct("Module")
            .field("path", &self.path)
            .field("functions", &names)
            .finish()
    }
}
