//! A runtime of its own for each core. A connection lives on one of them: what its client sends is read, run and
//! answered there, and no other core is woken for it.

use std::{io, num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use tokio::runtime::{Builder, Handle, Runtime};

/// The cores; what is left of what they served ends with this.
pub(in crate::net) struct Runtimes {
    cores: Vec<Core>,
    /// For what would keep sockets waiting.
    apart: Threads,
}

struct Core {
    threads: Threads,
    /// Each of its connections has one more of this.
    seat: WorkerLoad,
}

/// A runtime that lives until this is dropped, which does not wait for its tasks.
struct Threads(Option<Runtime>);

/// Tasks that run before a core looks for what has come meanwhile, as long as there are any: one that looks after each
/// few of them finds the same sockets again, and their calls overtake those that waited already. Not so where functions
/// compute: timers would wait for as many of those.
const ROUND: u32 = 512;

/// What a connection holds as long as it lives on a core.
#[derive(Clone, Default)]
pub(in crate::net) struct WorkerLoad(Arc<()>);

impl Runtimes {
    /// So many, or as many as the system lets this process use.
    ///
    /// # Errors
    /// Where their threads cannot be had.
    pub(in crate::net) fn new(cores: Option<NonZeroUsize>) -> io::Result<Self> {
        let cores = cores
            .map_or_else(available_parallelism, Ok)
            .map_or(1, usize::from);
        Ok(Self {
            cores: (0..cores).map(|_| Core::new()).collect::<io::Result<_>>()?,
            apart: Threads::of(&mut threads(cores, "updraft-apart"))?,
        })
    }

    /// A seat on the core that has the fewest connections, and its runtime.
    pub(in crate::net) fn seat(&self) -> Option<(WorkerLoad, &Handle)> {
        let quietest = self
            .cores
            .iter()
            .min_by_key(|core| Arc::strong_count(&core.seat.0))?;
        Some((quietest.seat.clone(), quietest.threads.handle()?))
    }

    /// Their runtimes.
    pub(in crate::net) fn handles(&self) -> impl Iterator<Item = &Handle> {
        self.cores.iter().filter_map(|core| core.threads.handle())
    }

    /// The runtime for functions that keep their thread for long. No socket waits for it.
    pub(in crate::net) fn apart(&self) -> Option<&Handle> {
        self.apart.handle()
    }
}

impl Core {
    fn new() -> io::Result<Self> {
        Ok(Self {
            threads: Threads::of(threads(1, "updraft-core").event_interval(ROUND))?,
            seat: WorkerLoad::default(),
        })
    }
}

/// Also a single one is of the flavor that has many: the other is woken by a write for each task that is woken
/// from elsewhere, and a function that says `block_in_place` panics there.
fn threads(number: usize, name: &str) -> Builder {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(number).thread_name(name).enable_all();
    builder
}

impl Threads {
    fn of(builder: &mut Builder) -> io::Result<Self> {
        builder.build().map(Some).map(Self)
    }

    fn handle(&self) -> Option<&Handle> {
        self.0.as_ref().map(Runtime::handle)
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_and_who_leaves_makes_room() {
        let cores = Runtimes::new(NonZeroUsize::new(3)).unwrap();
        let place = |seat: &WorkerLoad| {
            let is_here = |core: &Core| Arc::ptr_eq(&core.seat.0, &seat.0);
            cores.cores.iter().position(is_here).unwrap()
        };
        let mut seats: Vec<_> = (0..6).map(|_| cores.seat().unwrap().0).collect();
        assert_eq!(seats.iter().map(place).collect::<Vec<_>>(), [0, 1, 2, 0, 1, 2]);
        seats.remove(1);
        assert_eq!(place(&cores.seat().unwrap().0), 1);
    }
}
