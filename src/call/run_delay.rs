//! How long a function kept its thread, without the time in which the system ran others there: the thread's run delay, as
//! Linux counts it (`/proc/thread-self/schedstat`, the second figure). Other systems do not tell, and it counts as the function's.

use std::{
    cell::{Cell, RefCell},
    fs::File,
    io::{self, Read, Seek},
    time::{Duration, Instant},
};

/// For so long a thread's run delay is taken to be what it was: to ask for it at each call would cost a good part of one.
const FRESH: Duration = Duration::from_millis(5);

/// More than the three figures of a `schedstat`.
const SCHEDSTAT: usize = 64;

thread_local! {
    static FILE: RefCell<Option<File>> = RefCell::new(File::open("/proc/thread-self/schedstat").ok());
    /// This thread's run delay when it was last asked for, and when that was.
    static LAST: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// A part of a function's work, between two waits.
pub(super) struct Stretch {
    begun: Instant,
    /// The thread's run delay then, or a little before.
    delay: Duration,
}

impl Stretch {
    /// One that begins now, on this thread.
    pub(super) fn begin(now: Instant) -> Self {
        let delay = match LAST.get() {
            Some((asked, delay)) if now.saturating_duration_since(asked) < FRESH => delay,
            _ => run_delay(now),
        };
        Self { begun: now, delay }
    }

    /// Whether it kept its thread for longer than that. Of what the system took shortly before it began, at most [`FRESH`]
    /// is taken off as well.
    pub(super) fn took_longer_than(&self, limit: Duration) -> bool {
        let now = Instant::now();
        let taken = now.saturating_duration_since(self.begun);
        if taken <= limit {
            return false;
        }
        let delayed = run_delay(now).saturating_sub(self.delay);
        taken.saturating_sub(delayed) > limit
    }
}

/// What this thread has waited for a processor up to now; zero where the system does not tell.
fn run_delay(now: Instant) -> Duration {
    let delay = FILE.with_borrow(|file| file.as_ref().and_then(|file| read(file).ok()));
    let delay = delay.unwrap_or_default();
    LAST.set(Some((now, delay)));
    delay
}

fn read(mut schedstat: &File) -> io::Result<Duration> {
    let mut text = [0; SCHEDSTAT];
    schedstat.rewind()?;
    let length = schedstat.read(&mut text)?;
    let figures = str::from_utf8(&text[..length]).map_err(io::Error::other)?;
    let nanoseconds = figures.split_ascii_whitespace().nth(1).map(str::parse);
    let nanoseconds = nanoseconds.ok_or(io::ErrorKind::UnexpectedEof)?;
    nanoseconds.map(Duration::from_nanos).map_err(io::Error::other)
}
