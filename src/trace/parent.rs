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
    let trace = TraceId::from(hex(parts.next()?, 32)?);
    let span = SpanId::from(u64::try_from(hex(parts.next()?, 16)?).ok()?);
    let flags = TraceFlags::new(u8::try_from(hex(parts.next()?, 2)?).ok()?) & TraceFlags::SAMPLED;
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    (is_known && parts.next().is_none() && context.is_valid()).then_some(context)
}

/// Lower-case digits of this number alone.
fn hex(digits: &str, length: usize) -> Option<u128> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let is_number = digits.len() == length && digits.bytes().all(is_digit);
    u128::from_str_radix(digits, 16).ok().filter(|_| is_number)
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
