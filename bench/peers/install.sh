#!/usr/bin/env bash
# Installs the servers that Updraft is measured beside, as they are locked here. What cannot be installed is left out
# of the measurement, which says so.
set -uo pipefail
cd "$(dirname "$0")"

if [ ! node_modules -nt package-lock.json ]; then
  # None of them needs a script to be installed; they bring what they need.
  if npm ci --ignore-scripts --no-audit --no-fund; then
    touch node_modules
  else
    echo "Without Node's and Bun's servers: npm did not install them." >&2
  fi
fi

if [ ! .venv -nt requirements.txt ]; then
  if python3 -m venv .venv && .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt; then
    touch .venv
  else
    echo "Without Python's server: it needs Python 3 with venv and pip." >&2
  fi
fi

# Installs a program of Debian's, and starts no service: neither now, which Debian asks this policy about, nor at boot.
apt_install() {
  local policy=/usr/sbin/policy-rc.d install="apt-get install -qq --yes --no-install-recommends $1"
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return
  export DEBIAN_FRONTEND=noninteractive
  if [ ! -e $policy ]; then
    trap "rm -f $policy" EXIT
    install -m 755 /dev/stdin $policy <<<$'#!/bin/sh\nexit 101'
  fi
  $install || { apt-get update -qq && $install; } || return
  systemctl --quiet disable "$1" 2>/dev/null || true
}

# For Socket.IO's Redis Streams adapter.
if ! command -v redis-server >/dev/null && ! apt_install redis-server; then
  echo "Without Socket.IO's Redis Streams adapter: it needs redis-server, which apt-get installs for root." >&2
fi
