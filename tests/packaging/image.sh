#!/usr/bin/env bash
# Builds the image and runs it, as a user would: tests/packaging/image.sh [PROGRAM]. It needs root, and no daemon.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${1:-target/release/updraft}
name=updraft-test-$$

# A mount namespace of its own, with the cgroups that crun understands, whatever this machine has.
if [ -z "${UPDRAFT_OWN_MOUNTS:-}" ]; then
  UPDRAFT_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$program"
fi
umount -R /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup

work=$(mktemp -d)
export CONTAINERS_STORAGE_CONF=$work/storage.conf
printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$work/images" "$work/run" >"$CONTAINERS_STORAGE_CONF"
container() { podman --log-level fatal --cgroup-manager cgroupfs "$@"; }
finish() {
  container rm --force "$name" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap finish EXIT
fail() {
  echo "image: $*" >&2
  container logs "$name" >&2 || true
  exit 1
}

packaging/image.sh "$program" "$name" >"$work/build.log" 2>&1 || { cat "$work/build.log" >&2; exit 1; }
echo "image: $(container image inspect "$name" --format '{{.Size}}') bytes"

# What it says of itself.
said() { [ "$(container image inspect "$name" --format "$1")" = "$2" ] || fail "$1 is $(container image inspect "$name" --format "$1")"; }
said '{{.Config.User}}' 65532:65532
said '{{.Config.StopSignal}}' SIGTERM
said '{{json .Config.ExposedPorts}}' '{"3000/tcp":{}}'
said '{{json .Config.Volumes}}' '{"/data":{}}'
said '{{index .Labels "org.opencontainers.image.version"}}' "$("$program" --version | cut -d' ' -f2)"

# As strict as it may be run: nothing may be written but its volume, and it may do nothing that others may not.
port=$((20000 + RANDOM % 10000))
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
  port=$((20000 + RANDOM % 10000))
done
# The limits are as low as any machine allows.
run=(run --detach --name "$name" --network host --cgroups disabled --ulimit nofile=1024:1024 --ulimit nproc=4096:4096
  --read-only --cap-drop all --security-opt no-new-privileges --volume "$work/data:/data" --env UPDRAFT_PORT=$port)
mkdir "$work/data"
chown 65532:65532 "$work/data"
container "${run[@]}" "$name" >/dev/null

ready() {
  for _ in $(seq 300); do
    if container exec "$name" updraft health >/dev/null 2>&1; then return; fi
    sleep 0.2
  done
  fail 'it does not become ready'
}
stop() {
  container stop --time 60 "$name" >/dev/null
  [ "$(container inspect "$name" --format '{{.State.ExitCode}}')" = 0 ] || fail 'it did not end in peace'
}
call() { container exec "$name" updraft call --url "http://127.0.0.1:$port" "$@"; }

ready
container healthcheck run "$name" || fail 'its health check fails'
[ "$(stat -c %u "/proc/$(container inspect "$name" --format '{{.State.Pid}}')")" = 65532 ] || fail 'it runs as root'
[ "$(call api.services.status)" = '"online"' ] || fail 'it does not answer'
call api.board.add --data '{"id":"kept","title":"Kept","column":"todo"}' >/dev/null

# What was published is in the volume.
stop
container start "$name" >/dev/null
ready
container exec "$name" updraft log tail board | grep -q kept || fail 'the volume does not keep the journal'
stop
container rm "$name" >/dev/null
echo 'image: built, run read-only and not as root, healthy, stopped in peace, its journal kept'
