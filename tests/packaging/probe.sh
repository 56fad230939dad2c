#!/bin/sh
# What a process may do: run in the sandbox of the service, and without it, where it may do all of this.
try() {
  what=$1
  shift
  if "$@" >/dev/null 2>&1; then echo "may $what"; else echo "may not $what"; fi
}
writes() { ( : >"$1/probe" ) && rm "$1/probe"; }

try 'be root' test "$(id -u)" = 0
for directory in /etc /etc/updraft /usr /usr/bin /var /var/lib /var/log /run /root /home /boot /opt; do
  try "write to $directory" writes "$directory"
done
for directory in /tmp /var/tmp /var/lib/updraft; do
  try "write to $directory" writes "$directory"
done
try 'read its settings, secrets among them' cat /etc/updraft/updraft.env
try 'look into /root' ls /root
try 'see other processes' test -e /proc/1/status
try 'make a control group' sh -c 'mkdir /sys/fs/cgroup/probe && rmdir /sys/fs/cgroup/probe'
try 'mount' sh -c 'mount -t tmpfs none /mnt && umount /mnt'
try 'enter a namespace of its own' unshare --uts true
try 'change its root' chroot / true
try 'open a raw socket of the network' perl -e 'socket(my $raw, 2, 3, 1) or exit 1'
try 'open a socket of the kernel' perl -e 'socket(my $netlink, 16, 3, 0) or exit 1'
try 'go before other processes' sh -c 'test "$(nice -n -5 nice)" = -5'
try 'set the identity bit' sh -c ': >/var/lib/updraft/identity && chmod u+s /var/lib/updraft/identity'
rm -f /var/lib/updraft/identity
try 'give a file away' sh -c ': >/var/lib/updraft/given && chown 12345 /var/lib/updraft/given'
rm -f /var/lib/updraft/given
try 'take another personality' setarch --addr-no-randomize true
