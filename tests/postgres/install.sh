#!/usr/bin/env bash
# Installs Debian's PostgreSQL and PgBouncer where there are none: the tests start servers of their own from them, as an ordinary user.
set -euo pipefail

missing=()
if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v pg_config >/dev/null; then
  missing+=(postgresql)
fi
if ! command -v pgbouncer >/dev/null && ! [ -x /usr/sbin/pgbouncer ]; then
  missing+=(pgbouncer)
fi
if [ ${#missing[@]} = 0 ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of several nodes need PostgreSQL and PgBouncer. Install them (apt-get install ${missing[*]})." >&2
  exit 1
fi
apt-get update
apt-get install --yes --no-install-recommends "${missing[@]}"
