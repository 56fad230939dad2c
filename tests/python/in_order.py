"""Python's client, as it is, but for one thing: it has a thread for each packet, and these overtake each other on a busy machine. Here
packets are taken in the order in which they come."""

import engineio
import socketio


class _Transport(engineio.Client):
    def _trigger_event(self, event, *arguments, run_async=False, **options):
        return super()._trigger_event(event, *arguments, run_async=False, **options)


class Client(socketio.Client):
    def _engineio_client_class(self):
        return _Transport
