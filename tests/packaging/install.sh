#!/usr/bin/env bash
# Installs what builds and tries the packages, where it is missing: buildah and podman, which need no daemon, and mmdebstrap.
set -euo pipefail

missing=()
for program in buildah podman crun mmdebstrap; do
  command -v "$program" >/dev/null || missing+=("$program")
done
if [ ${#missing[@]} = 0 ]; then
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "The tests of packages need ${missing[*]}. Install them (apt-get install ${missing[*]})." >&2
  exit 1
fi
apt-get update
apt-get install --yes --no-install-recommends "${missing[@]}"
