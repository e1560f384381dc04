"""The client: one call for each command of shmimg-protocol(7)."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, NamedTuple

from . import records, segment, source, wire
from .connection import Connection
from .errors import BadSegment, InvalidArgument, ProtocolError
from .image import Image
from .records import Record
from .segment import ImageReply
from .semaphore import Lock
from .session import Key, Session
from .source import Source
from .trust import default_path
from .watching import Watch


LIST_PART = 256  # images that one request lists

Owner = int | Literal["any"] | None


class _Wanted(NamedTuple):
    """The size and the owner of the image that a call is about."""

    width: int | None
    height: int | None
    owner: Owner = None


def _rendition(
    format: str | None, width: int | None, height: int | None
) -> dict[str, str | int | None]:
    """The keys of a rendition. Raises InvalidArgument for an invalid size."""
    for side in (width, height):
        if side is not None and not 0 < side < 2**31:
            raise InvalidArgument("width and height must be from 1 to 2147483647")
    return {"format": format, "width": width, "height": height}


def _key(reply: ImageReply) -> Key:
    size = (reply.width, reply.height)
    return Key(reply.name, reply.format.word, *size, reply.generation)


class Client:
    """A connection to the daemon, as connect() makes it.

    Threads may share one: a request does not wait for those of other threads. After a fork the
    child's client makes its own connection. If the connection is lost, the client connects again,
    once, and pins its images again. shmimg.errors has the exceptions. A request that failed has
    changed nothing.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, timeout: float | None = None):
        """Connects to the daemon: see connect()."""
        where = default_path() if path is None else os.fspath(path)
        self._session = Session(where, timeout)
        # At the end of the process the kernel closes it; do not wait for other threads.
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
        """Closes the connection, after the requests of other threads.

        The daemon releases the pins. Images that you have stay valid.
        """
        self._session.close()

    @property
    def path(self) -> str:
        """The path of the daemon's socket."""
        return self._session.path

    @property
    def timeout(self) -> float | None:
        """Seconds after which a request raises Timeout; None means no limit."""
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
        """Decodes a file, unless it is decoded already and has not changed.

        file is a path, an open file, or a descriptor of a regular file that is open for
        reading; its position is neither used nor changed. A path is opened in this process, so
        your own permission to read the file counts. A file object without a descriptor is
        copied into memory first.

        name is the name of the image; the default is that of name_of_path(). format is RGBA8
        (the default), BGRA8-premul, RGB8, GRAY8, RGBA16, GRAY16, or native, the format nearest
        to the file. share is who may fetch the image besides its owner: private (the default,
        nobody), group or all. keep is how long the image stays while nobody uses it: cache
        (the default) until the memory is needed, pinned until drop(), attached not at all.

        watch is whether the daemon loads the file again whenever it changes, until the image
        is dropped: True, False, or None to keep the current setting. With True, file must be a
        path, and the daemon opens it: the daemon must have your uid, or everybody must be able
        to read the file.

        width and height are the size of a box. The picture is scaled down to fit into it, and
        keeps its aspect ratio. It is never enlarged. Each may be left out. All sizes and
        formats of an image exist side by side.
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
        owner: Owner = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Image:
        """Finds an image by its name. Some program must have loaded it before.

        With width or height you get the rendition that load() made with the same box; without
        them, the largest. Without format you get RGBA8 if the largest rendition exists in it,
        else a format that exists. Raises NotFound if the image does not exist or you may not
        access it.

        owner is the uid of the image's owner; without it you get only your own image. With
        "any" you get your own image, but if you have none of this name, one that another user
        shares: of several the one whose owner has the lowest uid. Image.owner tells whose it is.
        """
        options = _rendition(format, width, height)
        text = wire.line("FETCH", name=wire.check_name(name), owner=owner, **options)
        return self._obtain(text, name, _Wanted(width, height, owner), None)

    def release(self, image: Image) -> None:
        """Tells the daemon that this client no longer needs an image.

        This is for all Image objects of the same rendition. It happens by itself when they and
        all views on them are gone. The image stays mapped. Raises NotFound if the client has no
        pin on it.
        """
        key = Key(image.name, image.format, image.width, image.height, image.generation)

        def ask(connection: Connection, deadline: float | None) -> None:
            known = self._session.forget(key)
            # A pin that the client knows is released without waiting for the answer.
            if not (known and connection.can("quiet") and connection.post(key.release())):
                connection.ask(key.release(), deadline)

        self._session.run(ask)

    def drop(self, name: str, owner: Owner = None) -> None:
        """Removes an image. Programs that use it can keep using it. Only its owner may do this."""
        text = wire.line("DROP", name=wire.check_name(name), owner=owner)
        # Never repeated: after the first time, the name may belong to a new image.
        self._session.run(lambda *where: _ask(text, *where), again=False)

    def lock(self, image: Image, timeout: float | None = None) -> Lock:
        """The lock of an image, as Image.lock(): "with client.lock(image): ..."."""
        return image.lock(timeout)

    # ---- Queries ----

    def stat(
        self,
        name: str,
        format: str | None = None,
        owner: Owner = None,
        width: int | None = None,
        height: int | None = None,
    ) -> Record:
        """Describes the image that fetch() would find, without a pin. Keys are those of STAT."""
        options = _rendition(format, width, height)
        text = wire.line("STAT", name=wire.check_name(name), owner=owner, **options)
        return records.record(self._session.run(lambda *where: _ask(text, *where)))

    def list(self, match: str | None = None) -> Iterator[Record]:
        """Describes each image that you can access, as stat() does, in order of their names.

        match is a glob for the whole name: '*' stands for any bytes, '?' for one character,
        '[a-z]' for one of these characters. Long lists come in parts, as you iterate.
        """
        # The first part now, so that an error is raised by this call.
        return self._list_on(match, *self._list_part(match, {}))

    def _list_on(
        self, match: str | None, found: list[dict[str, str]], more: bool
    ) -> Iterator[Record]:
        while True:
            yield from map(records.record, found)
            if not more or not found:
                return
            after = {"after": found[-1]["name"], "owner": found[-1]["owner"]}
            found, more = self._list_part(match, after)

    def _list_part(
        self, match: str | None, after: dict[str, str]
    ) -> tuple[list[dict[str, str]], bool]:
        """A part of a list, and whether another one follows."""

        def ask(
            connection: Connection, deadline: float | None
        ) -> tuple[list[dict[str, str]], bool]:
            limit = LIST_PART if connection.can("cursor") else None
            text = wire.line("LIST", match=match, limit=limit, **after)
            found, end = connection.items(text, deadline)
            more = limit is not None and end.get("more") == "yes"
            if more and not _goes_on(found, after):
                raise ProtocolError("the daemon's list is malformed")
            return found, more

        return self._session.run(ask)

    def stats(self) -> Record:
        """The daemon's counters. The keys are those of STATS."""
        text = wire.line("STATS")
        return records.counters(self._session.run(lambda *where: _ask(text, *where)))

    def watch(self, match: str | None = None, initial: bool = False) -> Watch:
        """The events of images from now on: an iterator that waits for each Event.

        match is a glob as in list(). With initial, the events begin with the images that are there:
        one of type loaded for each, then one of type listed. No change is missed in between.
        """
        return Watch(self.path, match, self.timeout, initial)

    # ---- Mapping ----

    def _obtain(self, text: bytes, name: str, wanted: _Wanted, fd: int | None) -> Image:
        """Sends LOAD or FETCH and maps the image of the reply."""

        def ask(connection: Connection, deadline: float | None) -> Image:
            reply = _image_reply(connection, connection.ask(text, deadline, fd), name)
            try:
                segment_fd = segment.open_segment(reply.segment)
            except (FileNotFoundError, PermissionError):
                # This process cannot open it by its name, for example in a container.
                return self._obtain_descriptor(connection, reply, wanted, deadline)
            except OSError:
                self._session.unused(_key(reply))
                raise
            return self._map(connection, segment_fd, reply)

        return self._session.run(ask, name=name)

    def _obtain_descriptor(
        self, connection: Connection, old: ImageReply, wanted: _Wanted, deadline: float | None
    ) -> Image:
        """Asks for the segment's descriptor. This reply may be of a newer generation."""
        self._session.unused(_key(old))
        what = {"format": old.format.word, "fd": "yes", **wanted._asdict()}
        if wanted.owner == "any":
            what["owner"] = old.owner  # it might find another image by now
        text = wire.line("FETCH", name=old.name, **what)
        values, segment_fd = connection.ask_descriptor(text, deadline)
        values["cached"] = "yes" if old.cached else "no"
        try:
            reply = _image_reply(connection, values, old.name)
        except BaseException:
            if segment_fd is not None:
                os.close(segment_fd)
            raise
        if segment_fd is None:
            self._session.unused(_key(reply))
            raise BadSegment("the daemon did not send the segment's descriptor")
        return self._map(connection, segment_fd, reply)

    def _map(self, connection: Connection, segment_fd: int, reply: ImageReply) -> Image:
        """Checks and maps an open segment, and closes it."""
        key = _key(reply)
        makers = (connection.peer, connection.uid)
        try:
            header, maker = segment.check(segment_fd, reply, makers)
            mapping = segment.map_segment(segment_fd, reply.size)
        except BaseException:
            self._session.unused(key)
            raise
        finally:
            os.close(segment_fd)
        self._session.pinned(key, header.owner, mapping)
        return Image._of(reply, header, maker, mapping)


