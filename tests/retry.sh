#!/usr/bin/env bash
# Runs a command that asks a server for something, and again where that fails, as one may be in the middle of an update:
# tests/retry.sh COMMAND…
set -euo pipefail
for pause in 10 30; do
  "$@" && exit 0
  echo "$1 failed, and is tried again in $pause s." >&2
  sleep "$pause"
done
exec "$@"
