#!/usr/bin/env bash
# Checks the alert rules by promtool, and plays their tests. Where there is no promtool it is taken out of Debian's package, of
# which nothing is installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
readonly tools="$PWD/target/tools/prometheus"

promtool="$(command -v promtool || true)"
if [ -z "$promtool" ]; then
  promtool="$tools/usr/bin/promtool"
  if [ ! -x "$promtool" ]; then
    if ! command -v apt-get >/dev/null; then
      echo "The alert rules are checked by promtool. Install Prometheus (on Debian: apt-get install prometheus)." >&2
      exit 1
    fi
    mkdir -p "$tools"
    (cd "$tools" && apt-get download prometheus && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb)
  fi
fi

"$promtool" check rules packaging/prometheus/alerts.yaml
"$promtool" test rules packaging/prometheus/alerts.test.yaml
