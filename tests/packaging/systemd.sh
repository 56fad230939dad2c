#!/usr/bin/env bash
# Plays the life of the Debian package under a systemd that runs, while clients come without pause:
# tests/packaging/systemd.sh PACKAGE.deb [RELEASE OF DEBIAN]. A minute, and one more the first time, when that Debian is fetched. It
# needs root, cgroups, namespaces, Node.js with tests/clients/node_modules, curl and openssl; systemd runs in a container (container.sh).
set -Eeuo pipefail
cd "$(dirname "$0")/../.."
. tests/packaging/container.sh
package=$(realpath "$1")
release=${2:-$(. /etc/os-release && echo "$VERSION_CODENAME")}

if [ -z "${UPDRAFT_OWN_NAMESPACES:-}" ]; then
  command -v systemd-nspawn >/dev/null || tests/debian.sh 'The test of the service' systemd-container
  container_fetch "$release"
  UPDRAFT_OWN_NAMESPACES=1 exec unshare --mount --net --propagation private "$0" "$package" "$release"
fi

work=$(mktemp -d)
root=$work/debian
url=http://127.0.0.1:3000
settings=$root/etc/updraft
journal=$root/var/lib/private/updraft
override=$root/etc/systemd/system/updraft.service.d
clients=()

say() { printf 'systemd: %3d s  %s\n' "$SECONDS" "$*"; }
fail() {
  echo "systemd: $*" >&2
  exit 1
}
finish() {
  local status=$?
  trap - ERR
  for client in "${clients[@]}"; do { kill "$client" && wait "$client"; } 2>/dev/null || true; done
  if [ $status != 0 ] && [ -n "$container" ]; then
    inside journalctl --no-pager --lines 60 --unit 'updraft*' >&2 || cat "$work/console" >&2
  fi
  container_ends
  rmdir "$work"
}
trap finish EXIT
trap 'echo "systemd: line $LINENO: $BASH_COMMAND" >&2' ERR

# Waits for a command to succeed: await WHAT IS WRONG ELSE COMMAND…
await() {
  local wrong=$1
  shift
  for _ in $(seq 600); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 0.1
  done
  fail "for a minute $wrong"
}

property() { inside systemctl show --property "$1" --value updraft.service; }
pid() { property MainPID; }
both() { inside systemctl --quiet "$@" updraft.socket updraft.service; }
# apt, or dpkg, of which only a failure is of interest.
quietly() { inside "$@" >"$work/said" 2>&1 || { cat "$work/said" >&2; fail "$* fails"; }; }
apt() { quietly env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes "$@"; }
call() { inside updraft call --url "$url" "$@"; }
is_ready() { [ "$(inside updraft health --url "$url")" = ready ]; }
is_listening() { curl --silent --output /dev/null "$url/health/live"; }
add() { call api.board.add --data "{\"id\":\"$1\",\"title\":\"A card\",\"column\":\"todo\"}" >/dev/null; }
has() { inside updraft log --data /var/lib/updraft tail --since 0 board | grep "\"$1\"" >/dev/null; }
# How a page of this origin is answered.
origin() { curl --silent --output /dev/null --write-out '%{http_code}' --header "Origin: $1" "$url/socket.io/?EIO=4&transport=polling"; }
allow() { printf '[http]\nallowed-origins = ["%s"]\n' "$1" >"$settings/updraft.toml"; }

# All files where packages have some that stay, but for what Debian's tools and systemd keep for themselves.
listed() {
  (cd "$root" && find etc opt root srv usr var \( -path usr/local -o -path var/lib/apt -o -path var/lib/dbus -o -path var/lib/dpkg -o -path var/lib/systemd \
    -o -path var/tmp -o -path var/cache -o -path var/log \) -prune -o -print | sort)
}

# A client that goes on until descriptor 9 is closed: client OUTPUT COMMAND…
client() {
  local output=$1
  shift
  "$@" <"$work/over" >"$work/$output" &
  clients+=($!)
}
clients_come() {
  mkfifo "$work/over"
  "$@"
  exec 9>"$work/over"
}
clients_go() {
  exec 9>&-
  for client in "${clients[@]}"; do wait "$client" || fail 'a client was refused, or lost something'; done
  clients=()
  rm "$work/over"
}

