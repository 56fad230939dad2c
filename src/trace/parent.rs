//! The text form of a trace context: where a span stands, for another process or a later reader.
//!
//! Source: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::sync::Arc;

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// Bytes of version 00: `00-<trace id>-<span id>-<flags>`.
const LENGTH: usize = 55;

/// Reads a `traceparent`; `None` where it is none, as by the standard the trace begins anew then.
pub(super) fn read(text: &str) -> Option<SpanContext> {
    // Later versions may go on behind a dash.
    let (known, rest) = text.split_at_checked(LENGTH)?;
    let mut parts = known.split('-');
    let version = hex(parts.next()?, 2)?;
    let is_known = match version {
        0 => rest.is_empty(),
        0xff => false,
        _ => rest.is_empty() || rest.starts_with('-'),
    };
    let trace = wide(parts.next()?)?;
    let span = SpanId::from(hex(parts.next()?, 16)?);
    let flags = u8::try_from(hex(parts.next()?, 2)?).ok()?;
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    (is_known && parts.next().is_none() && context.is_valid()).then_some(context)
}

/// The id of a trace, which is twice as long as other numbers.
fn wide(digits: &str) -> Option<TraceId> {
    let (high, low) = digits.split_at_checked(16)?;
    let (high, low) = (hex(high, 16)?, hex(low, 16)?);
    Some(TraceId::from(u128::from(high) << 64 | u128::from(low)))
}

/// Lower-case digits, so many and no others. Each call is read so: the standard library's way takes a thousand instructions.
fn hex(digits: &str, length: usize) -> Option<u64> {
    let digits = Some(digits).filter(|digits| digits.len() == length)?;
    digits.bytes().try_fold(0, |number: u64, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u64::from(digit))
    })
}

/// Writes it down.
pub(super) fn written(context: &SpanContext) -> Arc<str> {
    let (trace, span, flags) = (context.trace_id(), context.span_id(), context.trace_flags());
    format!("00-{trace}-{span}-{:02x}", flags.to_u8()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_read_is_written_the_same() {
        for text in [SAMPLED, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"] {
            let context = read(text).unwrap();
            assert_eq!((&*written(&context), context.is_remote()), (text, true));
        }
    }

    #[test]
    fn of_a_later_version_what_is_known_is_taken() {
        for text in [
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-holds",
        ] {
            assert_eq!(&*written(&read(text).unwrap()), SAMPLED, "{text}");
        }
    }

    #[test]
    fn what_is_no_trace_context_begins_a_trace() {
        for text in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba9-2b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{fc}-0f067aa0ba902b7-01",
            "02-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
