//! The calls of one socket on their way in: started in the order in which they came, so many at once, so
//! many waiting. Above the high-water mark reading pauses (backpressure); calls beyond the bound are refused.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::in_flight::CallInFlight;
use crate::{
    call::{
        memory::{Account, STEP},
        payload::Arrived,
        table::Route,
    },
    error::CallError,
};

/// Bytes that waiting calls may hold, as a multiple of the largest call.
const BYTES: usize = 4;

/// Bytes that a waiting call takes beside its own.
const OVERHEAD: usize = 128;

/// A call that came in, and the number of its ack where the client wants one.
#[derive(Debug)]
pub(in crate::net) struct Incoming<S> {
    /// Whose call it is: a queue outlives a socket whose client comes back.
    pub(in crate::net) socket: S,
    pub(in crate::net) route: Route,
    pub(in crate::net) arrived: Arrived,
    pub(in crate::net) ack: Option<u64>,
    pub(in crate::net) in_flight: CallInFlight,
    pub(in crate::net) account: Account,
}

impl<S> Incoming<S> {
    fn size(&self) -> usize {
        self.arrived.size().saturating_add(OVERHEAD)
    }
}

/// How many calls of one socket run and wait.
#[derive(Clone, Copy, Debug)]
pub(in crate::net) struct QueueLimits {
    pub(in crate::net) running: usize,
    pub(in crate::net) waiting: usize,
    /// Bytes of the largest call.
    pub(in crate::net) call: usize,
    /// Longest time from the first pause above the high-water mark until the queue is below its low-water mark.
    pub(in crate::net) pause: Duration,
}

/// What becomes of a call that came in.
#[derive(Debug)]
pub(in crate::net) enum Admission<S> {
    /// It waits for its turn.
    Waits,
    /// It waits, and so many do that reading should pause.
    WaitsAmongMany,
    /// There is no room for it.
    Refused(Incoming<S>),
    /// There is no memory for it.
    Short(Incoming<S>, CallError),
}

#[derive(Debug)]
pub(in crate::net) struct CallQueue<S> {
    bounds: QueueLimits,
    state: Mutex<State<S>>,
}

#[derive(Debug)]
struct State<S> {
    waiting: VecDeque<Incoming<S>>,
    bytes: usize,
    running: usize,
    /// A call is being started: one at a time, so that they start in order.
    starting: bool,
    /// A call that was started has yet to begin: those behind it wait.
    held: bool,
    /// It began; later calls wait until its first poll is done.
    released: bool,
    /// Reading was paused, and many waited since.
    crowded: bool,
    /// The number of that pause. A session is paused for other reasons too, which are not over with it.
    pause: u64,
    /// When the queue first passed its high-water mark since it was empty.
    crowd_since: Option<Instant>,
}

impl<S> Default for State<S> {
    fn default() -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            running: 0,
            starting: false,
            held: false,
            released: false,
            crowded: false,
            pause: 0,
            crowd_since: None,
        }
    }
}

impl<S> State<S> {
    /// Whether one more may start, which it does then.
    fn starts(&mut self, bounds: &QueueLimits) -> bool {
        if self.starting || self.held || self.running >= bounds.running {
            return false;
        }
        self.running += 1;
        self.starting = true;
        true
    }

    /// Whether those that were held back are not any more.
    fn is_released(&mut self) -> bool {
        let released = std::mem::take(&mut self.released);
        self.held &= !released;
        released
    }

    /// Whether some wait, or reading does.
    fn has_others(&self) -> bool {
        !self.waiting.is_empty() || self.crowded
    }
}

impl<S> CallQueue<S> {
    pub(in crate::net) fn new(bounds: QueueLimits) -> Self {
        Self {
            bounds,
            state: Mutex::default(),
        }
    }

    /// Whether no call runs or waits.
    pub(in crate::net) fn is_idle(&self) -> bool {
        let state = self.state();
        state.running == 0 && state.waiting.is_empty()
    }

