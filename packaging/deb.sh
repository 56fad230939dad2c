#!/usr/bin/env bash
# Makes the Debian package of a program, with the manual pages and completions that it writes itself:
# packaging/deb.sh PROGRAM PACKAGE.deb [OPTIONS OF CARGO-DEB]. Its maintainer is DEBFULLNAME with DEBEMAIL, where they are set.
set -euo pipefail
# Paths are taken from the folder in which this was started.
program=$(realpath "$1")
package=$(realpath --canonicalize-missing "$2")
cd "$(dirname "$0")/.."
shift 2

written=target/debian/written
rm -rf "$written"
mkdir -p "$written"
"$program" manpage --directory "$written/man"
for shell in bash zsh fish; do
  "$program" completion "$shell" >"$written/updraft.$shell"
done

if [ -n "${DEBEMAIL:-}" ]; then
  set -- --maintainer "${DEBFULLNAME:-The Updraft authors} <$DEBEMAIL>" "$@"
fi
# cargo-deb looks for it where Cargo would build it, and warns of profiles that are not of a release.
built=$PWD/target/debian/built
install -D "$program" "$built/release/updraft"
CARGO_TARGET_DIR=$built PATH="$PWD/target/tools/bin:$PATH" exec cargo deb --no-build --output "$package" "$@"
