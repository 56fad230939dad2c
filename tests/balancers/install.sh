#!/usr/bin/env bash
# Installs Debian's nginx, HAProxy and Caddy where they are missing: the tests start them as an ordinary user in temporary folders.
set -euo pipefail

missing=()
for program in nginx haproxy caddy; do
  [ -x "/usr/sbin/$program" ] || command -v "$program" >/dev/null || missing+=("$program")
done
exec "$(dirname "$0")/../debian.sh" 'The tests of balancers' "${missing[@]}"
