"""Decoded images in shared memory, from the daemon shmimgd(8).

    import shmimg

    image = shmimg.load("photo.jpg")    # decoded once, for all programs
    image.array                         # a read-only NumPy view on the shared pixels

The manual page is shmimg-python(3). NumPy and PIL are imported only when you use them.
"""

from .client import Client, connect
from .errors import (
    BadSegment,
    Busy,
    Cancelled,
    ConnectionLost,
    DecoderFailed,
    Error,
    InternalError,
    InvalidArgument,
    LockGone,
    NoDaemon,
    NoPermission,
    NoSpace,
    NotAnImage,
    NotFound,
    OverQuota,
    ProtocolError,
    Timeout,
    TooLarge,
    Unsupported,
)
from .image import Image
from .records import Record
from .semaphore import Lock
from .shared import close, default_client, drop, fetch, list, load, release, stat, stats, watch
from .source import name_of_path
from .watching import Event, Watch

__version__ = "0.1.0"

__all__ = [
    "BadSegment",
    "Busy",
    "Cancelled",
    "Client",
    "ConnectionLost",
    "DecoderFailed",
    "Error",
    "Event",
    "Image",
    "InternalError",
    "InvalidArgument",
    "Lock",
    "LockGone",
    "NoDaemon",
    "NoPermission",
    "NoSpace",
    "NotAnImage",
    "NotFound",
    "OverQuota",
    "ProtocolError",
    "Record",
    "Timeout",
    "TooLarge",
    "Unsupported",
    "Watch",
    "close",
    "connect",
    "default_client",
    "drop",
    "fetch",
    "list",
    "load",
    "name_of_path",
    "release",
    "stat",
    "stats",
    "watch",
]
