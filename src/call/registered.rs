//! A function as a table holds it, with its guards and the place in the source where it was registered; and why a table cannot
//! be built.

use std::{panic::Location, sync::Arc, time::Instant};

use futures_util::future::Either;
use tokio::runtime::Handle;

use super::{
    conduct::Conduct,
    context::Context,
    extract::{MissingState, Origin},
    guard::Guard,
    handler::Function,
    module::Registration,
    pattern::MalformedNamespace,
    payload::{Call, Name},
    reply::Reply,
    rights::Rights,
    started::Started,
    states::States,
};
use crate::{
    error::Result,
    event::{EventName, MalformedName},
};

/// A function in a table.
pub(crate) struct Registered {
    pub(super) name: EventName,
    /// The name again, cheap to share.
    event: Name,
    function: Arc<dyn Function>,
    conduct: Arc<Conduct>,
    pub(super) guards: Vec<Guard>,
    pub(super) place: &'static Location<'static>,
    pub(super) frames: Directions,
}

/// Which frames a function has to do with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Directions {
    /// It takes the client's.
    pub(super) takes: bool,
    /// It answers with its own.
    pub(super) gives: bool,
    /// It can go on where a client was.
    pub(super) resumes: bool,
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
    /// One name twice in a namespace, or two hooks of one kind.
    #[error("'{name}' is registered twice in namespace '{namespace}': at {first} and at {second}")]
    Twice {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// Where it was registered first.
        first: &'static Location<'static>,
        /// Where it was registered again.
        second: &'static Location<'static>,
    },
    /// A name that no event of a namespace may have.
    #[error("'{name}', registered at {place}, is no name of an event: it {problem}")]
    Heard {
        /// The text.
        name: String,
        /// What is wrong with it.
        problem: MalformedName,
        /// Where it was registered.
        place: &'static Location<'static>,
    },
    /// A function for `event` where that carries calls.
    #[error("'event', registered at {place}, carries the calls of modules in this namespace")]
    CarriesCalls {
        /// Where it was registered.
        place: &'static Location<'static>,
    },
    /// A text that names no namespace.
    #[error("'{name}', declared at {place}, is no namespace: it {problem}")]
    Namespace {
        /// The text.
        name: String,
        /// What is wrong with it.
        problem: MalformedNamespace,
        /// Where it was declared.
        place: &'static Location<'static>,
    },
    /// Two namespaces that one name may mean.
    #[error("namespace {first} is also namespace {second}: declare it once")]
    Namespaces {
        /// The one, and where it was declared.
        first: String,
        /// The other.
        second: String,
    },
    /// An argument that is not there for this function.
    #[error("'{name}', registered at {place}, takes {argument}")]
    Argument {
        /// The name.
        name: EventName,
        /// What it takes, and what has that.
        argument: &'static str,
        /// Where it was registered.
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
    /// A function that may take what comes from these origins, under a name that was checked.
    ///
    /// # Errors
    /// What it takes and does not get.
    pub(super) fn of(
        registration: Registration,
        states: &States,
        origins: &[Origin],
    ) -> Result<Self, RegistryError> {
        let Registration {
            name,
            function,
            guards,
            place,
        } = registration;
        let name = EventName::as_written(&name);
        let checked = guards.iter().try_for_each(|guard| guard.0.check(states));
        let checked = checked.and_then(|()| function.check(states));
        checked.map_err(|missing| RegistryError::State {
            name: name.clone(),
            missing,
            place,
        })?;
        let by_guards = |origin| guards.iter().any(|guard| guard.0.takes(origin));
        let frames = Directions {
            takes: function.takes(Origin::Stream),
            gives: function.gives_frames(),
            resumes: function.takes(Origin::After),
        };
        let is_refused = |origin| !origins.contains(&origin) && function.takes(origin);
        let missing = if is_refused(Origin::Left) || by_guards(Origin::Left) {
            Some("Left, which a disconnect hook alone has")
        } else if is_refused(Origin::Stream) || by_guards(Origin::Stream) {
            Some("Incoming, which a function of an event has, and no hook or guard")
        } else if by_guards(Origin::After) || (frames.resumes && !frames.gives) {
            Some("After, which a function that returns Frames has")
        } else if frames.gives && !origins.contains(&Origin::Stream) {
            Some("no event, and returns Frames, which need one")
        } else {
            None
        };
        if let Some(argument) = missing {
            return Err(RegistryError::Argument {
                name,
                argument,
                place,
            });
        }
        Ok(Self {
            event: Name::new(name.as_str()),
            name,
            function: function.into(),
            conduct: Arc::default(),
            guards,
            place,
            frames,
        })
    }

    /// Whether it gives or takes frames.
    pub(super) fn streams(&self) -> bool {
        self.frames.takes || self.frames.gives
    }

    /// Its name, cheap to share.
    pub(super) fn event(&self) -> Name {
        self.event.clone()
    }

    /// Whether an argument of it, or of a guard, comes out of this.
    pub(super) fn takes(&self, origin: Origin) -> bool {
        self.function.takes(origin) || self.guards.iter().any(|guard| guard.0.takes(origin))
    }

    /// Whether the function has taken so long before it waited that it should run apart.
    pub(super) fn is_long(&self) -> bool {
        self.conduct.is_long()
    }

    /// How it keeps its thread: it streams, and goes on there from when that is for long.
    pub(super) fn streaming_conduct(&self, apart: Option<&Handle>) -> &Arc<Conduct> {
        if let Some(runtime) = apart {
            self.conduct.offload_to(runtime);
        }
        &self.conduct
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
