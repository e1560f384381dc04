"""A client's connection over its life: made anew when it was lost, and the pins on it.

A pin lasts as long as any view on the mapping does: when the garbage collector takes the
last, the daemon is told. Never decides what is asked.
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
from .errors import Busy, ConnectionLost, Error

T = TypeVar("T")
Request = Callable[[Connection, "float | None"], T]


class Key(NamedTuple):
    """What the daemon pins. No two images have the same generation."""

    name: str
    format: str
    width: int
    height: int
    generation: int

    def release(self) -> bytes:
        """The request that lets go of it."""
        return wire.line("RELEASE", **self._asdict())


@dataclass
class _Pin:
    owner: int
    tokens: set[int] = field(default_factory=set)  # one for each mapping


_tokens = itertools.count()
_sessions: weakref.WeakSet[Session] = weakref.WeakSet()


class Session:
    """Serves one request at a time, whichever threads they come from."""

    def __init__(self, path: str, timeout: float | None):
        self.path = path
        self.timeout = timeout
        self._closed = False
        self._connection: Connection | None = None
        self._reset()
        self._connected(deadline_after(timeout))
        _sessions.add(self)

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._busy = False
        self._pins: dict[Key, _Pin] = {}
        self._gone: deque[tuple[Key, int]] = deque()  # by finalizers, at any instant
        self._due: deque[Key] = deque()  # to be released

    def forked(self) -> None:
        """In a child process: the connection is the parent's, and so are its pins."""
        if self._connection:
            self._connection.close()
            self._connection = None
        self._reset()

    def close(self) -> None:
        """Ends the connection, for good."""
        with self._lock:
            self._closed = True
            if self._connection:
                self._connection.close()

    def run(self, request: Request[T], again: bool = True) -> T:
        """Runs a request on the connection; once more on a new one if that was lost.

        again: whether a request that the daemon may have got may be repeated.
        """
        try:
            with self._lock:
                if self._busy:
                    raise Busy("a signal handler must not use a client that is in use")
                self._busy = True
                try:
                    return self._attempt(request, again)
                finally:
                    self._busy = False
        finally:
            self.tidy()

    def _attempt(self, request: Request[T], again: bool) -> T:
        deadline = deadline_after(self.timeout)
        try:
            return self._request(request, deadline)
        except ConnectionLost as lost:
            if self._closed or (lost.sent and not again):
                raise
        return self._request(request, deadline)

    def _request(self, request: Request[T], deadline: float | None) -> T:
        connection = self._connected(deadline)
        connection.settle(deadline)
        try:
            return request(connection, deadline)
        finally:
            connection.discard()

    def _connected(self, deadline: float | None) -> Connection:
        if self._closed:
            raise ConnectionLost("the client is closed", sent=False)
        if self._connection and not self._connection.broken:
            return self._connection
        if self._connection:
            self._connection.close()
        self._connection = Connection(self.path, deadline)
        self._due.clear()
        for key, pin in list(self._pins.items()):
            self._pin_again(self._connection, key, pin, deadline)
        return self._connection

    def _pin_again(
        self, connection: Connection, key: Key, pin: _Pin, deadline: float | None
    ) -> None:
        """Takes a pin on a new connection, if the image is still there as it was."""
        what = {"format": key.format, "width": key.width, "height": key.height}
        text = wire.line("FETCH", name=key.name, owner=pin.owner, **what)
        try:
            connection.send(text, deadline)
            found = connection.answer(deadline)
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
            # Of that there may be another size by the same box.
            newer = key._replace(generation=generation, width=width, height=height)
            self._due.append(newer)

    # ---- Pins ----

    def pinned(self, key: Key, owner: int, mapping: ctypes.Array[ctypes.c_ubyte]) -> None:
        """Keeps a pin for as long as a mapping lasts. Called within a request."""
        token = next(_tokens)
        self._pins.setdefault(key, _Pin(owner)).tokens.add(token)
        weakref.finalize(mapping, _let_go, weakref.ref(self), key, token).atexit = False

    def unused(self, key: Key) -> None:
        """Lets go of a pin that nothing came of. Called within a request."""
        self._due.append(key)

    def forget(self, key: Key) -> None:
        """The daemon has let go of a pin. Called within a request."""
        self._pins.pop(key, None)

    def gone(self, key: Key, token: int) -> None:
        """A mapping is no more. Called by the garbage collector: in any thread, at any time."""
        self._gone.append((key, token))
        self.tidy()

    def tidy(self) -> None:
        """Tells the daemon of pins that nobody needs any more, if that can be done at once.

        Whoever has the lock does it when they are done, so that none is forgotten.
        """
        while (self._gone or self._due) and self._lock.acquire(blocking=False):
            try:
                if self._busy or self._closed or not self._connection:
                    return
                self._busy = True
                try:
                    if not self._release(self._connection):
                        return
                finally:
                    self._busy = False
            finally:
                self._lock.release()

    def _release(self, connection: Connection) -> bool:
        while self._gone:
            key, token = self._gone.popleft()
            pin = self._pins.get(key)
            if not pin or token not in pin.tokens:
                continue
            pin.tokens.discard(token)
            if not pin.tokens:
                del self._pins[key]
                self._due.append(key)
        while self._due:
            # Somebody may have taken it anew; there is one pin, however often one asks.
            if self._due[0] not in self._pins:
                if not connection.send_and_forget(self._due[0].release()):
                    return False
            self._due.popleft()
        return True


def _let_go(session: weakref.ref[Session], key: Key, token: int) -> None:
    found = session()
    if found:
        found.gone(key, token)


def _after_fork() -> None:
    for session in list(_sessions):
        session.forked()


os.register_at_fork(after_in_child=_after_fork)
