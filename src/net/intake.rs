//! The calls of one socket on their way in: started in the order in which they came, so many at once, so
//! many waiting. When many wait, reading pauses; what still comes is refused, and told so.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::progress::InProgress;
use crate::call::payload::Arrived;

/// Bytes that waiting calls may hold, as a multiple of the largest call.
const BYTES: usize = 4;

/// Bytes that a waiting call takes beside its own.
const OVERHEAD: usize = 128;

/// A call that came in, and the number of its ack where the client wants one.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) arrived: Arrived,
    pub(super) ack: Option<i64>,
    pub(super) in_progress: InProgress,
    pub(super) source: Source,
}

/// How a call came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// Over a WebSocket, which can be left unread at any time.
    WebSocket,
    /// In a polling POST, which comes whole: its calls are bounded by their bytes alone.
    Polling,
}

impl Incoming {
    fn size(&self) -> usize {
        self.arrived.size().saturating_add(OVERHEAD)
    }
}

/// How many calls of one socket run and wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) running: usize,
    pub(super) waiting: usize,
    /// Bytes of the largest call.
    pub(super) call: usize,
    /// How long reading may pause for one crowd, all pauses together and what lies between them.
    pub(super) pause: Duration,
}

/// What becomes of a call that came in.
#[derive(Debug)]
pub(super) enum Admission {
    /// It waits for its turn.
    Waits,
    /// It waits, and so many do that reading should pause.
    WaitsAmongMany,
    /// There is no room for it.
    Refused(Incoming),
}

#[derive(Debug)]
pub(super) struct Intake {
    bounds: Bounds,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Incoming>,
    bytes: usize,
    running: usize,
    /// Somebody starts a call right now: only one does at a time, so that they start in order.
    starting: bool,
    /// A call that was started has yet to begin: those behind it wait.
    held: bool,
    /// It began; those behind it wait until it has said what it says at once.
    released: bool,
    /// Reading was paused, and many waited since.
    crowded: bool,
    /// When many waited first since none did. However often reading goes on in between, it is one crowd.
    crowd_since: Option<Instant>,
}

