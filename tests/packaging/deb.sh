#!/usr/bin/env bash
# Installs the Debian package in a fresh Debian, starts the service's command, and removes it again:
# tests/packaging/deb.sh PACKAGE.deb [here]. It needs root; `here` takes a copy of this system, of which nothing is changed.
set -euo pipefail
cd "$(dirname "$0")/../.."
package=$(realpath "$1")
version=$(. /etc/os-release && echo "$VERSION_CODENAME")

fail() { echo "deb: $*" >&2; exit 1; }
# What is mounted here goes with this.
if [ -z "${UPDRAFT_OWN_MOUNTS:-}" ]; then
  UPDRAFT_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
fi
work=$(mktemp -d)
mount -t tmpfs none "$work"
root=$work/debian
server=
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  umount -R "$work" || true
  rmdir "$work"
}
trap finish EXIT

mkdir "$root"
case ${2:-fresh} in
  fresh) mmdebstrap --quiet --variant=apt --include=ca-certificates,procps,systemd "$version" "$root" ;;
  here)
    mkdir "$work/changes" "$work/work"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/changes,workdir=$work/work" "$root"
    ;;
esac
mount --bind /dev "$root/dev"
mount -t proc proc "$root/proc"

# All files where packages have some that stay, but for what Debian's tools keep for themselves.
listed() { (cd "$root" && find etc srv usr var \( -path usr/local -o -path var/lib/dpkg -o -path var/tmp -o -path var/cache -o -path var/log \) -prune -o -print | sort); }
in_debian() { chroot "$root" "$@"; }
listed >"$work/before"

cp "$package" "$root/package.deb"
in_debian dpkg --install /package.deb
rm "$root/package.deb"
in_debian dpkg --verify updraft || fail 'files differ from those of the package'
in_debian systemd-analyze verify /usr/lib/systemd/system/updraft.{service,socket} || fail 'the units are wrong'
for wanted in multi-user.target.wants/updraft.service sockets.target.wants/updraft.socket; do
  [ -L "$root/etc/systemd/system/$wanted" ] || fail "$wanted: it does not start with the machine"
done
[ "$(stat -c %a:%U "$root/etc/updraft/updraft.env")" = 600:root ] || fail 'settings may be read by others'
# Manual and completion are what the program says today.
in_debian updraft manpage --directory /pages
for page in "$root"/pages/*; do
  name=$(basename "$page")
  zcat "$root/usr/share/man/man1/$name.gz" | cmp - "$page" || fail "$name is another manual page"
done
[ "$(ls "$root"/pages)" = "$(cd "$root/usr/share/man/man1" && ls updraft* | sed 's/\.gz$//')" ] || fail 'manual pages are missing'
rm -r "$root/pages"
for script in bash:bash-completion/completions/updraft zsh:zsh/vendor-completions/_updraft fish:fish/vendor_completions.d/updraft.fish; do
  in_debian updraft completion "${script%%:*}" | cmp - "$root/usr/share/${script#*:}" || fail "$script is another completion"
done

# No systemd runs there: its part is played by systemd-socket-activate, with the unit's command and an ordinary user.
command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/updraft.service")
port=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((20000 + RANDOM % 10000))
done
mkdir -p "$root/var/lib/updraft" && chown 64000:64000 "$root/var/lib/updraft"
# shellcheck disable=SC2086
chroot --userspec=64000:64000 "$root" /usr/bin/systemd-socket-activate --listen="127.0.0.1:$port" \
  --setenv=UPDRAFT_DATA=/var/lib/updraft $command >"$work/log" 2>&1 &
server=$!
health() { in_debian updraft health --url "http://127.0.0.1:$port"; }
for _ in $(seq 100); do
  if [ "$(health 2>/dev/null)" = ready ]; then break; fi
  sleep 0.2
done
[ "$(health)" = ready ] || { cat "$work/log" >&2; fail 'it does not become ready'; }
[ "$(in_debian updraft call api.services.status --url "http://127.0.0.1:$port")" = '"online"' ] || fail 'it does not answer'
kill -TERM "$server"
wait "$server" || fail 'it did not end in peace'
server=

# Removed, it leaves its settings; purged, nothing.
in_debian dpkg --remove updraft
[ -e "$root/etc/updraft/updraft.env" ] || fail 'the settings went with the program'
[ ! -e "$root/usr/bin/updraft" ] || fail 'the program is left'
in_debian dpkg --purge updraft
listed >"$work/after"
diff "$work/before" "$work/after" || fail 'something is left'
echo 'deb: installed, started, answered, stopped, removed and purged without a trace'
