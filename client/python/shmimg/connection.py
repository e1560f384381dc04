"""One connection to the daemon: lines, answers and descriptors, each within a deadline.

Knows the grammar and the greeting, and nothing of images. Never shared between processes.
"""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import time
from collections import deque

from . import wire
from .errors import ConnectionLost, NoDaemon, ProtocolError, Timeout, of_answer

SYSTEM_SOCKET = "/run/shmimgd/socket"
PROTOCOL = "1"
DESCRIPTORS_MAX = 4  # that one read can bring: more than a daemon ever sends at once

Answer = dict[str, str]


def default_path() -> str:
    """The daemon's socket: $SHMIMG_SOCKET, or the user's if there is one, or the system's."""
    told = os.environ.get("SHMIMG_SOCKET")
    if told:
        return told
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    path = os.path.join(folder, "shmimgd", "socket")
    return path if folder.startswith("/") and os.path.exists(path) else SYSTEM_SOCKET


def deadline_after(timeout: float | None) -> float | None:
    """The time on the monotonic clock in timeout seconds; None is never."""
    return None if timeout is None else time.monotonic() + timeout


def _timeval(seconds: float) -> bytes:
    whole = min(int(seconds), 2**31 - 1)
    return struct.pack("@ll", whole, int(seconds % 1 * 1e6))


class Connection:
    """Speaks to one daemon. After ConnectionLost, Timeout or ProtocolError it is broken."""

    def __init__(self, path: str, deadline: float | None):
        self.broken = False
        self._awaiting = False  # an answer: still true when reading it was interrupted
        self._buffer = b""
        self._passed: deque[int] = deque()
        self._owed = 0  # answers that nobody waits for
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path, deadline)
            credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self.peer: int = struct.unpack("3i", credentials)[1] & 0xFFFFFFFF
            self.send(wire.line("HELLO", protocol=PROTOCOL), deadline)
            self.hello = self.answer(deadline)
            self.uid = self._read_uid()
        except BaseException:
            self.close()
            raise

    def _connect(self, path: str, deadline: float | None) -> None:
        # Only a blocking socket waits for a daemon whose backlog is full: unix(7), socket(7).
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
            raise NoDaemon(text, error.errno or errno.EINVAL) from None

    def _read_uid(self) -> int:
        uid = wire.number(self.hello.get("uid"), 2**32 - 1)
        if self.hello.get("protocol") != PROTOCOL or uid is None:
            raise ProtocolError("what answers is no shmimgd of this protocol")
        return uid

    def close(self) -> None:
        """Ends the connection; closes what came with it and nobody took."""
        self.broken = True
        self._socket.close()
        self.discard()

    def discard(self) -> None:
        """Closes descriptors that nobody asked for."""
        while self._passed:
            os.close(self._passed.popleft())

    def take_descriptor(self) -> int | None:
        """The descriptor that came with the answer, now the caller's; None if none did."""
        return self._passed.popleft() if self._passed else None

    def fileno(self) -> int:
        """For select() and its like."""
        return self._socket.fileno()

    def _limit(self, deadline: float | None) -> None:
        """Bounds the next call on the socket."""
        if deadline is None:
            self._socket.settimeout(None)
        else:
            self._socket.settimeout(max(deadline - time.monotonic(), 1e-6))

    def _lose(self, sent: bool) -> ConnectionLost:
        self.broken = True
        return ConnectionLost("the daemon has ended the connection", sent=sent)

    def _late(self) -> Timeout:
        self.broken = True
        return Timeout("the daemon did not answer in time")

    def _fault(self, message: str) -> ProtocolError:
        self.broken = True
        return ProtocolError(message)

    def send(self, text: bytes, deadline: float | None, fd: int | None = None) -> None:
        """Sends one line, with a descriptor if there is one."""
        if self.broken or self._awaiting:
            raise self._lose(sent=False)
        if self._buffer:
            raise self._fault("the daemon says what nobody asked it")
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
        """Why the daemon ended the connection, if it said so: raises that."""
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
        """Sends a line whose answer nobody waits for, if that can be done at once."""
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
        """Reads the answers that nobody waits for."""
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
            raise self._fault("descriptors were lost: too many came, or too many are open")
        return data

    def arrived(self, deadline: float | None) -> bool:
        """Waits for a whole line; False when none came in time, and no harm is done."""
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
        """The next line, whatever it is."""
        try:
            return wire.parse(self._line(deadline))
        except ProtocolError:
            self.broken = True
            raise

    def answer(self, deadline: float | None) -> Answer:
        """The values of an answer OK; raises what ERR says."""
        verb, values = self.receive(deadline)
        if verb not in ("OK", "ERR"):
            raise self._fault("the daemon's answer is neither OK nor ERR")
        self._awaiting = False
        if verb == "ERR":
            raise of_answer(values)
        return values

    def items(self, deadline: float | None) -> list[Answer]:
        """The values of ITEM lines up to the OK that ends them."""
        found: list[Answer] = []
        verb, values = self.receive(deadline)
        while verb == "ITEM":
            found.append(values)
            verb, values = self.receive(deadline)
        if verb not in ("OK", "ERR") or (verb == "OK" and values.get("count") != str(len(found))):
            raise self._fault("the daemon's listing is malformed")
        self._awaiting = False
        if verb == "ERR":
            raise of_answer(values)
        return found
