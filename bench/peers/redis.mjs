// Durable events with Socket.IO on Node and its Redis Streams adapter: a room emit goes through the adapter's stream in
// a Redis server of its own, which syncs what it appends before it answers. The adapter is on its defaults: it keeps
// about the last 10,000 events (XADD with MAXLEN ~), and reads back from the stream all that it has added to it.
// `node redis.mjs DIRECTORY` keeps the stream there.
import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { tell } from './work.mjs'

process.chdir(process.argv[2])

// It ends when this process does, in whatever way. It never writes its log anew: a third process would do so, whose
// work nobody counts.
const settings = {
  port: '0',
  unixsocket: 'redis.sock',
  appendonly: 'yes',
  appendfsync: 'always',
  save: '',
  'auto-aof-rewrite-percentage': '0',
  loglevel: 'warning',
}
const redis = spawn(
  'setpriv',
  ['--pdeathsig', 'KILL', 'redis-server', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value])],
  { stdio: ['ignore', 'ignore', 'inherit'] },
)
redis.on('exit', (code) => process.exit(code ?? 1))

// It connects as soon as Redis listens.
const client = createClient({ socket: { path: 'redis.sock', reconnectStrategy: 20 } })
client.on('error', (error) => {
  if (client.isReady) console.error(error.message)
})
await client.connect()

const http = createServer()
const io = new Server(http, { adapter: createAdapter(client), connectionStateRecovery: {} })
const board = { rooms: new Set(['board']), except: new Set(), flags: {} }

/**
 * What `io.to('board').emit('event', event)` does, which tells nobody when it is done: the event's place in the stream
 * once it is on the disk, and on its way to the room.
 */
const emit = async (event) => {
  const packet = { type: 2, data: ['event', event] }
  await io.of('/').adapter.broadcast(packet, board)
  const [, , offset] = packet.data
  if (!offset) throw new Error('the stream did not take it')
  return offset
}

io.on('connection', (socket) => {
  socket.on('event', async (call, ack) => {
    const { key, data } = call.data
    const event = { event: 'card.changed', topic: 'board', key: `card-${key}`, time: Date.now(), data }
    ack({ event: call.event, data: { seq: await emit(event) } })
  })
  if (!socket.handshake.auth.topics) return
  // It has no backlog for those who are new.
  socket.emit('event', { event: 'topic.start', topic: 'board' })
  socket.emit('event', { event: 'topic.live', topic: 'board' })
  socket.join('board')
})
http.listen(0, '127.0.0.1', () => tell(http.address().port, [redis.pid]))
