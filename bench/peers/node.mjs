// Socket.IO on Node. `plain` as it comes; `tuned` as its documentation says (Performance tuning): the native
// add-on of ws, and without the first HTTP request in memory.
import { createServer } from 'node:http'

const tuned = process.argv[2] === 'tuned'
if (!tuned) process.env.WS_NO_BUFFER_UTIL = '1' // which is installed beside it
const { Server } = await import('socket.io')
const { serve, tell } = await import('./work.mjs')

const http = createServer()
const io = new Server(http, { perMessageDeflate: false })
if (tuned) {
  io.engine.on('connection', (socket) => {
    socket.request = null
  })
}
serve(io)
http.listen(0, '127.0.0.1', () => tell(http.address().port))
