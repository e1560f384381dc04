"""The connection of a client, which is made again after it was lost, and its pins.

A pin lasts as long as the mapping or a view on it exists. When the garbage collector has
freed the last of them, the pin is released. The client decides what is requested.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from . import wire
from .connection import Connection, deadline_after
from .errors import Busy, ConnectionLost, Error, ProtocolError
from .segment import ImageReply

T = TypeVar("T")
Request = Callable[[Connection, "float | None"], T]


class Key(NamedTuple):
    """The rendition that is pinned. No two images have the same generation."""

    name: str
    format: str
    width: int
    height: int
    generation: int

    def release(self) -> bytes:
        """The request that releases it."""
        # The generation alone says which image it is, whoever owns it.
        return wire.line("RELEASE", **self._asdict(), owner="any")


@dataclass
class _Pin:
    owner: int
    tokens: set[int] = field(default_factory=set)  # one for each mapping


_tokens = itertools.count()
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


@dataclass
class _Turn:
    active: bool = False


class Session:
    """Runs requests of any thread, each thread one at a time."""

    def __init__(self, path: str, timeout: float | None):
        self.path = path
        self.timeout = timeout
        self._closed = False
        self._connection: Connection | None = None
        self._reset()
        self._connected(deadline_after(timeout))
        _sessions.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()  # of the pins, and while connecting
        self._claim = threading.Lock()  # for a few assignments, without any call
        self._tidier: _Turn | None = None
        self._users: dict[int, str | None] = {}  # threads; the name that each is about to pin
        self._pins: dict[Key, _Pin] = {}
        self._gone: deque[tuple[Key, int]] = deque()  # added by finalizers, at any time
        self._due: deque[Key] = deque()  # to be released

    def forked(self) -> None:
        """After a fork, in the child: the connection and its pins belong to the parent."""
        if self._connection:
            self._connection.close()
            self._connection = None
        self._reset()

    def close(self) -> None:
        """Closes the connection, after the requests of other threads; no other one is made."""
        self._closed = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._closed and self._connection and not self._users:
            self._connection.close()

    def run(self, request: Request[T], again: bool = True, name: str | None = None) -> T:
        """Runs a request; if the connection is lost, runs it once more on a new one.

        again is whether to repeat a request that the daemon may have received. name is that of
        the image which the request may pin.
        """
        me = threading.get_ident()
        if me in self._users:
            raise Busy("this client is in use; use another one in a signal handler")
        try:
            self._users[me] = name
            return self._attempt(request, again)
        finally:
            self._users.pop(me, None)
            self._close_if_unused()
            self.tidy()

    def _attempt(self, request: Request[T], again: bool) -> T:
        deadline = deadline_after(self.timeout)
        try:
            return request(self._connected(deadline), deadline)
        except ConnectionLost as lost:
            if self._closed or (lost.sent and not again):
                raise
        return request(self._connected(deadline), deadline)

    def _connected(self, deadline: float | None) -> Connection:
        if self._closed:
            raise ConnectionLost("the client is closed", sent=False)
        with self._lock:
            if self._connection and not self._connection.broken:
                return self._connection
            if self._connection:
                self._connection.close()
            connection = Connection(self.path, deadline)
            self._due.clear()
            for key, pin in list(self._pins.items()):
                self._pin_again(connection, key, pin, deadline)
            self._connection = connection
            return connection

    def _pin_again(
        self, connection: Connection, key: Key, pin: _Pin, deadline: float | None
    ) -> None:
        """Takes a pin again on a new connection, if the image has not changed."""
        what = {"format": key.format, "width": key.width, "height": key.height}
        text = wire.line("FETCH", name=key.name, owner=pin.owner, **what)
        try:
            found = connection.ask(text, deadline)
        except Error:
            if connection.broken:
                raise
            return
        generation = wire.number(found.get("generation"), 2**64 - 1)
        width = wire.number(found.get("width"), 2**32 - 1)
        height = wire.number(found.get("height"), 2**32 - 1)
        if generation is None or width is None or height is None:
            return
        if generation != key.generation:
            # The same box may have given another size of the new generation.
            newer = key._replace(generation=generation, width=width, height=height)
            self._due.append(newer)

    # ---- Pins ----

    def pinned(self, key: Key, owner: int, mapping: ctypes.Array[ctypes.c_ubyte]) -> None:
        """Keeps a pin as long as a mapping exists. Called within a request."""
        token = next(_tokens)
        with self._lock:
            self._pins.setdefault(key, _Pin(owner)).tokens.add(token)
        weakref.finalize(mapping, _let_go, weakref.ref(self), key, token).atexit = False

    def unused(self, key: Key) -> None:
        """Releases a pin whose image was not mapped. Called within a request."""
        self._due.append(key)

    def forget(self, key: Key) -> bool:
        """Removes a pin that the daemon releases. Returns whether there was one."""
        with self._lock:
            return self._pins.pop(key, None) is not None

    def gone(self, key: Key, token: int) -> None:
        """A mapping was freed. Called by the garbage collector, in any thread, at any time."""
        self._gone.append((key, token))
        self.tidy()

    def tidy(self) -> None:
        """Releases the pins that are no longer needed, if that can be done at once.

        If this thread is within a request, or another thread does it, that is done afterwards.
        """
        turn = _Turn()
        while self._is_untidy() and threading.get_ident() not in self._users:
            try:
                with self._claim:
                    if self._tidier is None or not self._tidier.active:
                        turn.active = True
                        self._tidier = turn
                connection = self._connection
                if not turn.active or self._closed or not connection:
                    return
                if not self._release(connection):
                    return
            finally:
                turn.active = False

    def _is_untidy(self) -> bool:
        connection = self._connection
        return bool(self._gone or self._due or (connection and connection.unwanted))

    def _release(self, connection: Connection) -> bool:
        """Returns whether all was released."""
        while connection.unwanted:
            key = _key_of_answer(connection.unwanted.popleft())
            if key:
                self._due.append(key)
        while self._gone:
            key, token = self._gone.popleft()
            with self._lock:
                pin = self._pins.get(key)
                if not pin or token not in pin.tokens:
                    continue
                pin.tokens.discard(token)
                if pin.tokens:
                    continue
                del self._pins[key]
            self._due.append(key)
        for _ in range(len(self._due)):
            key = self._due[0]
            # A thread may be about to pin it again.
            if key.name in list(self._users.values()):
                self._due.rotate(-1)
                continue
            # It may be pinned again by now: the daemon counts one pin per client and rendition.
            if key not in self._pins and not connection.post(key.release()):
                return False
            self._due.popleft()
        return not self._due


def _key_of_answer(values: dict[str, str]) -> Key | None:
    """The rendition that a late answer has pinned."""
    try:
        reply = ImageReply.of_values(values, values.get("name", ""))
    except ProtocolError:
        return None
    size = (reply.width, reply.height)
    return Key(reply.name, reply.format.word, *size, reply.generation)


def _let_go(session: weakref.ref[Session], key: Key, token: int) -> None:
    found = session()
    if found:
        found.gone(key, token)


def _after_fork() -> None:
    for session in list(_sessions):
        session.forked()


os.register_at_fork(after_in_child=_after_fork)
