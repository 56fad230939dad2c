"""What Python's client does that others do not: client.py URL TRANSPORT"""

import queue
import sys

from in_order import Client

# Longest that anything may take that must happen, in seconds: also on a machine that has much to do.
PATIENCE = 120

TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgraded": ["polling", "websocket"],
}

url, transport = sys.argv[1:]
heard = queue.Queue()
client = Client(reconnection=False)
client.on("number", heard.put)
client.connect(url, transports=TRANSPORTS[transport], wait_timeout=PATIENCE)
carried = "polling" if transport == "polling" else "websocket"
assert client.transport() == carried, client.transport()


def call(event, call):
    return client.call(event, call, timeout=PATIENCE)


# Names are written in escapes, all that is not ASCII.
assert call("event", ["test.echo", "événement 😀"]) == {"event": "test.echo", "data": "événement 😀"}
client.emit("événement", 1)
answer = call("événement", 1)
assert answer["error"]["code"] == "unknown_event", answer

# Buffers, by themselves and inside JSON.
data = bytes(range(256))
assert call("event", {"event": "test.bytes", "data": data}) == {"event": "test.bytes", "data": data}

# More packets than it takes from one poll.
answer = call("event", {"event": "test.count", "data": 500})
assert answer == {"event": "test.count", "data": "counted"}, answer
assert [heard.get(timeout=PATIENCE) for _ in range(500)] == list(range(500))

# Calls at once: each is answered, in order.
answers = queue.Queue()
for number in range(100):
    client.emit("event", ["test.echo", number], callback=answers.put)
assert [answers.get(timeout=PATIENCE)["data"] for _ in range(100)] == list(range(100))

assert client.connected
client.disconnect()
