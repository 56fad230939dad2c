#!/usr/bin/env bash
# Installs Python's client and its emitter by Redis, as they are locked here, into packages/, for the tests alone. Debian's python3 and pip are
# installed where there are none.
set -euo pipefail
cd "$(dirname "$0")"

python3 -m pip --version >/dev/null 2>&1 || ../debian.sh "The tests with Python's client" python3-pip
rm -rf packages
../retry.sh python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
  --no-deps --target packages --requirement requirements.txt
