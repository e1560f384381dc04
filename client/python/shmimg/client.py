"""The client: each command of shmimg-protocol(7) as a call."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import NamedTuple

from . import records, segment, source, wire
from .connection import Connection, default_path
from .errors import BadSegment, InvalidArgument, NotFound
from .image import Image
from .records import Record
from .segment import Promise
from .semaphore import Lock
from .session import Key, Session
from .source import Source
from .watching import Watch


class _Wanted(NamedTuple):
    """Which rendition of whose image a call is about, besides its name and format."""

    width: int | None
    height: int | None
    owner: int | None = None


def _rendition(
    format: str | None, width: int | None, height: int | None
) -> dict[str, str | int | None]:
    """The keys of a rendition; a size that is none is refused before the daemon hears of it."""
    for side in (width, height):
        if side is not None and not 0 < side < 2**31:
            raise InvalidArgument("width and height must be from 1 to 2147483647")
    return {"format": format, "width": width, "height": height}


def _key(promise: Promise) -> Key:
    size = (promise.width, promise.height)
    return Key(promise.name, promise.format.word, *size, promise.generation)


class Client:
    """A connection to the daemon, as connect() makes it.

    Threads may share one: requests are served one after the other. After a fork the child's
    has a connection of its own. A connection that was lost is made anew, once, and takes the
    pins again. What is raised is in shmimg.errors; failed requests change nothing.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, timeout: float | None = None):
        """Connects to the daemon: see connect()."""
        where = default_path() if path is None else os.fspath(path)
        self._session = Session(where, timeout)
        # The end of the process closes it too, and waits for no other thread.
        weakref.finalize(self, self._session.close).atexit = False

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<shmimg.Client of {self.path}>"

    def close(self) -> None:
        """Ends the connection, after what other threads have under way.

        The daemon lets go of its pins. Images stay as they are.
        """
        self._session.close()

    @property
    def path(self) -> str:
        """The socket of the daemon."""
        return self._session.path

    @property
    def timeout(self) -> float | None:
        """Seconds that a request may take before it raises Timeout; None for any time."""
        return self._session.timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._session.timeout = seconds

    # ---- Images ----

    def load(
        self,
        file: Source,
        name: str | None = None,
        format: str | None = None,
        share: str | None = None,
        keep: str | None = None,
        watch: bool | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Image:
        """Has a file decoded, unless that has been done and the file has not changed.

        file is a path, an open file, or a descriptor of a regular file open for reading,
        whose position is neither used nor moved. It is opened here, so that the caller's own
        permissions decide. A file object without a descriptor is copied into memory first.

        name is what the image will be called, by default what name_of_path() says. format is
        RGBA8 (the default), BGRA8-premul, RGB8, GRAY8, RGBA16, GRAY16, or native, the one
        that is nearest to the file. share says who may fetch the image besides its owner:
        private (the default), group or all. keep says how long it stays when nobody uses it:
        cache (the default) until its room is needed, pinned until drop(), attached not at all.

        watch says whether the daemon is to load the file by itself whenever it changes, until
        the image is dropped: True, False, or None to leave it as it is. With True file must be
        a path, and the daemon opens it: it must have the caller's uid, or the file must be
        readable by everybody.

        width and height are those of a box: the picture is made smaller, with its aspect kept,
        so that it fits in; each may be left out, and nothing is ever made larger. All sizes
        and formats of an image are there side by side.
        """
        if name is None:
            name = source.default_name(file)
        options = _rendition(format, width, height)
        options.update(name=wire.check_name(name), share=share, keep=keep)
        if watch:
            text = wire.line("LOAD", path=source.path_to_watch(file), watch="yes", **options)
            return self._obtain(text, name, _Wanted(width, height), None)
        if watch is not None:
            options["watch"] = "no"
        text = wire.line("LOAD", source="fd", **options)
        with source.opened(file) as fd:
            return self._obtain(text, name, _Wanted(width, height), fd)

    def fetch(
        self,
        name: str,
        format: str | None = None,
        owner: int | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Image:
        """Finds an image that somebody has loaded, by its name.

        With width or height it is the rendition that load() with these has made; without, the
        largest. Without format it comes in RGBA8 if that is as large, else in whichever is.
        One's own image of the name is found first, then one that somebody else shares; owner,
        a uid, says whose it must be. Raises NotFound for what is not there or not to be seen.
        """
        options = _rendition(format, width, height)
        text = wire.line("FETCH", name=wire.check_name(name), owner=owner, **options)
        return self._obtain(text, name, _Wanted(width, height, owner), None)

    def release(self, image: Image) -> None:
        """Tells the daemon that this client no longer needs an image, nor what equals it.

        It is done by itself when the image and all views on it are gone. What is mapped stays
        so. Raises NotFound when the client has no pin on it (any more).
        """
        key = Key(image.name, image.format, image.width, image.height, image.generation)

        def ask(connection: Connection, deadline: float | None) -> None:
            connection.send(key.release(), deadline)
            try:
                connection.answer(deadline)
            except NotFound:
                self._session.forget(key)
                raise
            self._session.forget(key)

        self._session.run(ask)

    def drop(self, name: str, owner: int | None = None) -> None:
        """Removes an image; who uses it keeps it. Its owner alone may do that."""
        text = wire.line("DROP", name=wire.check_name(name), owner=owner)
        # A name that was dropped may be another image's by now: never twice.
        self._session.run(lambda *where: _ask(text, *where), again=False)

    def lock(self, image: Image, timeout: float | None = None) -> Lock:
        """The lock of an image: "with client.lock(image): ...". As Image.lock()."""
        return image.lock(timeout)

    # ---- Asking ----

    def stat(
        self,
        name: str,
        format: str | None = None,
        owner: int | None = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Record:
        """Describes an image, as fetch() finds it, and pins nothing. Keys are those of STAT."""
        options = _rendition(format, width, height)
        text = wire.line("STAT", name=wire.check_name(name), owner=owner, **options)
        return records.record(self._session.run(lambda *where: _ask(text, *where)))

    def list(self, match: str | None = None) -> Iterator[Record]:
        """Describes each image that one may see, in the order of names, as stat() does.

        match: a glob for the whole name; '*' any bytes, '?' a character, '[a-z]' one of these.
        """
        text = wire.line("LIST", match=match)

        def ask(connection: Connection, deadline: float | None) -> Iterator[dict[str, str]]:
            connection.send(text, deadline)
            return iter(connection.items(deadline))

        return map(records.record, self._session.run(ask))

    def stats(self) -> Record:
        """The daemon's counters. Keys are those of STATS."""
        text = wire.line("STATS")
        return records.counters(self._session.run(lambda *where: _ask(text, *where)))

    def watch(self, match: str | None = None) -> Watch:
        """What becomes of images from now on: an iterator of Event that waits for each.

        match: as of list().
        """
        return Watch(self.path, match, self.timeout)

    # ---- Mapping ----

    def _obtain(self, text: bytes, name: str, wanted: _Wanted, fd: int | None) -> Image:
        """Sends LOAD or FETCH and maps what it promises."""

        def ask(connection: Connection, deadline: float | None) -> Image:
            connection.send(text, deadline, fd)
            promise = _promise(connection, name, deadline)
            try:
                place = segment.open_segment(promise.segment)
            except (FileNotFoundError, PermissionError):
                # Not where this process looks for it, as in a container.
                return self._obtain_descriptor(connection, promise, wanted, deadline)
            except OSError:
                self._session.unused(_key(promise))
                raise
            return self._map(connection, place, promise)

        return self._session.run(ask)

    def _obtain_descriptor(
        self, connection: Connection, old: Promise, wanted: _Wanted, deadline: float | None
    ) -> Image:
        """Asks for the segment's descriptor. What is promised may be newer by now."""
        self._session.unused(_key(old))
        what = {"format": old.format.word, "fd": "yes", **wanted._asdict()}
        text = wire.line("FETCH", name=old.name, **what)
        connection.send(text, deadline)
        promise = _promise(connection, old.name, deadline, old.cached)
        place = connection.take_descriptor()
        if place is None:
            self._session.unused(_key(promise))
            raise BadSegment("the daemon sent no descriptor of the segment")
        return self._map(connection, place, promise)

    def _map(self, connection: Connection, place: int, promise: Promise) -> Image:
        """Checks and maps an open segment, and closes it."""
        key = _key(promise)
        makers = (connection.peer, connection.uid)
        try:
            header, maker = segment.check(place, promise, makers)
            mapping = segment.map_segment(place, promise.size)
        except BaseException:
            self._session.unused(key)
            raise
        finally:
            os.close(place)
        self._session.pinned(key, header.owner, mapping)
        return Image._of(promise, header, maker, mapping)


def _ask(text: bytes, connection: Connection, deadline: float | None) -> dict[str, str]:
    connection.send(text, deadline)
    return connection.answer(deadline)


def _promise(
    connection: Connection, name: str, deadline: float | None, cached: bool | None = None
) -> Promise:
    """The promise of an answer; a daemon that makes a bad one is not spoken to any more."""
    values = connection.answer(deadline)
    if cached is not None:
        values["cached"] = "yes" if cached else "no"
    try:
        return Promise.of_answer(values, name)
    except BaseException:
        connection.broken = True
        raise


def connect(
    path: str | os.PathLike[str] | None = None, timeout: float | None = None
) -> Client:
    """Connects to the daemon whose socket is at path.

    By default that is $SHMIMG_SOCKET if it is set; else the user's,
    $XDG_RUNTIME_DIR/shmimgd/socket, if there is one; else the system's,
    /run/shmimgd/socket. timeout, in seconds, bounds this and every later request, that for
    decoding too; None waits for as long as it takes. Raises NoDaemon when nobody answers.
    """
    if timeout is not None and timeout < 0:
        raise InvalidArgument("a timeout must not be negative")
    return Client(path, timeout)
