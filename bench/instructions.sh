#!/usr/bin/env bash
# Counts the instructions of a call's hot path (bench/src/bin/instructions.rs) with callgrind, and fails where they are
# more than 5 % over bench/instructions.txt. The same on every machine of a kind, and whatever else it does meanwhile.
# `bench/instructions.sh accept` takes the count as the new measure. Debian's valgrind is installed where there is none.
set -euo pipefail
cd "$(dirname "$0")/.."
readonly calls=2000 measure=bench/instructions.txt

if ! command -v valgrind >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  tests/debian.sh "The instructions of a call" valgrind
fi
if ! command -v valgrind >/dev/null; then
  echo "SKIPPED: instructions are not counted, since valgrind is missing, and this is no Debian as root." >&2
  exit 0
fi
if [ "$(uname -m)" != x86_64 ]; then
  echo "SKIPPED: instructions are not counted, since $measure is for x86_64." >&2
  exit 0
fi

cargo build --release -p bench --bin instructions
program="$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/instructions"

# All instructions of a run of so many calls.
count() {
  valgrind --tool=callgrind --callgrind-out-file=/dev/null "$program" "$1" 2>&1 >/dev/null | sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

# What start and stop take is in both runs.
few="$(count "$calls")"
many="$(count $((calls * 2)))"
each=$(((many - few) / calls))

if [ "${1:-}" = accept ]; then
  echo "$each" >"$measure"
  echo "A call takes $each instructions; $measure says so now."
  exit 0
fi
before="$(cat "$measure")"
echo "A call takes $each instructions; $measure has $before."
if [ $((each * 100)) -gt $((before * 105)) ]; then
  echo "That is more than 5 % over it. Where it must be, 'bench/instructions.sh accept' takes it as the new measure." >&2
  exit 1
fi
if [ $((each * 100)) -lt $((before * 95)) ]; then
  echo "That is a good deal less: 'bench/instructions.sh accept' keeps it so."
fi
