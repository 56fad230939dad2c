#!/usr/bin/env bash
# Builds a program that has the same bytes wherever it is built: packaging/build.sh [CARGO'S OPTIONS]. The paths of this machine are
# replaced in it: those of this folder, of Cargo's registry and of what is built. In target/dist, as Cargo would compile all of
# target/release again for flags that differ.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/dist}
mkdir -p "$CARGO_TARGET_DIR"
cargo fetch --locked
built=$(realpath "$CARGO_TARGET_DIR")

# The longest are last, as the last that fits is taken.
replaced=("$PWD=/updraft" "$built=/target")
for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
  replaced+=("${sources%/}=/registry")
done

# For rustc, and for the C that is compiled by build scripts. Flags are separated as Cargo reads them, for paths with a space.
flags=${RUSTFLAGS:-}
flags=${CARGO_ENCODED_RUSTFLAGS-${flags// /$'\x1f'}}
for pair in "${replaced[@]}"; do
  flags+=${flags:+$'\x1f'}--remap-path-prefix=$pair
  CFLAGS="${CFLAGS:-} -ffile-prefix-map=$pair"
done
export CARGO_ENCODED_RUSTFLAGS=$flags CFLAGS

exec cargo build --release --locked "$@"
