"""WATCH: events of images as they come, on a connection of their own."""

from __future__ import annotations

import time
from types import TracebackType
from typing import NamedTuple

from . import wire
from .connection import Connection, deadline_after
from .errors import ConnectionLost, NoDaemon, ProtocolError

# Seconds in which a daemon is back if it will be, where no timeout says so; and the first and
# the longest pause between two tries: that a daemon listens is no event to wait for.
PATIENCE = 5.0
PAUSE_FIRST, PAUSE_MAX = 0.001, 0.1


class Event(NamedTuple):
    """What became of an image."""

    type: str
    """loaded, changed, evicted, dropped; or overflow: events were lost, see Client.list()."""
    name: str | None
    """Of the image; None with overflow, as are all that follow."""
    generation: int | None
    """Of the image, that is now there or was."""
    owner: int | None
    """The uid of whose it is or was."""


class Watch:
    """Events from its making on, as an iterator that waits for each.

    When the daemon has gone it watches the next one, and says so by an event of type
    overflow, since nobody knows what happened between the two. It waits for that as long as
    its client's timeout says, or five seconds; then it raises NoDaemon, and the next call
    tries again. Ends with close() or "with". It belongs to one thread at a time, and not to
    the children of a process that forks.
    """

    def __init__(self, path: str, match: str | None, timeout: float | None):
        self._path = path
        self._request = wire.line("WATCH", match=match)
        self._timeout = timeout
        self._closed = False
        self._connection = self._connect(deadline_after(timeout))

    def _connect(self, deadline: float | None) -> Connection:
        connection = Connection(self._path, deadline)
        try:
            connection.send(self._request, deadline)
            connection.answer(deadline)
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
        """The next event, or None when none comes within timeout seconds or it was closed.

        A daemon that has gone is waited for beyond that.
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
        if not self._connection.arrived(deadline):
            return None
        verb, values = self._connection.receive(deadline)
        if verb != "EVENT":
            raise ProtocolError("the daemon's line is no event")
        return Event(
            values.get("type", ""),
            values.get("name"),
            wire.number(values.get("generation"), 2**64 - 1),
            wire.number(values.get("owner"), 2**32 - 1),
        )

    def fileno(self) -> int:
        """For select() and event loops: readable when an event comes, or the daemon ends.

        Take all that there are by wait(0) until it returns None, and ask for the number then:
        the next daemon's is another one. Below 0 while there is none.
        """
        return self._connection.fileno()

    def close(self) -> None:
        """Ends it."""
        self._closed = True
        self._connection.close()
