#!/usr/bin/env bash
# Installs Debian's PostgreSQL where there is none: the tests start servers of their own from it, as an ordinary user.
set -euo pipefail

if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v pg_config >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of several nodes need PostgreSQL. Install it (apt-get install postgresql)." >&2
  exit 1
fi
apt-get update
apt-get install --yes --no-install-recommends postgresql
