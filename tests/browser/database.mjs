// A PostgreSQL server of a story's own, in a temporary folder.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createInterface } from 'node:readline';

/** Runs a cluster until the standard input ends; then nothing is left of it. It refuses to run as root: there, as `nobody`. */
const RUN = `
set -e
directory=$(mktemp -d /tmp/updraft-postgres.XXXXXX)
as=
if [ "$(id -u)" = 0 ]; then
  chown nobody "$directory"
  as="setpriv --reuid=nobody --regid=nogroup --clear-groups"
fi
cd "$directory"
trap 'rm -rf "$directory"' EXIT
$as "$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
$as "$1/postgres" -D data -k "$directory" -c listen_addresses= -c fsync=off >log 2>&1 </dev/null &
server=$!
until $as "$1/pg_isready" -q -h "$directory" -U postgres; do
  kill -0 $server || { cat log >&2; exit 1; }
  sleep 0.05
done
echo "$directory"
cat >/dev/null
kill -INT $server
wait $server || true
`;

/** Where Debian has the newest programs. */
async function programs() {
  const versions = await readdir('/usr/lib/postgresql');
  return `/usr/lib/postgresql/${versions.sort((a, b) => Number(a) - Number(b)).at(-1)}/bin`;
}

export class Database {
  #child;

  static async start() {
    const database = new Database();
    database.#child = spawn('sh', ['-c', RUN, 'postgres', await programs()], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = once(database.#child, 'exit').then(([code]) => {
      throw new Error(`PostgreSQL does not start: ${code}`);
    });
    ended.catch(() => {});
    const lines = createInterface({ input: database.#child.stdout });
    const [directory] = await Promise.race([once(lines, 'line'), ended]);
    database.url = `postgres:///postgres?host=${directory}&user=postgres`;
    return database;
  }

  async end() {
    const gone = once(this.#child, 'exit');
    this.#child.stdin.end();
    await gone;
  }
}