# Fresh connections one after the other, and stock clients that stay: crowd_comes NAME.
crowd_comes() {
  crowd=$1
  clients_come crowd_starts
  await 'no clients come' is_crowded
}
crowd_starts() {
  for host in 127.0.0.1 ::1; do client "visitors-$host" node tests/packaging/visitors.mjs "$host" 3000; done
  for transport in websocket polling; do client "$transport" node tests/clients/activated.mjs "$url" 4 "$transport" "$crowd" 200; done
}
is_crowded() { is_ready && has "$crowd-websocket-0" && has "$crowd-polling-0"; }
# None was refused, nothing of theirs is lost; by each of so many ends of a server at most one was closed that had been accepted.
crowd_goes() {
  clients_go
  for host in 127.0.0.1 ::1; do
    node -e 'const { came, refused, closed } = JSON.parse(fs.readFileSync(process.argv[1])); process.exit(came && !refused && closed <= process.argv[2] ? 0 : 1)' \
      "$work/visitors-$host" "$1" || fail "of the visitors of $host some were refused: $(cat "$work/visitors-$host")"
    say "  $host: $(tr -d '{}"' <"$work/visitors-$host")"
  done
  for transport in websocket polling; do
    [ "$(cat "$work/$transport")" -gt "$1" ] || fail "the client over $transport did not come back"
  done
}

is_installed() {
  apt install /1.deb
  is_ready || fail 'it is not ready when it is installed'
  both is-active && both is-enabled || fail 'it does not run, or will not after a boot'
  [ "$(property StatusText)" = 'listens on http://[::]:3000' ] || fail "its status is $(property StatusText)"
  local warned
  warned=$(inside journalctl --quiet --no-pager --output cat --unit updraft.service --priority warning)
  [ -z "$warned" ] || fail "it warns: $warned"
  add kept
  say 'installed by apt: ready, enabled, without a warning'
}

has_no_rights() {
  local status
  status=$(inside cat "/proc/$(pid)/status")
  grep --quiet --perl-regexp '^Uid:\t[1-9]' <<<"$status" || fail 'it runs as root'
  for line in 'NoNewPrivs:	1' 'Seccomp:	2' 'CapEff:	0000000000000000' 'CapBnd:	0000000000000000'; do
    grep --quiet "^$line" <<<"$status" || fail "it has not: $line"
  done
  # Tenths.
  inside systemd-analyze --no-pager --threshold=12 security updraft.service >"$work/score" || fail "its sandbox is weak: $(cat "$work/score")"
  say "a user of its own, no capabilities; $(tail -n 1 "$work/score")"
}

is_confined() {
  install -m 755 tests/packaging/probe.sh "$root/usr/local/bin/probe"
  inside /usr/local/bin/probe >"$work/free"
  if grep 'may not' "$work/free"; then fail 'what is not possible without the sandbox shows nothing of it'; fi
  mkdir "$override"
  printf '[Service]\nExecStartPost=sh -c "/usr/local/bin/probe >/var/lib/updraft/probed"\n' >"$override/override.conf"
  inside systemctl daemon-reload
  both restart
  mv "$journal/probed" "$work/confined"
  rm -r "$override" "$root/usr/local/bin/probe"
  inside systemctl daemon-reload
  diff <(sed 's/^may //' "$work/free") <(sed 's/^may \(not \)\?//' "$work/confined") || fail 'another thing was tried in the sandbox'
  diff <(grep -v '^may not' "$work/confined") <(printf 'may write to %s\n' /tmp /var/tmp /var/lib/updraft) || fail 'its sandbox has holes'
  say "$(wc -l <"$work/confined") things tried in its sandbox: it may write to its own directories, and do nothing else"
}

