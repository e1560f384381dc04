"""The default client of the process, which is made at its first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

from .client import Client, Owner
from .image import Image
from .records import Record
from .source import Source
from .watching import Watch


class _Holder:
    """Makes one client, in the first thread that needs it, and keeps it until close()."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Client | None = None
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        # Another thread of the parent may have held it.
        self._lock = threading.Lock()

    def get(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = Client()
            return self._client

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client:
            client.close()


_holder = _Holder()


def default_client() -> Client:
    """The client of load(), fetch() and the other functions: connect() without arguments."""
    return _holder.get()


def close() -> None:
    """Closes the default client; its next use makes a new one."""
    _holder.close()


def load(
    file: Source,
    name: str | None = None,
    format: str | None = None,
    share: str | None = None,
    keep: str | None = None,
    watch: bool | None = None,
    width: int | None = None,
    height: int | None = None,
) -> Image:
    """Decodes a file, once for all programs: see Client.load()."""
    return default_client().load(file, name, format, share, keep, watch, width, height)


def fetch(
    name: str,
    format: str | None = None,
    owner: Owner = None,
    width: int | None = None,
    height: int | None = None,
) -> Image:
    """Finds an image by its name: see Client.fetch()."""
    return default_client().fetch(name, format, owner, width, height)


def release(image: Image) -> None:
    """Tells the daemon that an image is no longer needed: see Client.release()."""
    default_client().release(image)


def drop(name: str, owner: Owner = None) -> None:
    """Removes an image: see Client.drop()."""
    default_client().drop(name, owner)


def stat(
    name: str,
    format: str | None = None,
    owner: Owner = None,
    width: int | None = None,
    height: int | None = None,
) -> Record:
    """Describes an image: see Client.stat()."""
    return default_client().stat(name, format, owner, width, height)


def list(match: str | None = None) -> Iterator[Record]:
    """Describes each image that you can access: see Client.list()."""
    return default_client().list(match)


def stats() -> Record:
    """The daemon's counters: see Client.stats()."""
    return default_client().stats()


def watch(match: str | None = None, initial: bool = False) -> Watch:
    """The events of images from now on: see Client.watch()."""
    return default_client().watch(match, initial)
