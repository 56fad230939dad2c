// Socket.IO on Bun, with the engine that its authors made for it.
import { Server as Engine } from '@socket.io/bun-engine'
import { Server } from 'socket.io'
import { serve, tell } from './work.mjs'

const io = new Server()
const engine = new Engine({ path: '/socket.io/' })
io.bind(engine)
serve(io)
const server = Bun.serve({ ...engine.handler(), hostname: '127.0.0.1', port: 0 })
tell(server.port)
