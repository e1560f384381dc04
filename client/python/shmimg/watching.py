"""WATCH: events of images as they come, on a connection of their own."""

from __future__ import annotations

from types import TracebackType
from typing import NamedTuple

from . import wire
from .connection import Connection, deadline_after
from .errors import ProtocolError


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

    Ends with close() or "with"; raises ConnectionLost when the daemon ends. It belongs to
    one thread at a time, and not to the children of a process that forks.
    """

    def __init__(self, path: str, match: str | None, timeout: float | None):
        deadline = deadline_after(timeout)
        self._connection = Connection(path, deadline)
        try:
            self._connection.send(wire.line("WATCH", match=match), deadline)
            self._connection.answer(deadline)
        except BaseException:
            self.close()
            raise

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
        """The next event, or None when none comes within timeout seconds or it was closed."""
        deadline = deadline_after(timeout)
        if self._connection.fileno() < 0 or not self._connection.arrived(deadline):
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

        Take all that there are by wait(0) until it returns None.
        """
        return self._connection.fileno()

    def close(self) -> None:
        """Ends it."""
        self._connection.close()