# The same process has the new settings when systemctl returns.
is_reloaded() {
  printf '\nUPDRAFT_CONFIG=/etc/updraft/updraft.toml\n' >>"$settings/updraft.env"
  allow http://a.example
  inside systemctl restart updraft.service
  local before
  before=$(pid)
  for name in b c d e f; do
    [ "$(origin "http://$name.example")" = 403 ] || fail "$name.example is allowed too early"
    allow "http://$name.example"
    inside systemctl reload updraft.service
    [ "$(origin "http://$name.example")" = 200 ] || fail "$name.example is not allowed when systemctl returns"
  done
  [ "$(pid)" = "$before" ] || fail 'a reload starts another process'
  say 'reloaded five times: each setting holds when systemctl returns'
}

is_restarted() {
  crowd_comes restarts
  for _ in 1 2 3 4 5 6; do
    local before
    before=$(pid)
    inside systemctl restart updraft.service
    [ "$(pid)" != "$before" ] || fail 'a restart leaves the same process'
  done
  await 'the crowd does not come back' is_crowded
  inside systemctl kill --signal KILL --kill-who main updraft.service
  await 'it does not come back after a kill' is_ready
  [ "$(property NRestarts)" = 1 ] || fail 'systemd did not start it again'
  crowd_goes 7
  say 'started again six times and killed once, under clients: none refused, nothing lost'
}

# Stopped without its socket, the next client has systemd start it. It cannot, as its settings are wrong, until they are mended.
heals() {
  crowd_comes settings
  mv "$settings/updraft.toml" "$work/updraft.toml"
  inside systemctl stop updraft.service 2>/dev/null
  await 'it is not tried again and again' has_failed_often
  mv "$work/updraft.toml" "$settings/updraft.toml"
  await 'the crowd does not come back' is_crowded
  crowd_goes 1
  say "stopped, started by the next client, failed $(property NRestarts) times for its settings, mended: none refused, nothing lost"
}
has_failed_often() { [ "$(property NRestarts)" -gt 5 ]; }

# With its socket, and while a stream runs.
is_stopped() {
  clients_come client stream stream_runs
  await 'no stream runs' test -s "$work/stream"
  local from=$SECONDS
  both stop
  local took=$((SECONDS - from + 1))
  clients_go
  [ "$(property Result)" = success ] || fail "its end was $(property Result)"
  if is_listening; then fail 'it is stopped, and listens'; fi
  # Root looks into the journal, which leaves files beside it.
  has kept || fail 'the journal is gone'
  both start
  is_ready || fail 'it is not ready when it is started'
  add looked
  say "stopped in less than $took s of $(property TimeoutStopUSec), while a stream ran"
}
stream_runs() { call api.stream.count --data '{"to":1000000,"every_ms":10}' --stream </dev/null 2>/dev/null || true; }

# Another process of the program that was installed, on the same socket.
is_upgraded() {
  local before version
  version=$(dpkg-deb --field "$package" Version)+1
  dpkg-deb --raw-extract "$package" "$work/next"
  sed -i "s/^Version: .*/Version: $version/" "$work/next/DEBIAN/control"
  dpkg-deb --root-owner-group -Znone --build "$work/next" "$root/2.deb" >/dev/null
  crowd_comes upgrade
  before=$(pid)
  apt install /2.deb
  [ "$(inside dpkg-query --show --showformat '${Version}' updraft)" = "$version" ] || fail 'it is not upgraded'
  [ "$(pid)" != "$before" ] || fail 'the old program still runs'
  [ "$(inside readlink "/proc/$(pid)/exe")" = /usr/bin/updraft ] || fail 'another program runs'
  [ "$(property NeedDaemonReload)" = no ] || fail 'systemd has the old units'
  await 'the crowd does not come back' is_crowded
  crowd_goes 1
  grep --quiet '^UPDRAFT_CONFIG=' "$settings/updraft.env" || fail 'the settings are gone'
  has kept || fail 'the journal is gone'
  say 'upgraded under clients: none refused, nothing lost; settings and journal are kept'
}

stays_disabled() {
  both disable --now
  quietly dpkg --install /1.deb
  if is_listening; then fail 'an upgrade starts what was disabled'; fi
  both enable --now
  is_ready || fail 'it is not ready when it is enabled'
  say 'disabled, it stays so through an upgrade'
}

# By root, as docs/packages.md has it: the files are those of the service's user again.
is_restored() {
  inside updraft log --data /var/lib/updraft export --output /root/backup.jsonl 2>/dev/null
  add late
  both stop
  find "$journal" -mindepth 1 -delete
  inside updraft log --data /var/lib/updraft import /root/backup.jsonl >/dev/null 2>&1
  both start
  has kept || fail 'the restore has lost something'
  if has late; then fail 'what came after the backup is there'; fi
  add later
  rm "$root/root/backup.jsonl"
  say 'backed up while it ran, and restored'
}

# A key for root alone, also when it is renewed.
speaks_tls() {
  mkdir "$override"
  cat >"$override/override.conf" <<'END'
[Service]
LoadCredential=cert.pem:/etc/updraft/cert.pem
LoadCredential=key.pem:/etc/updraft/key.pem
Environment=UPDRAFT_TLS_CERT=%d/cert.pem UPDRAFT_TLS_KEY=%d/key.pem
END
  certify
  inside systemctl daemon-reload
  inside systemctl restart updraft.service
  is_certified || fail 'it does not speak TLS'
  certify
  # Of systemd 252 a reload does too, of 257 not.
  inside systemctl restart updraft.service
  is_certified || fail 'a restart does not take the renewed key'
  rm -r "$override" "$settings"/*.pem
  inside systemctl daemon-reload
  say 'its key for root alone: TLS by LoadCredential'
}
certify() {
  openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=updraft -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$settings/key.pem" -out "$settings/cert.pem" 2>/dev/null
}
is_certified() { [ "$(curl --silent --cacert "$settings/cert.pem" https://127.0.0.1:3000/health/ready)" = ready ]; }

starts_with_the_machine() {
  inside systemctl reboot
  container_reboots
  is_ready || fail 'it does not start with the machine'
  has kept || fail 'the journal does not survive a boot'
  say 'started with the machine'
}

# While clients come, which do not have it started again. Settings and journal stay for the next time.
is_removed() {
  local before
  before=$(starts)
  clients_come client visitors node tests/packaging/visitors.mjs 127.0.0.1 3000
  apt remove updraft
  clients_go
  grep --quiet '"answered":[1-9]' "$work/visitors" || fail 'no clients came'
  [ "$(starts)" = "$before" ] || fail 'a client has it started again while it is removed'
  is_gone
  [ -e "$settings/updraft.env" ] || fail 'the settings went with the program'
  [ -d "$journal" ] || fail 'the journal went with the program'
  apt install /1.deb
  is_ready || fail 'it is not ready when it is installed again'
  has kept || fail 'the journal of before is gone'
  say 'removed under clients, and installed again: settings and journal are as before'
}
starts() { inside journalctl --quiet --output cat --unit updraft.service | grep --count '^Starting '; }
is_gone() {
  if is_listening; then fail 'it is removed, and listens'; fi
  local units
  units=$(inside systemctl list-units --state active,activating,failed --plain --no-legend 'updraft*')
  [ -z "$units" ] || fail "units are left: $units"
}

is_purged() {
  # What an administrator has put there is not the package's.
  rm "$settings/updraft.toml"
  apt purge updraft
  is_gone
  listed >"$work/after"
  diff "$work/before" "$work/after" || fail 'something is left'
  local left
  left=$(find "$root" -name '*updraft*' -not -path '*/var/log/*')
  [ -z "$left" ] || fail "something is left: $left"
  say 'purged: nothing is left'
}

container_begins "$release" "$work"
cp "$package" "$root/1.deb"
container_boots
listed >"$work/before"
say "Debian $release runs $(inside systemctl --version | head -n 1)"

is_installed
has_no_rights
is_confined
is_reloaded
is_restarted
heals
is_stopped
is_upgraded
stays_disabled
is_restored
speaks_tls
starts_with_the_machine
is_removed
is_purged
