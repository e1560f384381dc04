"""TCP connections that linger when the last one closes them: what was sent there stays unread."""

import contextlib
import socket
import struct

FOR_HOURS = struct.pack("ii", 1, 30000)  # SO_LINGER
SMALL = 1 << 14


class Lingering:
    """An end of a connection, full of data for a peer that never reads."""

    def __init__(self):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.end = socket.socket()
            self.end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            self.end.connect(listener.getsockname())
            self.peer, _ = listener.accept()
        self.end.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.end.send(bytes(SMALL))
        self.end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, FOR_HOURS)

    def fileno(self):
        return self.end.fileno()

    def give_away(self):
        """Once it was sent to somebody: theirs is the last then, so this does not wait."""
        self.end.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.peer.close()
