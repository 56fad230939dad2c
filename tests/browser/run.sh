#!/usr/bin/env bash
# Runs the stories of this folder in a real browser, or the script that is named. Debian's chromium is
# installed where there is none; CHROMIUM names another.
set -euo pipefail
cd "$(dirname "$0")"

find_browser() {
  command -v "${CHROMIUM:-chromium}" || command -v chromium-browser || command -v google-chrome
}

find_browser >/dev/null || ../debian.sh "The browser's tests (CHROMIUM names another browser)" chromium
CHROMIUM="$(find_browser)"
export CHROMIUM

# With what the other tests have compiled already.
(cd ../.. && cargo build --workspace --all-features --bins --examples)
if [ $# -gt 0 ]; then
  exec node "$@"
fi
exec node --test --test-concurrency=2 --test-timeout=1200000 ./*.test.mjs
