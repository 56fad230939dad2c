#!/usr/bin/env bash
# Builds program and package again, from the same files in another folder, with crates unpacked elsewhere too, and compares the bytes:
# tests/packaging/reproducible.sh PROGRAM PACKAGE.deb.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(realpath "$1")
package=$(realpath "$2")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
elsewhere=$work/a/folder/of/another/name
mkdir -p "$elsewhere/target"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
  [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar --create --null --files-from - | tar --extract --directory "$elsewhere"
ln -s "$PWD/target/tools" "$elsewhere/target/tools"

# The home of Cargo has its programs too.
PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" CARGO_HOME=$work/cargo make --directory "$elsewhere" deb

same() {
  sha256sum "$1" "$2" | cut -d' ' -f1 | uniq | sed "s|\$|  ${1##*/}|"
  cmp "$1" "$2" || { echo "reproducible: ${1##*/} is not the same (diffoscope shows where)" >&2; exit 1; }
}
same "$program" "$elsewhere/target/dist/release/updraft"
same "$package" "$elsewhere/target/debian/updraft.deb"
echo 'reproducible: program and package have the same bytes, built in another folder'
