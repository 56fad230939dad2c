#!/usr/bin/env bash
# Installs Debian's nginx, HAProxy and Caddy where they are missing: the tests start them as an ordinary user in temporary folders.
set -euo pipefail

missing=()
for program in nginx haproxy caddy; do
  [ -x "/usr/sbin/$program" ] || command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} = 0 ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of balancers need ${missing[*]}. Install them (apt-get install ${missing[*]})." >&2
  exit 1
fi
# Not to be started by itself: that would take port 80.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
fi
apt-get update
apt-get install --yes --no-install-recommends "${missing[@]}"
# Nor at the next boot.
systemctl --quiet disable "${missing[@]}" 2>/dev/null || true
