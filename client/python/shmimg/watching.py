"""WATCH: events of images, on a connection of their own."""

from __future__ import annotations

import time
from types import TracebackType
from typing import NamedTuple

from . import wire
from .connection import Connection, deadline_after
from .errors import ConnectionLost, NoDaemon, ProtocolError

# Seconds to wait for the next daemon without a timeout; and the first and the longest pause
# between two tries. No event tells that a daemon begins to listen.
PATIENCE = 5.0
PAUSE_FIRST, PAUSE_MAX = 0.001, 0.1


class Event(NamedTuple):
    """What happened to an image."""

    type: str
    """loaded, changed, evicted or dropped; or overflow: events were lost, see Client.list().

    With initial, also listed: all images that were there have been reported.
    """
    name: str | None
    """The image's name; None with overflow and listed, as the next two."""
    generation: int | None
    """The image's generation."""
    owner: int | None
    """The uid of the image's owner."""


class Watch:
    """The events of images, as an iterator that waits for each.

    If the daemon has gone, it watches the next daemon and returns an event of type overflow,
    because the events between the two are lost. With initial, the images of the next daemon follow.
    It waits for that daemon until the client's
    timeout, or for five seconds; then it raises NoDaemon, and the next call tries again. It ends
    with close() or "with". It belongs to one thread at a time. It cannot be used in a child
    after a fork.
    """

    def __init__(
        self, path: str, match: str | None, timeout: float | None, initial: bool = False
    ):
        self._path = path
        self._request = wire.line("WATCH", match=match, initial="yes" if initial else None)
        self._timeout = timeout
        self._closed = False
        self._connection = self._connect(deadline_after(timeout))

    def _connect(self, deadline: float | None) -> Connection:
        connection = Connection(self._path, deadline)
        try:
            connection.ask(self._request, deadline)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_again(self) -> None:
        self._connection.close()
        patience = PATIENCE if self._timeout is None else self._timeout
        end = time.monotonic() + patience
        pause = PAUSE_FIRST
        while True:
            try:
                self._connection = self._connect(end)
                return
            except (NoDaemon, ConnectionLost):
                left = end - time.monotonic()
                if left <= 0:
                    raise
                time.sleep(min(pause, left))
                pause = min(2 * pause, PAUSE_MAX)

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Watch:
        return self

    def __next__(self) -> Event:
        event = self.wait()
        if event is None:
            raise StopIteration
        return event

    def wait(self, timeout: float | None = None) -> Event | None:
        """The next event; None if no event comes within timeout seconds, or after close().

        If the daemon has gone, this waits longer, for the next daemon.
        """
        if self._closed:
            return None
        try:
            return self._receive(deadline_after(timeout))
        except ConnectionLost:
            self._connect_again()
            return Event("overflow", None, None, None)
        except ProtocolError:
            self.close()
            raise

    def _receive(self, deadline: float | None) -> Event | None:
        if self._connection.broken:
            raise ConnectionLost("the daemon has gone")
        values = self._connection.event(deadline)
        if values is None:
            return None
        return Event(
            values.get("type", ""),
            values.get("name"),
            wire.number(values.get("generation"), 2**64 - 1),
            wire.number(values.get("owner"), 2**32 - 1),
        )

    def fileno(self) -> int:
        """For select() and event loops: readable when there is an event or the daemon has gone.

        Then call wait(0) until it returns None, and call fileno() again: the connection to the
        next daemon has another number. It is negative while there is no connection.
        """
        return self._connection.fileno()

    def close(self) -> None:
        """Ends the watch."""
        self._closed = True
        self._connection.close()
