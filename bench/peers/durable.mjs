// Durable events with Socket.IO on Node and better-sqlite3, as its users write it: one insert per event in the
// handler, then a room emit. `node durable.mjs DIRECTORY EVENTS KEYS` starts with so many events, each about one of so
// many keys.
import { createServer } from 'node:http'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { Server } from 'socket.io'
import { tell } from './work.mjs'

const [directory, events, keys] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const data = 'x'.repeat(198)

const db = new Database(join(directory, 'events.db'))
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(`
  CREATE TABLE events (seq INTEGER PRIMARY KEY, topic TEXT, time INTEGER, event TEXT, key TEXT, data TEXT);
  CREATE INDEX latest ON events (topic, key, seq);
`)
const insert = db.prepare('INSERT INTO events (topic, time, event, key, data) VALUES (?, ?, ?, ?, ?)')
const latest = db.prepare(`
  SELECT event, topic, seq, key, time, data FROM events
  WHERE seq IN (SELECT max(seq) FROM events WHERE topic = ? GROUP BY key) ORDER BY seq
`)

/** Appends an event; it is on the disk then. */
const append = ({ key, data }) => {
  const event = { event: 'card.changed', topic: 'board', key: `card-${key}`, time: Date.now(), data }
  const { lastInsertRowid } = insert.run(event.topic, event.time, event.event, event.key, JSON.stringify(data))
  return { ...event, seq: Number(lastInsertRowid) }
}

db.transaction(() => {
  for (let number = 0; number < events; number += 1) append({ key: number % keys, data })
})()

const http = createServer()
const io = new Server(http)
io.on('connection', (socket) => {
  socket.on('event', (call, ack) => {
    const event = append(call.data)
    io.to('board').emit('event', event)
    ack({ event: call.event, data: { seq: event.seq } })
  })
  if (!socket.handshake.auth.topics) return
  socket.emit('event', { event: 'topic.start', topic: 'board' })
  for (const row of latest.all('board')) socket.emit('event', { ...row, data: JSON.parse(row.data) })
  socket.emit('event', { event: 'topic.live', topic: 'board' })
  socket.join('board')
})
http.listen(0, '127.0.0.1', () => tell(http.address().port))
