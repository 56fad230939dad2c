#!/usr/bin/env bash
# Makes the Debian package of a program, with the manual pages and completions that it writes itself:
# packaging/deb.sh PROGRAM PACKAGE.deb [OPTIONS OF CARGO-DEB]. Its maintainer is DEBFULLNAME with DEBEMAIL, where they are set.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$1
package=$2
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
