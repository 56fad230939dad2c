# A Debian in which systemd runs, in a container of its own: sourced by what tries a service (tests/packaging/systemd.sh).
#
#   container_begins RELEASE WORK    in namespaces of its own (mounts and network), with a Debian that container_fetch has fetched
#   container_boots                  again too, after `inside systemctl reboot` and container_reboots
#   inside COMMAND…                  runs a command beside its systemd
#   container_ends

container= # the process of systemd-nspawn
container_cgroup=

# Once for each release; nothing else of this system is changed.
container_fetch() {
  local fetched=target/debian/systemd-$1.tar
  if [ -e "$fetched" ]; then return; fi
  echo "container: fetches Debian $1"
  mkdir -p "${fetched%/*}"
  mmdebstrap --quiet --format=tar --variant=apt --include=ca-certificates,dbus,procps,systemd,systemd-sysv "$1" "$fetched.part"
  mv "$fetched.part" "$fetched"
}

container_begins() {
  container_work=$2
  container_root=$2/debian
  # cgroups as systemd has them, whatever this system has; and no trace of the container in its /run.
  umount -R /sys/fs/cgroup 2>/dev/null || true
  mount -t cgroup2 none /sys/fs/cgroup
  mkdir "/sys/fs/cgroup/updraft-$$"
  container_cgroup=/sys/fs/cgroup/updraft-$$
  echo $$ >"$container_cgroup/cgroup.procs"
  mount -t tmpfs none /run
  mount -t tmpfs none "$container_work"
  ip link set lo up
  mkdir "$container_root"
  tar --extract --file "target/debian/systemd-$1.tar" --directory "$container_root"
}

# It has the network of this script: whose namespace has no other.
container_boots() {
  systemd-nspawn --quiet --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off --console=read-only --boot \
    --directory "$container_root" </dev/null >"$container_work/console" 2>&1 &
  container=$!
  await 'systemd does not boot' container_is_booted
}
container_is_booted() { inside systemctl is-system-running | grep --quiet running; }

container_reboots() {
  # systemd-nspawn says by 133 that it is to be started again.
  wait "$container" || [ $? = 133 ] || fail 'systemd does not go down in peace'
  container_boots
}

inside() {
  local systemd
  systemd=$(cat "/proc/$container/task/$container/children" 2>/dev/null)
  nsenter --target "${systemd% }" --mount --uts --ipc --pid --cgroup env --ignore-environment PATH=/usr/sbin:/usr/bin HOME=/root "$@"
}

container_ends() {
  # By the second signal it ends at once.
  if [ -n "$container" ]; then { kill "$container"; kill "$container"; wait "$container"; } 2>/dev/null || true; fi
  if [ -z "$container_cgroup" ]; then return; fi
  echo $$ >/sys/fs/cgroup/cgroup.procs || true
  find "$container_cgroup" -depth -type d -exec rmdir {} + || true
  umount --recursive --lazy "$container_work" || true
}
