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
exec "$(dirname "$0")/../debian.sh" 'The tests of several nodes' "${missing[@]}"
