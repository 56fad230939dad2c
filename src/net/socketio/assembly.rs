//! A packet and the Buffers that follow it, put together in bounds. How long that may take is for its owner to say.

use bytes::Bytes;
use bytestring::ByteString;

use crate::net::engineio::packet::Malformed;

/// What a packet with its Buffers may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of its text and its Buffers together.
    pub(crate) bytes: usize,
    pub(crate) buffers: usize,
}

/// A packet that waits for its Buffers, or nothing.
#[derive(Debug)]
pub(crate) struct Assembler {
    limits: Limits,
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    /// Buffers that are to come.
    missing: usize,
    bytes: usize,
    /// `None` for one that was too large: what is left of it is passed over.
    packet: Option<Whole>,
}

/// A packet's text and its Buffers, in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Whole {
    pub(crate) text: ByteString,
    pub(crate) buffers: Vec<Bytes>,
}

/// How it ended with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Assembled {
    Whole(Whole),
    /// It is over a limit. Its text has the namespace and ack to answer; nothing of it is held, and its further
    /// Buffers are skipped.
    TooLarge(ByteString),
}

impl Assembled {
    pub(crate) fn text(&self) -> &ByteString {
        let (Self::TooLarge(text) | Self::Whole(Whole { text, .. })) = self;
        text
    }

    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        let buffers = match self {
            Self::Whole(whole) => whole.buffers.iter().map(Bytes::len).sum(),
            Self::TooLarge(_) => 0,
        };
        self.text().len() + buffers
    }
}

impl Assembler {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            waiting: None,
        }
    }

    /// Whether a Buffer comes next. A packet of text may not.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        let packet = |waiting: &Waiting| waiting.packet.as_ref().map_or(0, |_| waiting.bytes);
        self.waiting.as_deref().map_or(0, packet)
    }

    /// Bytes of the packet that waits that have come; none of one that is too large, whose rest is passed over.
    pub(crate) fn came(&self) -> usize {
        let came = self.waiting.as_deref().map(|waiting| waiting.bytes);
        came.filter(|came| *came <= self.limits.bytes).unwrap_or_default()
    }

    /// Begins with a packet's text, to which so many Buffers belong; it has ended already where that is none, or too
    /// many.
    ///
    /// # Errors
    /// Where another packet waits for a Buffer.
    pub(crate) fn begin(&mut self, text: ByteString, buffers: usize) -> Result<Option<Assembled>, Malformed> {
        if self.is_waiting() {
            return Err(Malformed("a text where a Buffer belongs"));
        }
        let is_too_large = text.len() > self.limits.bytes || buffers > self.limits.buffers;
        if buffers > 0 {
            let packet = Whole {
                text: text.clone(),
                buffers: Vec::new(),
            };
            self.waiting = Some(Box::new(Waiting {
                missing: buffers,
                bytes: text.len(),
                packet: (!is_too_large).then_some(packet),
            }));
        }
        Ok(match (is_too_large, buffers) {
            (true, _) => Some(Assembled::TooLarge(text)),
            (false, 0) => Some(Assembled::Whole(Whole {
                text,
                buffers: Vec::new(),
            })),
            (false, _) => None,
        })
    }

    /// Adds the next Buffer; the packet, where it was the last or one too many bytes.
    ///
    /// # Errors
    /// Where no packet waits for one.
    pub(crate) fn add(&mut self, buffer: Bytes) -> Result<Option<Assembled>, Malformed> {
        let waiting = self.waiting.as_deref_mut();
        let waiting = waiting.ok_or(Malformed("a Buffer that belongs to no packet"))?;
        waiting.missing -= 1;
        let ended = match &mut waiting.packet {
            None => None,
            Some(packet) => {
                waiting.bytes = waiting.bytes.saturating_add(buffer.len());
                packet.buffers.push(buffer);
                let is_too_large = waiting.bytes > self.limits.bytes;
                match is_too_large || waiting.missing == 0 {
                    false => None,
                    true => waiting.packet.take().map(|packet| match is_too_large {
                        true => Assembled::TooLarge(packet.text),
                        false => Assembled::Whole(packet),
                    }),
                }
            }
        };
        if waiting.missing == 0 {
            self.waiting = None;
        }
        Ok(ended)
    }
}