impl Intake {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            state: Mutex::default(),
        }
    }

    /// Takes a call in.
    pub(super) fn admit(&self, incoming: Incoming) -> Admission {
        let mut state = self.state();
        let size = incoming.size();
        let most = self.bounds.call.saturating_mul(BYTES);
        let is_full = incoming.source == Source::WebSocket && state.waiting.len() >= self.bounds.waiting;
        if is_full || state.bytes.saturating_add(size) > most {
            return Admission::Refused(incoming);
        }
        state.bytes += size;
        state.waiting.push_back(incoming);
        let many = state.waiting.len() * 2 >= self.bounds.waiting || state.bytes * 2 >= most;
        if many && !state.crowded {
            state.crowded = true;
            state.crowd_since.get_or_insert_with(Instant::now);
            return Admission::WaitsAmongMany;
        }
        Admission::Waits
    }

    /// The next call to start, where one waits, may run, and nobody else starts one. Whoever gets it says
    /// [`Intake::started`], then asks again.
    pub(super) fn next(&self) -> Option<Incoming> {
        let mut state = self.state();
        if state.starting || state.held || state.running >= self.bounds.running {
            return None;
        }
        let incoming = state.waiting.pop_front()?;
        state.bytes -= incoming.size();
        if state.waiting.is_empty() {
            state.crowd_since = None;
        }
        state.running += 1;
        state.starting = true;
        Some(incoming)
    }

    /// The call that [`Intake::next`] gave runs now, or ran already.
    pub(super) fn started(&self) {
        self.state().starting = false;
    }

    /// No further call starts until [`Intake::release`].
    pub(super) fn hold(&self) {
        self.state().held = true;
    }

    /// Ends [`Intake::hold`].
    pub(super) fn release(&self) {
        self.state().released = true;
    }

    /// Whether calls were held back and may start from now on.
    pub(super) fn was_released(&self) -> bool {
        let mut state = self.state();
        let released = std::mem::take(&mut state.released);
        state.held &= !released;
        released
    }

    /// A call has its answer.
    pub(super) fn finished(&self) {
        self.state().running -= 1;
    }

    /// Whether there was a crowd and few wait now: reading may go on. Says so once.
    pub(super) fn has_thinned(&self) -> bool {
        let mut state = self.state();
        let few = state.waiting.len() * 4 <= self.bounds.waiting && state.bytes <= self.bounds.call;
        let thinned = state.crowded && few;
        if thinned {
            state.crowded = false;
        }
        thinned
    }

    /// How long reading may still pause for this crowd.
    pub(super) fn pause_left(&self) -> Duration {
        let since = self.state().crowd_since;
        since.map_or(Duration::ZERO, |since| {
            self.bounds.pause.saturating_sub(since.elapsed())
        })
    }

    /// Whether there is a crowd still: whoever thins it will say so.
    pub(super) fn is_crowded(&self) -> bool {
        self.state().crowded
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::progress::Progress;

    fn incoming(number: i64, bytes: usize) -> Incoming {
        Incoming {
            arrived: Arrived {
                text: "x".repeat(bytes).into(),
                attachments: Vec::new(),
            },
            ack: Some(number),
            in_progress: Progress::default().begin(),
            source: Source::WebSocket,
        }
    }

    fn call(number: i64) -> Incoming {
        incoming(number, 10)
    }

    fn intake(running: usize, waiting: usize) -> Intake {
        Intake::new(Bounds {
            running,
            waiting,
            call: 1000,
            pause: Duration::MAX,
        })
    }

    #[test]
    fn one_call_is_started_at_a_time_and_in_order() {
        let intake = intake(2, 10);
        for number in 0..3 {
            assert!(matches!(intake.admit(call(number)), Admission::Waits));
        }
        assert_eq!(intake.next().unwrap().ack, Some(0));
        assert!(intake.next().is_none(), "the first is not started yet");
        intake.started();
        assert_eq!(intake.next().unwrap().ack, Some(1));
        intake.started();
        assert!(intake.next().is_none(), "two run already");
        intake.finished();
        assert_eq!(intake.next().unwrap().ack, Some(2));
    }

    #[test]
    fn a_crowd_is_told_once_and_what_does_not_fit_is_given_back() {
        let intake = intake(1, 4);
        assert!(matches!(intake.admit(call(0)), Admission::Waits));
        assert!(matches!(intake.admit(call(1)), Admission::WaitsAmongMany));
        assert!(matches!(intake.admit(call(2)), Admission::Waits));
        assert!(matches!(intake.admit(call(3)), Admission::Waits));
        assert!(matches!(
            intake.admit(call(4)),
            Admission::Refused(Incoming { ack: Some(4), .. })
        ));
        assert!(!intake.has_thinned());
        for _ in 0..3 {
            intake.next().unwrap();
            intake.started();
            intake.finished();
        }
        assert!(intake.has_thinned());
        assert!(!intake.has_thinned());
    }

    #[test]
    fn a_crowd_pauses_reading_for_so_long_and_no_longer_however_it_comes_and_goes() {
        let bounds = |pause| Bounds {
            running: 1,
            waiting: 4,
            call: 1000,
            pause,
        };
        let patient = Intake::new(bounds(Duration::MAX));
        assert_eq!(patient.pause_left(), Duration::ZERO, "there is no crowd");
        let impatient = Intake::new(bounds(Duration::ZERO));
        for intake in [&patient, &impatient] {
            for number in 0..3 {
                intake.admit(call(number));
            }
        }
        assert!(!patient.pause_left().is_zero());
        assert!(impatient.pause_left().is_zero());
        while patient.next().is_some() {
            patient.started();
            patient.finished();
        }
        assert_eq!(patient.pause_left(), Duration::ZERO, "the crowd is gone");
    }

    #[test]
    fn a_post_comes_in_whole() {
        let intake = intake(1, 4);
        let polled = |number| Incoming {
            source: Source::Polling,
            ..call(number)
        };
        assert!((0..10).all(|number| !matches!(intake.admit(polled(number)), Admission::Refused(_))));
    }

    #[test]
    fn bytes_that_wait_are_bounded_too() {
        let intake = intake(1, 1000);
        let admitted = (0..10)
            .take_while(|number| {
                !matches!(
                    intake.admit(incoming(*number, 1000 - OVERHEAD)),
                    Admission::Refused(_)
                )
            })
            .count();
        assert_eq!(admitted, BYTES);
    }
}
