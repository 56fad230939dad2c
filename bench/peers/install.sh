#!/usr/bin/env bash
# Installs the servers that Updraft is measured beside, as they are locked here. What cannot be installed is left out
# of the measurement, which says so.
set -uo pipefail
cd "$(dirname "$0")"

if [ ! node_modules -nt package-lock.json ]; then
  # None of them needs a script to be installed; they bring what they need.
  if npm ci --ignore-scripts --no-audit --no-fund; then
    touch node_modules
  else
    echo "Without Node's and Bun's servers: npm did not install them." >&2
  fi
fi

if [ ! .venv -nt requirements.txt ]; then
  if python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt; then
    touch .venv
  else
    echo "Without Python's server: it needs Python 3 with venv and pip." >&2
  fi
fi

# For Socket.IO's Redis Streams adapter.
if ! command -v redis-server >/dev/null && ! ../../tests/debian.sh "Socket.IO's Redis Streams adapter" redis-server; then
  echo "Measured without Socket.IO's Redis Streams adapter." >&2
fi
