"""One connection to the daemon: requests and answers of all threads, each within a deadline.

Each request has an id if the daemon answers by id, so that answers may come in any order. One of
the threads that wait reads, and gives each line to the request that it is for. A request that times
out is cancelled: it is an orphan until its answer and that of CANCEL have come.

A signal handler may raise an exception anywhere in here. So a request is counted before it is sent,
what is held is marked by plain assignments, which cannot be interrupted halfway, and a connection
that may be torn is given up (broken). A wake-up that got lost that way costs a second.

Knows the grammar and the handshake, but not images. Never shared between processes.
"""

from __future__ import annotations

import array
import errno
import itertools
import os
import select
import socket
import struct
import threading
import time
from collections import deque

from . import trust, wire
from .errors import ConnectionLost, Error, NoDaemon, ProtocolError, Timeout, of_answer

PROTOCOL = "1"
DESCRIPTORS_MAX = 4  # in one read: more than a daemon ever sends at once
ORPHANS_MAX = 32
POSTED = "q"  # the id of requests that are not waited for
LOOK_AGAIN = 1.0  # seconds, after which a thread looks whether nobody reads for it

Answer = dict[str, str]


def deadline_after(timeout: float | None) -> float | None:
    """The time on the monotonic clock in timeout seconds; None means never."""
    return None if timeout is None else time.monotonic() + timeout


def _timeval(seconds: float) -> bytes:
    whole = min(int(seconds), 2**31 - 1)
    return struct.pack("@ll", whole, int(seconds % 1 * 1e6))


class _Passed:
    """A descriptor that came with an answer, and is closed if nobody takes it."""

    def __init__(self, fd: int):
        self._fd: int | None = fd

    def __del__(self) -> None:
        fd = self.take()
        if fd is not None:
            os.close(fd)

    def take(self) -> int | None:
        """The descriptor, which becomes the caller's."""
        fd, self._fd = self._fd, None
        return fd


class Request:
    """A request and what has come of its answer."""

    def __init__(self, number: int, wants_fd: bool = False, is_list: bool = False):
        self.number = number
        self.wants_fd = wants_fd
        self.is_list = is_list
        self.answers = 1  # to come
        self.items: list[Answer] = []
        self.verb = ""
        self.values: Answer = {}
        self.passed: _Passed | None = None
        self.done = False  # the last line has come
        self.settled = False  # no line will come that nobody expects
        self.reading = False  # its thread reads for all
        self.sending = False
        self.news = threading.Lock()  # released when there is something to look at
        self.news.acquire()  # pylint: disable=consider-using-with

    def wake(self) -> None:
        """Makes its thread look."""
        try:
            self.news.release()
        except RuntimeError:
            pass  # it has not looked yet


