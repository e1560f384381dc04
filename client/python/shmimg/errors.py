"""The exceptions: one for each error code of shmimg-protocol(7), and a few more.

All are shmimg.Error, which is an OSError: errno has the values of libshmimg(3).
"""

from __future__ import annotations

import errno


class Error(OSError):
    """The base of all errors of the daemon, its images and their segments.

    code is the daemon's error code, such as "not-found", or None if the daemon did not refuse
    the request. details has what else the daemon says for programs: see ERROR CODES of
    shmimg-protocol(7). An argument of a wrong type raises TypeError. A file that cannot be opened
    raises the error of open().
    """

    number = errno.EREMOTEIO
    word: str | None = None

    def __init__(self, message: str, number: int | None = None, code: str | None = None):
        super().__init__(number or type(self).number, message)
        self.code = code
        self.details: dict[str, str] = {}

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[type[Error], tuple[object, ...], dict[str, object]]:
        return type(self), (str(self), self.errno, self.code), {"details": self.details}


class NotFound(Error, FileNotFoundError):
    """The image does not exist, or you may not access it, or this client has no pin on it."""

    number, word = errno.ENOENT, "not-found"


class NoPermission(Error, PermissionError):
    """You may not do this: ask the image's owner to share it."""

    number, word = errno.EACCES, "no-permission"


class InvalidArgument(Error, ValueError):
    """A value is missing or invalid; the message names it."""

    number, word = errno.EINVAL, "invalid-argument"


class NotAnImage(Error, ValueError):
    """The file is not a JPEG, PNG or XPM file, or it is damaged or incomplete."""

    number, word = errno.EILSEQ, "not-an-image"


class TooLarge(Error):
    """The picture has more pixels than the daemon decodes."""

    number, word = errno.EFBIG, "too-large"


class NoSpace(Error):
    """Shared memory is full, and no image in it may be evicted."""

    number, word = errno.ENOSPC, "no-space"


class OverQuota(Error):
    """You have reached a limit: release or drop images."""

    number, word = errno.EDQUOT, "over-quota"


class Busy(Error):
    """The daemon is too busy: try again later."""

    number, word = errno.EBUSY, "busy"


class Timeout(Error, TimeoutError):
    """The daemon's reply or the image's lock did not come in time."""

    number, word = errno.ETIMEDOUT, "timeout"


class DecoderFailed(Error):
    """The file is damaged after its header, or the decoder crashed on it."""

    number, word = errno.EIO, "decoder-failed"


class Unsupported(Error):
    """The daemon does not know a command or a key of the request: it may be too old."""

    number, word = errno.ENOTSUP, "unsupported"


class Cancelled(Error):
    """The request was cancelled before it was done."""

    number, word = errno.ECANCELED, "cancelled"


class ProtocolError(Error):
    """The daemon and the client do not use the same protocol."""

    number, word = errno.EPROTO, "protocol"


class InternalError(Error):
    """The daemon failed, and the client is not the cause: see the daemon's log."""

    number, word = errno.EREMOTEIO, "internal"


class NoDaemon(Error, ConnectionError):
    """No daemon answers at the socket, or one of a user whom this client does not trust.

    errno is that of connect(2), or EPERM for a daemon that is not trusted.
    """

    number = errno.ECONNREFUSED


class ConnectionLost(Error, ConnectionError):
    """The daemon closed the connection, and the request was not made on another one."""

    number = errno.ECONNRESET

    def __init__(self, message: str, number: int | None = None, code: str | None = None,
                 sent: bool = True):
        super().__init__(message, number, code)
        self.sent = sent  # whether the daemon may have got the request


class BadSegment(Error):
    """The segment does not agree with the daemon's reply, and is not used."""

    number = errno.EBADMSG


class LockGone(Error):
    """The image and its semaphore no longer exist, or they are in another IPC namespace."""

    number = errno.EIDRM


_BY_WORD: dict[str, type[Error]] = {
    kind.word: kind for kind in Error.__subclasses__() if kind.word is not None
}


def of_answer(values: dict[str, str]) -> Error:
    """The exception for a reply ERR."""
    code = values.get("code", "")
    if code not in _BY_WORD:
        return ProtocolError("the daemon's error code is unknown")
    error = _BY_WORD[code](values.get("message") or code, code=code)
    error.details = {key: values[key] for key in values if key not in ("code", "message", "id")}
    return error
