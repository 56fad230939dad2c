//! What is left of it where no traces are built in.

use crate::net::telemetry::Telemetry;

pub(in crate::cli) fn told<S>(_: S, telemetry: &Telemetry) {
    telemetry.cannot_be()
}

pub(in crate::cli) fn json<L>(lines: L) -> L {
    lines
}
