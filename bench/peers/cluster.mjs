// Socket.IO on Node as one of several servers that share their rooms by one of its adapters, on its defaults:
// `node cluster.mjs redis SOCKET`, `node cluster.mjs redis-streams SOCKET` or `node cluster.mjs postgres FOLDER DATABASE`.
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { serve, tell } from './work.mjs'

const [kind, path, database] = process.argv.slice(2)

const connect = async () => {
  const { createClient } = await import('redis')
  return createClient({ socket: { path } }).connect()
}

const adapters = {
  redis: async () => {
    const { createAdapter } = await import('@socket.io/redis-adapter')
    return createAdapter(await connect(), await connect())
  },
  'redis-streams': async () => {
    const { createAdapter } = await import('@socket.io/redis-streams-adapter')
    return createAdapter(await connect())
  },
  postgres: async () => {
    const { createAdapter } = await import('@socket.io/postgres-adapter')
    const { default: pg } = await import('pg')
    return createAdapter(new pg.Pool({ host: path, user: 'postgres', database }))
  },
}

const http = createServer()
serve(new Server(http, { perMessageDeflate: false, adapter: await adapters[kind]() }))
http.listen(0, '127.0.0.1', () => tell(http.address().port))
