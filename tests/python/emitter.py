"""What a worker of Python's emits by Redis: to all, to rooms, with data of every kind, and a last word to all."""

import sys

import redis
from socket_io_emitter import Emitter

io = Emitter({"client": redis.from_url(sys.argv[1])})
io.Emit("news", {"of": ["Ada", None, 1.5, True], "for": "\u2615"})
io.To("tea").Emit("said", "to tea")
io.To("tea", "coffee").Of("/").Emit("said", "to both")
io.Of("/elsewhere").Emit("said", "elsewhere")
io.Emit("end")