impl Assembler {
    /// Drops the unfinished packet and returns its text, which has the namespace and ack to answer. Its further
    /// Buffers are skipped.
    pub(crate) fn give_up(&mut self) -> Option<ByteString> {
        let packet = self.waiting.as_deref_mut()?.packet.take()?;
        Some(packet.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assembler() -> Assembler {
        Assembler::new(Limits {
            bytes: 20,
            buffers: 3,
        })
    }

    fn text() -> ByteString {
        ByteString::from_static("52-7[\"e\"]")
    }

    #[test]
    fn a_packet_is_whole_when_its_buffers_are_there() {
        let mut assembler = assembler();
        assert_eq!(assembler.begin(text(), 2), Ok(None));
        assert_eq!((assembler.is_waiting(), assembler.held()), (true, 9));
        assert_eq!(assembler.add(Bytes::from_static(b"one")), Ok(None));
        assert_eq!(assembler.held(), 12);
        let whole = assembler.add(Bytes::from_static(b"two")).unwrap();
        let buffers = vec![Bytes::from_static(b"one"), Bytes::from_static(b"two")];
        assert_eq!(
            whole,
            Some(Assembled::Whole(Whole {
                text: text(),
                buffers
            }))
        );
        assert_eq!((assembler.is_waiting(), assembler.held()), (false, 0));
    }

    #[test]
    fn what_is_given_up_is_not_held_and_passed_over() {
        let mut assembler = assembler();
        assert_eq!(assembler.give_up(), None);
        assert_eq!(assembler.begin(text(), 2), Ok(None));
        assert_eq!(assembler.add(Bytes::from_static(b"one")), Ok(None));
        assert_eq!(assembler.give_up(), Some(text()));
        assert_eq!((assembler.is_waiting(), assembler.held()), (true, 0));
        assert_eq!(
            (assembler.add(Bytes::new()), assembler.is_waiting()),
            (Ok(None), false)
        );
    }

    #[test]
    fn what_comes_out_of_turn_is_refused() {
        let mut assembler = assembler();
        assert!(assembler.add(Bytes::new()).is_err());
        assert_eq!(assembler.begin(text(), 1), Ok(None));
        assert!(assembler.begin(text(), 1).is_err());
        assert!(assembler.begin(text(), 0).is_err());
    }

    #[test]
    fn a_packet_without_buffers_is_whole_at_once() {
        let whole = Whole {
            text: text(),
            buffers: Vec::new(),
        };
        assert_eq!(assembler().begin(text(), 0), Ok(Some(Assembled::Whole(whole))));
    }

    #[test]
    fn what_is_too_large_is_told_at_once_and_passed_over() {
        let too_large = Ok(Some(Assembled::TooLarge(text())));
        let mut assembler = assembler();
        assert_eq!(assembler.begin(text(), 3), Ok(None));
        assert_eq!(assembler.add(Bytes::from_static(b"12345678901")), Ok(None));
        assert_eq!(assembler.held(), 20);
        assert_eq!(assembler.add(Bytes::from_static(b"2")), too_large);
        assert_eq!((assembler.is_waiting(), assembler.held()), (true, 0));
        assert_eq!(assembler.add(Bytes::from_static(b"3")), Ok(None));
        assert!(!assembler.is_waiting());
        assert_eq!(assembler.begin(text(), 4), too_large);
        for _ in 0..4 {
            assert_eq!(assembler.add(Bytes::new()), Ok(None));
        }
        assert!(!assembler.is_waiting());
        assert_eq!(assembler.begin(text(), 1), Ok(None));
        assert_eq!(assembler.add(Bytes::from_static(&[0; 12])), too_large);
        assert!(!assembler.is_waiting());
    }

    proptest! {
        /// Whatever the sizes, each packet ends once: whole in its bounds, or too large beyond them.
        #[test]
        fn each_packet_ends_once(sizes in proptest::collection::vec(0_usize..9, 0..6)) {
            let mut assembler = assembler();
            let mut ended: Vec<Assembled> = assembler.begin(text(), sizes.len()).unwrap().into_iter().collect();
            for size in &sizes {
                prop_assert!(assembler.held() <= 20);
                ended.extend(assembler.add(vec![7; *size].into()).unwrap());
            }
            prop_assert!(!assembler.is_waiting());
            let fits = sizes.len() <= 3 && text().len() + sizes.iter().sum::<usize>() <= 20;
            prop_assert_eq!(ended.len(), 1);
            prop_assert_eq!(matches!(ended[0], Assembled::Whole(_)), fits);
        }
    }
}