def _goes_on(found: list[dict[str, str]], after: dict[str, str]) -> bool:
    """Whether a part of a list has an end to go on from, which is not where it began."""
    last = found[-1] if found else {}
    if "name" not in last or "owner" not in last:
        return False
    return (last["name"], last["owner"]) != (after.get("after"), after.get("owner"))


def _ask(text: bytes, connection: Connection, deadline: float | None) -> dict[str, str]:
    return connection.ask(text, deadline)


def _image_reply(connection: Connection, values: dict[str, str], name: str) -> ImageReply:
    """Reads a reply about an image. After an invalid one the connection is not used again."""
    try:
        return ImageReply.of_values(values, name)
    except BaseException:
        connection.broken = True
        raise


def connect(
    path: str | os.PathLike[str] | None = None, timeout: float | None = None
) -> Client:
    """Connects to the daemon whose socket is at path.

    Without a path, the first of these that applies is used: $SHMIMG_SOCKET, if it is set;
    $XDG_RUNTIME_DIR/shmimgd/socket, if it exists; /run/shmimgd/socket. timeout, in seconds,
    limits this and every later request, including the time to decode; None means no limit.
    Raises NoDaemon if no daemon answers, or if one answers that is another user's whom you do not
    trust: libshmimg(3), TRUST. A folder XDG_RUNTIME_DIR that is not your own is ignored.
    """
    if timeout is not None and timeout < 0:
        raise InvalidArgument("a timeout must not be negative")
    return Client(path, timeout)
