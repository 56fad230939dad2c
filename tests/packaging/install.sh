#!/usr/bin/env bash
# Installs what builds and tries the packages, where it is missing: buildah and podman, which need no daemon, and mmdebstrap.
set -euo pipefail

missing=()
for program in buildah podman crun mmdebstrap; do
  command -v "$program" >/dev/null || missing+=("$program")
done
exec "$(dirname "$0")/../debian.sh" 'The tests of packages' "${missing[@]}"