    /// Whether a call that came in, small and with none before it, starts at once, as if [`CallQueue::next`] had given it.
    pub(in crate::net) fn is_next(&self, incoming: &Incoming<S>) -> bool {
        let mut state = self.state();
        incoming.size() <= STEP && state.waiting.is_empty() && state.starts(&self.bounds)
    }

    /// Takes a call in that waits.
    pub(in crate::net) fn admit(&self, incoming: Incoming<S>) -> Admission<S> {
        let mut state = self.state();
        let size = incoming.size();
        let most = self.bounds.call.saturating_mul(BYTES);
        let is_full = state.waiting.len() >= self.bounds.waiting;
        if is_full || state.bytes.saturating_add(size) > most {
            return Admission::Refused(incoming);
        }
        if state.bytes.saturating_add(size) > STEP
            && let Err(short) = incoming.account.take(size)
        {
            return Admission::Short(incoming, short);
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

    /// The next call to start, where one waits, may run, and no other task starts one. It is followed by
    /// [`CallQueue::begun`] or [`CallQueue::ended`].
    pub(in crate::net) fn next(&self) -> Option<Incoming<S>> {
        let mut state = self.state();
        if state.waiting.is_empty() || !state.starts(&self.bounds) {
            return None;
        }
        let incoming = state.waiting.pop_front()?;
        state.bytes -= incoming.size();
        if state.waiting.is_empty() {
            state.crowd_since = None;
        }
        Some(incoming)
    }

    /// The call that was to start runs now; whether others wait.
    pub(in crate::net) fn begun(&self) -> bool {
        let mut state = self.state();
        state.starting = false;
        state.is_released();
        state.has_others()
    }

    /// The call that was to start has its answer already; whether others wait.
    pub(in crate::net) fn ended(&self) -> bool {
        let mut state = self.state();
        state.starting = false;
        state.running -= 1;
        state.is_released();
        state.has_others()
    }

    /// No further call starts until [`CallQueue::release`].
    pub(in crate::net) fn hold(&self) {
        self.state().held = true;
    }

    /// Ends [`CallQueue::hold`].
    pub(in crate::net) fn release(&self) {
        self.state().released = true;
    }

    /// Whether calls were held back and may start from now on.
    pub(in crate::net) fn was_released(&self) -> bool {
        self.state().is_released()
    }

    /// A call has its answer.
    pub(in crate::net) fn finished(&self) {
        self.state().running -= 1;
    }

    /// Whether the queue has fallen below its low-water mark: reading may resume. True once.
    pub(in crate::net) fn is_below_low_water(&self) -> bool {
        let mut state = self.state();
        let few = state.waiting.len() * 4 <= self.bounds.waiting && state.bytes <= self.bounds.call;
        let thinned = state.crowded && few;
        if thinned {
            state.crowded = false;
        }
        thinned
    }

    /// Reading was paused above the high-water mark, by this pause.
    pub(in crate::net) fn is_paused_by(&self, pause: u64) {
        self.state().pause = pause;
    }

    /// The last pause.
    pub(in crate::net) fn pause(&self) -> u64 {
        self.state().pause
    }

    /// How long reading may still pause.
    pub(in crate::net) fn pause_left(&self) -> Duration {
        let since = self.state().crowd_since;
        since.map_or(Duration::ZERO, |since| {
            self.bounds.pause.saturating_sub(since.elapsed())
        })
    }

    /// Whether the queue is still above its high-water mark: the task that drains it will resume reading.
    pub(in crate::net) fn is_above_high_water(&self) -> bool {
        self.state().crowded
    }

    fn state(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::socket::in_flight::InFlight;

    fn incoming(number: u64, bytes: usize) -> Incoming<()> {
        Incoming {
            socket: (),
            route: Route::Module,
            arrived: Arrived {
                text: "x".repeat(bytes).into(),
                attachments: Vec::new(),
            },
            ack: Some(number),
            in_flight: InFlight::default().begin(),
            account: Account::default(),
        }
    }

    fn call(number: u64) -> Incoming<()> {
        incoming(number, 10)
    }

    fn call_queue(running: usize, waiting: usize) -> CallQueue<()> {
        CallQueue::new(QueueLimits {
            running,
            waiting,
            call: 1000,
            pause: Duration::MAX,
        })
    }

    #[test]
    fn one_call_is_started_at_a_time_and_in_order() {
        let call_queue = call_queue(2, 10);
        for number in 0..3 {
            assert!(matches!(call_queue.admit(call(number)), Admission::Waits));
        }
        assert_eq!(call_queue.next().unwrap().ack, Some(0));
        assert!(call_queue.next().is_none(), "the first is not started yet");
        assert!(call_queue.begun());
        assert_eq!(call_queue.next().unwrap().ack, Some(1));
        assert!(call_queue.begun());
        assert!(call_queue.next().is_none(), "two run already");
        call_queue.finished();
        assert_eq!(call_queue.next().unwrap().ack, Some(2));
        assert!(!call_queue.ended());
    }

    #[test]
    fn a_call_is_started_without_that_it_waits_where_none_is_before_it() {
        let call_queue = call_queue(2, 10);
        assert!(call_queue.is_next(&call(0)));
        assert!(!call_queue.is_next(&call(1)), "the first is not started yet");
        assert!(!call_queue.begun());
        assert!(matches!(call_queue.admit(call(1)), Admission::Waits));
        assert!(!call_queue.is_next(&call(2)), "another was there before");
        assert_eq!(call_queue.next().unwrap().ack, Some(1));
        assert!(!call_queue.begun());
        assert!(!call_queue.is_next(&call(2)), "two run already");
        call_queue.finished();
        assert!(
            !call_queue.is_next(&incoming(2, STEP)),
            "one that takes much is counted"
        );
        call_queue.hold();
        assert!(!call_queue.is_next(&call(2)), "one that runs holds others back");
        call_queue.release();
        assert!(call_queue.was_released());
        assert!(call_queue.is_next(&call(2)));
        assert!(!call_queue.ended());
        assert!(call_queue.is_next(&call(3)), "one runs still");
    }

    #[test]
    fn a_crowd_is_reported_once_and_what_does_not_fit_is_given_back() {
        let call_queue = call_queue(1, 4);
        assert!(matches!(call_queue.admit(call(0)), Admission::Waits));
        assert!(matches!(call_queue.admit(call(1)), Admission::WaitsAmongMany));
        assert!(matches!(call_queue.admit(call(2)), Admission::Waits));
        assert!(matches!(call_queue.admit(call(3)), Admission::Waits));
        assert!(matches!(
            call_queue.admit(call(4)),
            Admission::Refused(Incoming { ack: Some(4), .. })
        ));
        assert!(!call_queue.is_below_low_water());
        for _ in 0..3 {
            call_queue.next().unwrap();
            call_queue.ended();
        }
        assert!(call_queue.is_below_low_water());
        assert!(!call_queue.is_below_low_water());
    }

    #[test]
    fn a_crowd_pauses_reading_for_so_long_and_no_longer_however_it_comes_and_goes() {
        let bounds = |pause| QueueLimits {
            running: 1,
            waiting: 4,
            call: 1000,
            pause,
        };
        let patient = CallQueue::new(bounds(Duration::MAX));
        assert_eq!(patient.pause_left(), Duration::ZERO, "there is no crowd");
        let impatient = CallQueue::new(bounds(Duration::ZERO));
        for call_queue in [&patient, &impatient] {
            for number in 0..3 {
                call_queue.admit(call(number));
            }
        }
        assert!(!patient.pause_left().is_zero());
        assert!(impatient.pause_left().is_zero());
        while patient.next().is_some() {
            patient.ended();
        }
        assert_eq!(patient.pause_left(), Duration::ZERO, "the crowd is gone");
    }

    #[test]
    fn bytes_that_wait_are_bounded_too() {
        let call_queue = call_queue(1, 1000);
        let admitted = (0..10)
            .take_while(|number| {
                !matches!(
                    call_queue.admit(incoming(*number, 1000 - OVERHEAD)),
                    Admission::Refused(_)
                )
            })
            .count();
        assert_eq!(admitted, BYTES);
    }
}
