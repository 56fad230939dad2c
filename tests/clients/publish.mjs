// A backend with node-postgres: it writes its row and publishes the event of it in one transaction.
// node publish.mjs URL

import assert from 'node:assert/strict';
import pg from 'pg';

const [url] = process.argv.slice(2);
const { searchParams, pathname } = new URL(url);
const client = new pg.Client({
  host: searchParams.get('host'),
  user: searchParams.get('user'),
  database: pathname.slice(1),
});
await client.connect();

const publish = (id, data) =>
  client.query('SELECT updraft.publish($1, $2, $3, $4, $5)', ['orders', 'order.placed', id, data, `place ${id}`]);

async function place(id, end) {
  await client.query('BEGIN');
  await client.query('INSERT INTO orders VALUES ($1)', [id]);
  await publish(id, { id });
  await client.query(end);
}

await place('o-1', 'COMMIT');
await place('o-2', 'ROLLBACK');
await place('o-3', 'COMMIT');
// A retry is published no second time, and another content under the same id not at all.
await publish('o-3', { id: 'o-3' });
await assert.rejects(publish('o-3', { id: 'o-4' }), { code: 'UD002' });

// It has the right to publish, and no other.
for (const sql of ['SELECT * FROM updraft.events', 'INSERT INTO updraft.staged DEFAULT VALUES', 'SELECT updraft.expire(0, 1)']) {
  await assert.rejects(client.query(sql), { code: '42501' });
}
await client.end();
