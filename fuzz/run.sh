#!/bin/sh
# Fuzzes the decoder for so many seconds (10 where none are given), on the stable toolchain. What it finds
# interesting it keeps in corpus/; an input that fails is written to artifacts/, and given as the argument of
#   cargo run --release -- artifacts/decode/FILE
# it fails again.
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/decode artifacts/decode
exec cargo run --release --locked --bin decode -- -max_total_time="${1:-10}" -max_len=4096 -timeout=10 \
    -rss_limit_mb=1024 -dict=decode.dict -artifact_prefix=artifacts/decode/ -print_final_stats=1 \
    corpus/decode seeds/decode