class Connection:
    """A connection to one daemon. ConnectionLost and ProtocolError make it broken.

    Timeout does too, if the daemon cannot cancel requests. Any thread may ask().
    """

    def __init__(self, path: str, deadline: float | None):
        self.broken = False
        self.unwanted: deque[Answer] = deque()  # late answers, whose pins nobody wants
        self._torn = False  # a thread is reading; still true if that was interrupted
        self._claim = threading.Lock()  # for a few assignments, without any call
        self._reader: Request | None = None
        self._sender: Request | None = None
        self._numbers = itertools.count(1)
        self._requests: dict[int, Request] = {}  # without the last line of their answer
        self._orphans: dict[int, Request] = {}
        self._features: frozenset[str] = frozenset()
        self._process = os.getpid()
        self._buffer = b""
        self._passed: deque[int] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path, deadline)
            credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            self.peer: int = struct.unpack("3i", credentials)[1] & 0xFFFFFFFF
            if not trust.is_trusted(self.peer, path):
                raise NoDaemon(trust.explain(self.peer, path), errno.EPERM)
            self.hello = self.ask(wire.line("HELLO", protocol=PROTOCOL), deadline)
            self.uid = self._read_uid()
            self._features = frozenset(self.hello.get("features", "").split(","))
            self._numbers = itertools.count(1)
        except BaseException:
            self.close()
            raise

    def can(self, feature: str) -> bool:
        """Whether the daemon has a feature, by its word in the answer to HELLO."""
        return feature in self._features

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
        """Closes the connection, and received descriptors that were not taken.

        In a child after a fork the connection goes on for the parent.
        """
        self.broken = True
        self._end()
        self._socket.close()

    def _end(self) -> None:
        """Ends the connection; the threads that wait for it learn of that."""
        if os.getpid() == self._process:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._discard()
        self._wake_all()

    def _discard(self) -> None:
        try:
            while True:
                os.close(self._passed.popleft())
        except IndexError:
            pass

    def fileno(self) -> int:
        """The socket's descriptor, for select() and poll()."""
        return self._socket.fileno()

    def _wait(self, events: int, deadline: float | None) -> bool:
        """Waits for the socket. Returns False on a timeout."""
        left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
        poller = select.poll()
        try:
            poller.register(self._socket, events)
        except ValueError:
            return True  # another thread has closed it
        return bool(poller.poll(left))

    def _lose(self, sent: bool) -> ConnectionLost:
        self.broken = True
        return ConnectionLost("the daemon closed the connection", sent=sent)

    def _late(self) -> Timeout:
        return Timeout("the daemon did not answer in time")

    def _fault(self, message: str) -> ProtocolError:
        self.broken = True
        return ProtocolError(message)

    # ---- Requests ----

    def ask(self, text: bytes, deadline: float | None, fd: int | None = None) -> Answer:
        """Sends a line, with a descriptor unless it is None. Returns the values of OK.

        Raises the error of a reply ERR.
        """
        return self._exchange(Request(next(self._numbers)), text, deadline, fd).values

    def ask_descriptor(self, text: bytes, deadline: float | None) -> tuple[Answer, int | None]:
        """As ask(); also returns the descriptor that came, which becomes the caller's."""
        request = self._exchange(Request(next(self._numbers), wants_fd=True), text, deadline)
        return request.values, request.passed.take() if request.passed else None

    def items(self, text: bytes, deadline: float | None) -> tuple[list[Answer], Answer]:
        """Sends a line. Returns the values of the ITEM lines, and those of OK."""
        request = self._exchange(Request(next(self._numbers), is_list=True), text, deadline)
        if request.values.get("count") != str(len(request.items)):
            raise self._fault("the daemon's list is malformed")
        return request.items, request.values

    def event(self, deadline: float | None) -> Answer | None:
        """The next event, of a connection that does nothing else. None on a timeout."""
        request = Request(next(self._numbers))
        self._requests[request.number] = request
        try:
            self._await(request, deadline)
        except Timeout:
            return None
        finally:
            self._requests.pop(request.number, None)
        if request.verb != "EVENT":
            raise self._fault("the daemon's line is not an event")
        return request.values

    def _exchange(
        self, request: Request, text: bytes, deadline: float | None, fd: int | None = None
    ) -> Request:
        data = self._numbered(text, request)
        try:
            try:
                self._requests[request.number] = request
                self._send(request, data, deadline, fd)
                self._await(request, deadline)
            except Timeout:
                if not request.settled:
                    self._cancel(request)
                raise
            if request.verb == "ERR":
                raise of_answer(request.values)
            if request.verb != "OK":
                raise self._fault("the daemon's reply is neither OK nor ERR")
            return request
        finally:
            if not request.settled:
                self.broken = True
            self._requests.pop(request.number, None)
            if self.broken:
                self._end()

    def _numbered(self, text: bytes, request: Request) -> bytes:
        if "id" not in self._features:
            return text
        return wire.add(text, id=request.number)

    def post(self, text: bytes) -> bool:
        """Sends a line and does not wait for the reply. False if it cannot be sent at once."""
        if self.broken:
            return True
        request = Request(next(self._numbers))
        known = False
        if "quiet" in self._features and "id" in self._features:
            text = wire.add(text, quiet="ok", id=POSTED)
        else:
            text = self._numbered(text, request)
            self._requests[request.number] = request
        try:
            sent = self._send_at_once(request, text, None)
            known = True
        except OSError:
            return True
        finally:
            if not known:
                self.broken = True
        if sent == 0:
            self._requests.pop(request.number, None)
        return sent > 0

    # ---- Sending ----

    def _send_at_once(self, request: Request, data: bytes, fd: int | None) -> int:
        """Sends what can be sent at once. Returns how much, maybe 0."""
        ancillary = []
        if fd is not None:
            ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        flags = socket.MSG_NOSIGNAL | socket.MSG_DONTWAIT
        try:
            with self._claim:
                if self._sender is None or not self._sender.sending:
                    request.sending = True
                    self._sender = request
            if not request.sending:
                request.settled = True
                return 0
            request.settled = False
            sent = self._socket.sendmsg([data], ancillary, flags)
            if sent < len(data):
                self.broken = True  # no line is so long that this happens
            return sent
        except BlockingIOError:
            request.settled = True
            return 0
        finally:
            request.sending = False

    def _send(
        self, request: Request, data: bytes, deadline: float | None, fd: int | None
    ) -> None:
        """Sends one line, with a descriptor unless it is None."""
        if self.broken:
            raise self._lose(sent=False)
        if self._buffer and "id" not in self._features and len(self._requests) == 1:
            raise self._fault("the daemon sent an unexpected line")
        while True:
            try:
                sent = self._send_at_once(request, data, fd)
            except OSError:
                self._read_last_words(request)
                raise self._lose(sent=False) from None
            if sent:
                break
            if not self._wait(select.POLLOUT, deadline):
                raise self._late()
            time.sleep(0)  # if another thread sends

    def _read_last_words(self, request: Request) -> None:
        """Raises the daemon's reason to close the connection, if it sent one."""
        try:
            self._await(request, time.monotonic())
        except (Timeout, ConnectionLost):
            return
        if request.verb == "ERR":
            raise of_answer(request.values)

    def _cancel(self, request: Request) -> None:
        """Cancels a request that is late, or breaks the connection."""
        if "cancel" not in self._features or len(self._orphans) >= ORPHANS_MAX:
            self.broken = True
            return
        request.answers = 2
        self._orphans[request.number] = request
        self._requests.pop(request.number, None)
        text = wire.line("CANCEL", id=request.number)
        if request.done or self._send_at_once(request, text, None) != len(text):
            self.broken = True
        request.settled = True

    # ---- Receiving ----

    def _await(self, request: Request, deadline: float | None) -> None:
        """Waits until the last line has come: reads, or waits while another thread reads."""
        while not request.done:
            try:
                with self._claim:
                    if self._reader is None or not self._reader.reading:
                        request.reading = True
                        self._reader = request
                if request.reading and self._torn:
                    self.broken = True
                if self.broken:
                    raise self._lose(sent=True)
                if request.reading:
                    self._read(request, deadline)
            finally:
                was_reading = request.reading
                request.reading = False
                if was_reading:
                    self._wake_all()
            if request.done:
                break
            left = LOOK_AGAIN
            if deadline is not None:
                left = min(left, deadline - time.monotonic())
            if left <= 0:
                raise self._late()
            request.news.acquire(timeout=left)  # pylint: disable=consider-using-with
        request.settled = True

    def _wake_all(self) -> None:
        for other in list(self._requests.values()):
            other.wake()

    def _read(self, request: Request, deadline: float | None) -> None:
        """Reads for all until the request is done, or its time is over."""
        while not request.done:
            if b"\n" in self._buffer:
                self._torn = True
                text, _, self._buffer = self._buffer.partition(b"\n")
                self._deliver(text)
                self._torn = False
                continue
            if len(self._buffer) >= wire.LINE_MAX:
                raise self._fault(f"the daemon's line is longer than {wire.LINE_MAX} bytes")
            if self._fill():
                continue
            if not self._wait(select.POLLIN, deadline):
                raise self._late()
            if self.broken:
                raise self._lose(sent=True)

    def _fill(self) -> bool:
        """Receives what is there. Returns False if nothing is."""
        self._torn = True
        try:
            data = self._receive()
        except BlockingIOError:
            self._torn = False
            return False
        except Error:
            raise
        except OSError:
            data = b""
        if not data:
            raise self._lose(sent=True)
        self._buffer += data
        self._torn = False
        return True

    def _receive(self) -> bytes:
        room = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)
        data, ancillary, flags, _ = self._socket.recvmsg(
            wire.LINE_MAX, room, socket.MSG_CMSG_CLOEXEC | socket.MSG_DONTWAIT
        )
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                rights = array.array("i")
                rights.frombytes(payload[: len(payload) // rights.itemsize * rights.itemsize])
                self._passed.extend(rights)
        if flags & socket.MSG_CTRUNC:
            raise self._fault("descriptors were lost: too many came, or too many are open here")
        return data

    def _find(self, verb: str, number: str | None) -> Request | None:
        """The request that a line is for. The daemon's last words have no id."""
        waiting = sorted(self._requests)
        if number is not None and "id" in self._features:
            found = wire.number(number, 2**63)
            return None if found is None else self._requests.get(found)
        if "id" in self._features and verb not in ("ERR", "EVENT"):
            return None
        return self._requests[waiting[0]] if waiting else None

    def _deliver(self, text: bytes) -> None:
        """Gives a line to whom it is for."""
        try:
            verb, values = wire.parse(text)
        except ProtocolError:
            self.broken = True
            raise
        number = values.pop("id", None) if "id" in self._features else None
        request = self._find(verb, number)
        if request is None:
            self._deliver_orphan(verb, values, number)
        elif verb == "ITEM" and request.is_list:
            request.items.append(values)
        else:
            request.verb, request.values = verb, values
            if request.wants_fd and verb == "OK" and self._passed:
                request.passed = _Passed(self._passed.popleft())
            self._requests.pop(request.number, None)
            request.done = request.settled = True
            request.wake()
        waiting = [*self._requests.values(), *self._orphans.values()]
        if not any(other.wants_fd for other in waiting):
            self._discard()

    def _deliver_orphan(self, verb: str, values: Answer, number: str | None) -> None:
        """A line that comes too late, or for nobody."""
        late = wire.number(number, 2**63)
        if number == POSTED:
            return
        orphan = None if late is None else self._orphans.get(late)
        if orphan is None:
            raise self._fault("the daemon sent an unexpected line")
        if verb == "ITEM":
            return
        if verb == "OK" and "segment" in values:
            self.unwanted.append(values)
            if orphan.wants_fd and self._passed:
                os.close(self._passed.popleft())
            orphan.wants_fd = False
        orphan.answers -= 1
        if orphan.answers == 0:
            del self._orphans[orphan.number]
