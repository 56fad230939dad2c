#!/usr/bin/env bash
# Installs Python's client and its emitter by Redis, as they are locked here, into packages/, for the tests alone. Debian's python3 and pip are
# installed where there are none.
set -euo pipefail
cd "$(dirname "$0")"

if ! python3 -m pip --version >/dev/null 2>&1; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests with Python's client need Python 3 with pip. Install it (apt-get install python3-pip)." >&2
    exit 1
  fi
  apt-get update
  apt-get install --yes --no-install-recommends python3-pip
fi
rm -rf packages
python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
  --no-deps --target packages --requirement requirements.txt
