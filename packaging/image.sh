#!/usr/bin/env bash
# Builds the image from a program, by buildah, podman or docker: packaging/image.sh [PROGRAM] [TAG]. Nothing is downloaded: what is
# in the image beside the program are the libraries that it is linked with, and the certificates of this machine.
set -euo pipefail
# A path is taken from the folder in which this was started, as that of an app beside the checkout.
program=${1:+$(realpath "$1")}
cd "$(dirname "$0")/.."

program=${program:-target/release/updraft}
tag=${2:-updraft}
version=$("$program" --version | cut -d' ' -f2)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{usr/bin,etc/ssl/certs,data,tmp}
strip -o "$root/usr/bin/updraft" "$program"
chmod 0755 "$root/usr/bin/updraft"

# Where the program looks for them, the loader among them.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
  install -D -m 0755 "$library" "$root$library"
done

# Debian's ca-certificates, or what other systems call it.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -e "$bundle" ]; then
    install -m 0644 "$bundle" "$root/etc/ssl/certs/ca-certificates.crt"
    break
  fi
done
[ -e "$root/etc/ssl/certs/ca-certificates.crt" ] || { echo 'This machine has no certificates: install ca-certificates.' >&2; exit 1; }

printf 'updraft:x:65532:65532::/data:/usr/sbin/nologin\n' >"$root/etc/passwd"
printf 'updraft:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"
chmod 0644 "$root"/etc/{passwd,group,nsswitch.conf}
chmod 1777 "$root/tmp"
# A volume begins as what it covers.
chmod 0770 "$root/data"
[ "$(id -u)" != 0 ] || chown 65532:65532 "$root/data"
chmod 0755 "$root"

build=(-f packaging/Containerfile --build-arg "VERSION=$version" -t "$tag")
# Its files have the time of the last commit where that is told, so that it is the same whenever it is built.
dated=()
[ -z "${SOURCE_DATE_EPOCH:-}" ] || dated=(--timestamp "$SOURCE_DATE_EPOCH")
# Of these formats only Docker's has health checks.
if command -v buildah >/dev/null; then
  buildah build --isolation chroot --format docker "${dated[@]}" "${build[@]}" "$root"
elif command -v podman >/dev/null; then
  podman build --format docker "${dated[@]}" "${build[@]}" "$root"
else
  docker build "${build[@]}" "$root"
fi
