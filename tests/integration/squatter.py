"""Another user's program that listens where a daemon could be, and keeps what it is sent."""

import array
import contextlib
import os
import socket
import threading

from client import TIMEOUT
from users import connect_as

UID = 1234
HELLO = b"OK protocol=1 version=0 uid=%d formats=RGBA8 max-pixels=1 board=/shmimg-none\n" % UID


class Squatter:
    """Answers HELLO as a daemon does, so that a client that trusts it goes on; refuses the rest."""

    def __init__(self, path):
        self.connections = 0
        self.heard = b""
        self.descriptors = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        os.chmod(path, 0o666)
        # The kernel notes the user who calls listen(2).
        connect_as(UID, self._listener.listen)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self):
        """Ends it, when the last client has gone: then all that was sent is known. Works twice."""
        if self._listener.fileno() < 0:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT)
        self._listener.close()
        assert not self._thread.is_alive(), "a client does not end its connection"

    def _run(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            with connection, contextlib.suppress(ConnectionError):
                connection.settimeout(TIMEOUT)
                self._serve(connection)

    def _serve(self, connection):
        while True:
            size = socket.CMSG_SPACE(16)
            data, ancillary, _, _ = connection.recvmsg(1 << 16, size, socket.MSG_CMSG_CLOEXEC)
            for _, _, rights in ancillary:
                fds = array.array("i")
                fds.frombytes(rights[: len(rights) // fds.itemsize * fds.itemsize])
                self.descriptors += len(fds)
                for fd in fds:
                    os.close(fd)
            if not data:
                return
            self.heard += data
            for text in data.splitlines():
                answer = HELLO if text.startswith(b"HELLO") else b"ERR code=busy message=x\n"
                connection.sendall(answer)
