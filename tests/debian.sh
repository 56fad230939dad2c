#!/usr/bin/env bash
# Installs packages of Debian, and starts no service of theirs: tests/debian.sh WHAT [PACKAGE…], where WHAT needs them.
set -euo pipefail
what=$1
shift

if [ $# = 0 ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "$what need $*. Install what is missing (apt-get install $*)." >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# Neither now, which Debian asks this policy about: it would take a port.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
installed() {
  apt-get update && apt-get -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends "$@"
}
export -f installed
"$(dirname "$0")/retry.sh" bash -c 'installed "$@"' bash "$@"
# Nor at the next boot.
for service in "$@"; do
  systemctl --quiet disable "$service" 2>/dev/null || true
done
