//! Sessions that began and ended, packets and bytes in and out: what the admin page draws. Nothing is counted where no page is
//! served.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::call::per_core::PerCore;

/// Why sessions end, in Node's words. The last is for all that is none of the others.
const REASONS: [&str; 6] = [
    "transport close",
    "transport error",
    "ping timeout",
    "parse error",
    "server shutting down",
    "forced server close",
];

/// What passed through the sessions of a server since it began.
#[derive(Default)]
pub(crate) struct Traffic {
    cores: PerCore<Counts>,
    /// Sessions that requests carry.
    polling: AtomicI64,
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    ended: [AtomicU64; REASONS.len()],
    packets_in: AtomicU64,
    packets_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// The sums over all cores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) begun: u64,
    ended: [u64; REASONS.len()],
    pub(crate) packets_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Totals {
    /// Sessions that ended, by reason.
    pub(crate) fn ended(&self) -> impl Iterator<Item = (&'static str, u64)> {
        REASONS.into_iter().zip(self.ended)
    }

    /// Sessions that are there.
    pub(crate) fn clients(&self) -> u64 {
        self.begun.saturating_sub(self.ended.iter().sum())
    }
}

impl Traffic {
    pub(in crate::net) fn begun(&self) {
        self.cores.here().begun.fetch_add(1, Relaxed);
    }

    pub(in crate::net) fn ended(&self, reason: &str) {
        let known = REASONS.iter().position(|known| *known == reason);
        let place = known.unwrap_or(REASONS.len() - 1);
        self.cores.here().ended[place].fetch_add(1, Relaxed);
    }

    /// Requests carry one session more.
    pub(in crate::net) fn polls(&self) {
        self.polling.fetch_add(1, Relaxed);
    }

    /// Requests carry one session less.
    pub(in crate::net) fn polls_no_more(&self) {
        self.polling.fetch_sub(1, Relaxed);
    }

    /// A packet came.
    pub(in crate::net) fn came(&self, bytes: usize) {
        let counts = self.cores.here();
        counts.packets_in.fetch_add(1, Relaxed);
        counts.bytes_in.fetch_add(bytes as u64, Relaxed);
    }

    /// Packets go: whether each is a text, and its bytes with its type. What is a type alone (a ping) is none, as in Node.
    pub(in crate::net) fn goes(&self, packets: impl Iterator<Item = (bool, usize)>) {
        let with_data = packets.filter(|(is_text, length)| *length > usize::from(*is_text));
        let (packets, bytes) = with_data.fold((0, 0), |(packets, bytes), (is_text, length)| {
            (packets + 1, bytes + length - usize::from(is_text))
        });
        let counts = self.cores.here();
        counts.packets_out.fetch_add(packets, Relaxed);
        counts.bytes_out.fetch_add(bytes as u64, Relaxed);
    }

    /// Sessions that requests carry.
    pub(crate) fn polling(&self) -> u64 {
        self.polling.load(Relaxed).try_into().unwrap_or_default()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.cores.iter().fold(Totals::default(), |mut totals, counts| {
            let ended = totals.ended.iter_mut().zip(&counts.ended);
            ended.for_each(|(total, ended)| *total += ended.load(Relaxed));
            totals.begun += counts.begun.load(Relaxed);
            totals.packets_in += counts.packets_in.load(Relaxed);
            totals.packets_out += counts.packets_out.load(Relaxed);
            totals.bytes_in += counts.bytes_in.load(Relaxed);
            totals.bytes_out += counts.bytes_out.load(Relaxed);
            totals
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::websocket::encode;

    #[test]
    fn what_passes_is_summed_up_and_a_packet_without_data_is_none() {
        let traffic = Traffic::default();
        (0..3).for_each(|_| traffic.begun());
        traffic.ended("ping timeout");
        traffic.ended("something new");
        traffic.came(5);
        // A message of four bytes, a ping, a Buffer of three.
        traffic.goes([(true, 5), (true, 1), (false, 3)].into_iter());
        traffic.goes(encode::messages(b"\x81\x054word\x81\x012\x8a\x00"));
        let totals = traffic.totals();
        assert_eq!((totals.begun, totals.clients()), (3, 1));
        let ended: Vec<_> = totals.ended().filter(|(_, count)| *count > 0).collect();
        assert_eq!(ended, [("ping timeout", 1), ("forced server close", 1)]);
        assert_eq!((totals.packets_in, totals.bytes_in), (1, 5));
        assert_eq!((totals.packets_out, totals.bytes_out), (3, 11));
    }
}
