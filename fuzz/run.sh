#!/bin/sh
# Fuzzes each target for so many seconds (10 where none are given), or those that are named after them, on the stable
# toolchain. What it finds interesting it keeps in corpus/; an input that fails is written to artifacts/, and given as
# the argument of
#   cargo run --release --bin TARGET -- artifacts/TARGET/FILE
# it fails again. With UPDRAFT_SEED (a number) it throws the same each time, keeps nothing in corpus/, and stops after
# UPDRAFT_RUNS inputs, or a quick machine would come to others; with UPDRAFT_PROFILE=dev it throws less, and is compiled in
# half the time.
set -eu
cd "$(dirname "$0")"
seconds="${1:-10}"
[ $# -eq 0 ] || shift
[ $# -ne 0 ] || set -- bus decode request token text import frames payload packet session socket
# Journals that are imported live in memory.
[ ! -d /dev/shm ] || export TMPDIR=/dev/shm
profile="${UPDRAFT_PROFILE:-release}"
cargo build --profile "$profile" --locked --bins
corpora=corpus
if [ -n "${UPDRAFT_SEED:-}" ]; then
    corpora=$(mktemp -d)
    trap 'rm -rf "$corpora"' EXIT
fi
for target in "$@"; do
    echo "$target:"
    mkdir -p "$corpora/$target" "artifacts/$target"
    cargo run --quiet --profile "$profile" --locked --bin "$target" -- -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -rss_limit_mb=1024 -dict="$target.dict" -artifact_prefix="artifacts/$target/" -print_final_stats=1 \
        -seed="${UPDRAFT_SEED:-0}" -runs="${UPDRAFT_RUNS:--1}" "$corpora/$target" "seeds/$target"
done
