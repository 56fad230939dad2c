#!/usr/bin/env bash
# Installs Debian's Redis where there is none: the tests start servers of their own from it, as an ordinary user.
set -euo pipefail

if command -v redis-server >/dev/null && command -v redis-cli >/dev/null; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of a Node cluster as a neighbour need Redis. Install it (apt-get install redis-server)." >&2
  exit 1
fi
# Not to be started by itself: nothing here needs port 6379.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update
apt-get install --yes --no-install-recommends redis-server
