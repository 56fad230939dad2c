// What every server here does for its clients, on Socket.IO for JavaScript, as its users write it.
import { gunzipSync } from 'node:zlib'

/** Functions by their names, as a static table. */
export const functions = new Map(Object.entries({
  'api.services.test.testFunc': (data) => data,
  'api.services.test.length': (data) => gunzipSync(Buffer.from(data, 'base64')).length,
  'api.services.status': () => 'online',
  'bench.join': (_, socket) => socket.join('board'),
  'bench.stream.down': (frames, socket) => {
    for (let n = 0; n < frames; n += 1) socket.emit('frame', block)
  },
  'bench.stream.down.acked': async (frames, socket) => {
    for (let n = 0; n < frames; n += 1) await socket.emitWithAck('frame', block)
  },
  'bench.stream.up': () => null,
  'bench.emit': (card, _, io) => {
    io.to('board').emit('event', changed(card))
  },
}))

/** A frame of a stream. */
const block = Buffer.alloc(64 * 1024, 7)

let seq = 1_000_000

/** What a topic's event looks like. */
const changed = ({ key, data }) =>
  ({ event: 'card.changed', topic: 'board', seq: (seq += 1), key: `card-${key}`, time: Date.now(), data })

/** A call in the form in which it came. */
const read = (call) => {
  if (typeof call === 'string') return JSON.parse(gunzipSync(Buffer.from(call, 'base64')))
  return Buffer.isBuffer(call) ? JSON.parse(call) : call
}

export const serve = (io) => {
  io.on('connection', (socket) => {
    const { room } = socket.handshake.auth
    if (room) {
      socket.join(room)
      socket.emit('welcome', socket.id)
    }
    socket.on('api.services.test.testFunc', (data, ack) => ack(data))
    socket.on('frame', (_, ack) => ack?.())
    socket.on('event', async (sent, ack) => {
      const call = read(sent)
      ack({ event: call.event, data: await functions.get(call.event)(call.data, socket, io) })
    })
  })
}

/** Tells where it listens, and the ids of processes that work for it; ends when nobody is there to hear it. */
export const tell = (port, processes = []) => {
  console.log([`127.0.0.1:${port}`, ...processes].join(' '))
  process.stdin.on('end', () => process.exit()).resume()
}
