"""What load() is given: a path, a file object or a descriptor; and what it is called.

Opens for reading only, by the caller's own permissions.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from . import wire
from .errors import InvalidArgument

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Source = Path | int | IO[Any]


def name_of_path(path: Path) -> str:
    """The name under which load() loads a file when it is told none.

    Its absolute path, with the links in its folders resolved, but not in its last part, as
    shmimgctl(1) and libshmimg(3) have it; the file need not exist.
    """
    text = os.fsdecode(path)
    if not text:
        raise InvalidArgument("a name must not be empty")
    folder, last = os.path.split(text.rstrip("/") or "/")
    if last in ("", ".", ".."):
        return wire.check_name(os.path.realpath(text))
    return wire.check_name(os.path.join(os.path.realpath(folder or "."), last))


def _is_path(source: object) -> bool:
    return isinstance(source, (str, bytes, os.PathLike))


def default_name(source: Source) -> str:
    """What an image is called by its source; ValueError when that does not say it."""
    found = source if _is_path(source) else getattr(source, "name", None)
    if not isinstance(found, (str, bytes, os.PathLike)):
        raise InvalidArgument("what has no path needs a name")
    return name_of_path(found)


def path_to_watch(source: Source) -> str:
    """The absolute path of what the daemon is to open, now and again."""
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise InvalidArgument("watch needs a path: an open file does not change its place")
    return name_of_path(source)


def _copy(file: IO[Any]) -> int:
    """A file without a descriptor, such as io.BytesIO, in memory that can be passed on."""
    fd = os.memfd_create("shmimg")
    try:
        with open(fd, "wb", closefd=False) as copy:
            copy.write(file.read())
    except BaseException:
        os.close(fd)
        raise
    return fd


def _descriptor(source: Source) -> tuple[int, bool]:
    """A descriptor to read from, and whether it is ours to close."""
    if isinstance(source, (str, bytes, os.PathLike)):
        # Opening must not wait, as it would for a FIFO; regular files know no waiting.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        return os.open(source, flags), True
    if isinstance(source, int) and not isinstance(source, bool):
        return source, False
    if not hasattr(source, "read"):
        raise TypeError(f"path, file or descriptor expected, not {type(source).__name__}")
    try:
        return source.fileno(), False
    except (AttributeError, io.UnsupportedOperation):
        return _copy(source), True


@contextmanager
def opened(source: Source) -> Iterator[int]:
    """A descriptor of a regular file, for as long as the context lasts."""
    fd, own = _descriptor(source)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidArgument(f"{source!r} is not a regular file")
        yield fd
    finally:
        if own:
            os.close(fd)
