"""Socket.IO for Python on aiohttp and uvloop, as its users write it."""

import asyncio
import base64
import gzip
import json
import sys
import time

import socketio
import uvloop
from aiohttp import web

io = socketio.AsyncServer(async_mode="aiohttp")
seq = 1_000_000


async def echo(sid, data):
    return data


async def length(sid, data):
    return len(gzip.decompress(base64.b64decode(data)))


async def status(sid, data):
    return "online"


async def join(sid, data):
    await io.enter_room(sid, "board")


async def emit(sid, card):
    global seq
    seq += 1
    event = {
        "event": "card.changed",
        "topic": "board",
        "seq": seq,
        "key": f"card-{card['key']}",
        "time": int(time.time() * 1000),
        "data": card["data"],
    }
    await io.emit("event", event, room="board")


functions = {
    "api.services.test.testFunc": echo,
    "api.services.test.length": length,
    "api.services.status": status,
    "bench.join": join,
    "bench.emit": emit,
}


def read(call):
    """A call in the form in which it came."""
    if isinstance(call, str):
        return json.loads(gzip.decompress(base64.b64decode(call)))
    return json.loads(call) if isinstance(call, bytes) else call


@io.on("event")
async def event(sid, sent):
    call = read(sent)
    return {"event": call["event"], "data": await functions[call["event"]](sid, call.get("data"))}


@io.on("api.services.test.testFunc")
async def named(sid, data):
    return data


async def main():
    app = web.Application()
    io.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    host, port = runner.addresses[0]
    print(f"{host}:{port}", flush=True)
    # Ends when nobody is there to hear it.
    await asyncio.to_thread(sys.stdin.read)


uvloop.run(main())
