"""One connection to the daemon: lines, replies and descriptors, each within a deadline.

Knows the grammar and the handshake, but not images. Never shared between processes.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import time
from collections import deque

from . import trust, wire
from .errors import ConnectionLost, NoDaemon, ProtocolError, Timeout, of_answer

PROTOCOL = "1"
DESCRIPTORS_MAX = 4  # in one read: more than a daemon ever sends at once

Answer = dict[str, str]


def deadline_after(timeout: float | None) -> float | None:
    """The time on the monotonic clock in timeout seconds; None means never."""
    return None if timeout is None else time.monotonic() + timeout


def _timeval(seconds: float) -> bytes:
    whole = min(int(seconds), 2**31 - 1)
    return struct.pack("@ll", whole, int(seconds % 1 * 1e6))


class Connection:
    """A connection to one daemon. ConnectionLost, Timeout and ProtocolError make it broken."""

    def __init__(self, path: str, deadline: float | None):
        self.broken = False
        self._awaiting = False  # a reply: still true if reading it was interrupted
        self._buffer = b""
        self._passed: deque[int] = deque()
        self._owed = 0  # replies that are to be read and ignored
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path, deadline)
            credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self.peer: int = struct.unpack("3i", credentials)[1] & 0xFFFFFFFF
            if not trust.is_trusted(self.peer, path):
                raise NoDaemon(trust.explain(self.peer, path), errno.EPERM)
            self.send(wire.line("HELLO", protocol=PROTOCOL), deadline)
            self.hello = self.answer(deadline)
            self.uid = self._read_uid()
        except BaseException:
            self.close()
            raise

    def _connect(self, path: str, deadline: float | None) -> None:
        # Only a blocking socket waits while the backlog is full: unix(7), socket(7).
        limit = 0.0
        if deadline is not None:
            limit = max(deadline - time.monotonic(), 1e-6)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(limit))
            self._socket.connect(path)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(0))
        except BlockingIOError:
            raise Timeout(f"{path}: the daemon did not answer in time") from None
        except OSError as error:
            text = f"no shmimgd at {path}: {error.strerror or error}"
            ignored = trust.runtime_folder()[1] if path == trust.SYSTEM_SOCKET else ""
            if ignored:
                text += f". {ignored}. Set it to your own folder, or unset it."
            raise NoDaemon(text, error.errno or errno.EINVAL) from None

    def _read_uid(self) -> int:
        uid = wire.number(self.hello.get("uid"), 2**32 - 1)
        if self.hello.get("protocol") != PROTOCOL or uid is None:
            raise ProtocolError("the program that answers is not shmimgd, or uses another protocol")
        return uid

    def close(self) -> None:
        """Closes the connection, and received descriptors that were not taken."""
        self.broken = True
        self._socket.close()
        self.discard()

    def discard(self) -> None:
        """Closes received descriptors that were not taken."""
        while self._passed:
            os.close(self._passed.popleft())

    def take_descriptor(self) -> int | None:
        """The descriptor that came with the reply, which becomes the caller's; or None."""
        return self._passed.popleft() if self._passed else None

    def fileno(self) -> int:
        """The socket's descriptor, for select() and poll()."""
        return self._socket.fileno()

    def _limit(self, deadline: float | None) -> None:
        """Limits the next call on the socket."""
        if deadline is None:
            self._socket.settimeout(None)
        else:
            self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))

    def _lose(self, sent: bool) -> ConnectionLost:
        self.broken = True
        return ConnectionLost("the daemon closed the connection", sent=sent)

    def _late(self) -> Timeout:
        self.broken = True
        return Timeout("the daemon did not answer in time")

    def _fault(self, message: str) -> ProtocolError:
        self.broken = True
        return ProtocolError(message)

    def send(self, text: bytes, deadline: float | None, fd: int | None = None) -> None:
        """Sends one line, with a descriptor unless it is None."""
        if self.broken or self._awaiting:
            raise self._lose(sent=False)
        if self._buffer:
            raise self._fault("the daemon sent an unexpected line")
        self._awaiting = True
        ancillary = []
        if fd is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        left = memoryview(text)
        while left:
            self._limit(deadline)
            try:
                sent = self._socket.sendmsg([left], ancillary, socket.MSG_NOSIGNAL)
            except TimeoutError:
                raise self._late() from None
            except OSError:
                self._read_last_words()
                raise self._lose(sent=len(left) < len(text)) from None
            left, ancillary = left[sent:], []

    def _read_last_words(self) -> None:
        """Raises the daemon's reason to close the connection, if it sent one."""
        if b"\n" in self._fill_at_once():
            self.answer(None)

    def _fill_at_once(self) -> bytes:
        self._socket.settimeout(0)
        try:
            self._buffer += self._receive()
        except OSError:
            pass
        return self._buffer

    def send_and_forget(self, text: bytes) -> bool:
        """Sends a line and does not wait for the reply. False if it cannot be sent at once."""
        if self.broken or self._awaiting:
            return True
        self._socket.settimeout(0)
        try:
            sent = self._socket.sendmsg([text], [], socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError:
            sent = 0
        self.broken = sent < len(text)
        self._owed += 1
        return True

    def settle(self, deadline: float | None) -> None:
        """Reads the replies of send_and_forget()."""
        if not self._owed or self.broken:
            return
        self._awaiting = True
        try:
            while self._owed:
                self.receive(deadline)
                self._owed -= 1
        except ConnectionLost:
            raise self._lose(sent=False) from None
        self._awaiting = False

    def _receive(self) -> bytes:
        room = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
        data, ancillary, flags, _ = self._socket.recvmsg(
            wire.LINE_MAX, room, socket.MSG_CMSG_CLOEXEC
        )
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                rights = array.array("i")
                rights.frombytes(payload[: len(payload) // rights.itemsize * rights.itemsize])
                self._passed.extend(rights)
        if flags & socket.MSG_CTRUNC:
            raise self._fault("descriptors were lost: too many came, or too many are open here")
        return data

    def arrived(self, deadline: float | None) -> bool:
        """Waits for a whole line. Returns False on a timeout; the connection can still be used."""
        while b"\n" not in self._buffer:
            if len(self._buffer) >= wire.LINE_MAX:
                raise self._fault(f"the daemon's line is longer than {wire.LINE_MAX} bytes")
            self._limit(deadline)
            try:
                data = self._receive()
            except TimeoutError:
                return False
            except ConnectionResetError:
                data = b""
            if not data:
                raise self._lose(sent=True)
            self._buffer += data
        return True

    def _line(self, deadline: float | None) -> bytes:
        if not self.arrived(deadline):
            raise self._late()
        text, _, self._buffer = self._buffer.partition(b"\n")
        return text

    def receive(self, deadline: float | None) -> tuple[str, Answer]:
        """Receives a line of any kind."""
        try:
            return wire.parse(self._line(deadline))
        except ProtocolError:
            self.broken = True
            raise

    def answer(self, deadline: float | None) -> Answer:
        """The values of a reply OK; raises the error of a reply ERR."""
        verb, values = self.receive(deadline)
        if verb not in ("OK", "ERR"):
            raise self._fault("the daemon's reply is neither OK nor ERR")
        self._awaiting = False
        if verb == "ERR":
            raise of_answer(values)
        return values

    def items(self, deadline: float | None) -> list[Answer]:
        """The values of the ITEM lines before OK."""
        found: list[Answer] = []
        verb, values = self.receive(deadline)
        while verb == "ITEM":
            found.append(values)
            verb, values = self.receive(deadline)
        if verb not in ("OK", "ERR") or (verb == "OK" and values.get("count") != str(len(found))):
            raise self._fault("the daemon's list is malformed")
        self._awaiting = False
        if verb == "ERR":
            raise of_answer(values)
        return found
