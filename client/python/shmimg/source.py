"""Sources of load(): a path, a file object or a descriptor; and the name of the image.

Opens files only for reading, with the caller's own permissions.
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
    """The name that load() gives to a file without a name of its own.

    It is the absolute path. Links in its folders are resolved; a link in its last part is not.
    shmimgctl(1) and libshmimg(3) use the same name. The file need not exist.
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
    """The name of an image from its source; InvalidArgument if the source has no path."""
    found = source if _is_path(source) else getattr(source, "name", None)
    if not isinstance(found, (str, bytes, os.PathLike)):
        raise InvalidArgument("this file has no path; give a name")
    return name_of_path(found)


def path_to_watch(source: Source) -> str:
    """The absolute path of a file for the daemon to follow."""
    if not isinstance(source, (str, bytes, os.PathLike)):
        raise InvalidArgument("the daemon cannot follow an open file; give its path")
    return name_of_path(source)


def _copy(file: IO[Any]) -> int:
    """Copies a file without a descriptor, such as io.BytesIO, to one with a descriptor."""
    fd = os.memfd_create("shmimg")
    try:
        with open(fd, "wb", closefd=False) as copy:
            copy.write(file.read())
    except BaseException:
        os.close(fd)
        raise
    return fd


def _descriptor(source: Source) -> tuple[int, bool]:
    """A descriptor to read from, and whether to close it."""
    if isinstance(source, (str, bytes, os.PathLike)):
        # O_NONBLOCK: opening a FIFO must not wait. Regular files are not affected.
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
    """A descriptor of a regular file, until the end of the context."""
    fd, own = _descriptor(source)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise InvalidArgument(f"{source!r} is not a regular file")
        yield fd
    finally:
        if own:
            os.close(fd)
