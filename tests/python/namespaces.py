"""A Node backend's client, in Python: namespaces.py URL TRANSPORT"""

import queue
import sys

import socketio

from in_order import Client

# Longest that anything may take that must happen, in seconds: also on a machine that has much to do.
PATIENCE = 120

TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "upgraded": ["polling", "websocket"],
}

url, transport = sys.argv[1:]


def connect(namespaces, auth=None):
    client = Client(reconnection=False)
    heard = queue.Queue()
    for namespace in namespaces:
        client.on("*", lambda *event: heard.put(event), namespace=namespace)
    client.connect(url, transports=TRANSPORTS[transport], namespaces=namespaces, auth=auth, wait_timeout=PATIENCE)
    return client, heard


def ask(client, event, *arguments, namespace="/chat"):
    return client.call(event, arguments, namespace=namespace, timeout=PATIENCE)


client, heard = connect(["/", "/chat", "/game/7"])
for namespace in ["/", "/chat", "/game/7"]:
    # Several arguments and Buffers, there and back.
    values = ("room", b"\x00\xff", {"deep": [b"iv", {"more": b""}]}, None, 1)
    assert ask(client, "echo", *values, namespace=namespace) == values
    assert ask(client, "say", *values, namespace=namespace) is None
    assert heard.get(timeout=PATIENCE) == ("said", *values)
    assert ask(client, "add", 2, 3, namespace=namespace) == 5
    assert ask(client, "add", 2, namespace=namespace) == 3, "a missing argument"
    misfit = ask(client, "add", "two", namespace=namespace)
    assert misfit["error"]["code"] == "invalid_data", misfit
    assert ask(client, "fail", namespace=namespace)["error"]["message"] == "it is taken"
assert ask(client, "where", namespace="/game/7") == ("/game/7", "7")

# Names in escapes reach the fallback as they are.
client.emit("événement", (1, b"two"))
assert heard.get(timeout=PATIENCE) == ("heard", "événement", [1, b"two"])
assert ask(client, "événement")["error"]["code"] == "unknown_event"

# A room, and how one that leaves is told there.
other, told = connect(["/chat"])
for each in [client, other]:
    ask(each, "join", "room")
client.emit("draw", ("room", b"shape", b"iv"), namespace="/chat")
assert told.get(timeout=PATIENCE) == ("client-draw", b"shape", b"iv")
if transport == "polling":
    # Its own disconnect() ends the loop that writes, and with it packets that still wait there behind a POST.
    client.emit("leave me", namespace="/chat")
else:
    client.disconnect()
assert told.get(timeout=PATIENCE)[:2] == ("left", "room")
client.disconnect()
other.disconnect()

# A login by an event, and one as it connects.
client, heard = connect(["/chat"], {"name": "bob"})
assert heard.get(timeout=PATIENCE) == ("welcome", "bob", "/chat")
assert ask(client, "whoami") == "bob"
ask(client, "login", "ada")
assert ask(client, "whoami") == "ada"
client.disconnect()

# Refused, with a reason.
client = Client(reconnection=False)
why = queue.Queue()
client.on("connect_error", why.put, namespace="/chat")
try:
    client.connect(
        url, transports=TRANSPORTS[transport], namespaces=["/chat"], auth={"refuse": "not you"}, wait_timeout=PATIENCE
    )
    raise AssertionError("it is refused")
except socketio.exceptions.ConnectionError:
    pass
refusal = why.get(timeout=PATIENCE)
assert refusal["message"] == "not you" and refusal["data"]["code"] == "forbidden", refusal
