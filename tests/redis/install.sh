#!/usr/bin/env bash
# Installs Debian's Redis where there is none: the tests start servers of their own from it, as an ordinary user.
set -euo pipefail

if ! command -v redis-server >/dev/null || ! command -v redis-cli >/dev/null; then
  exec "$(dirname "$0")/../debian.sh" 'The tests of a Node cluster as a neighbour' redis-server
fi
