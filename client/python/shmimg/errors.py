"""What can go wrong: one exception for each error code of shmimg-protocol(7), and a few more.

All are shmimg.Error, which is an OSError: errno and strerror say the same as in libshmimg(3).
"""

from __future__ import annotations

import errno


class Error(OSError):
    """Whatever this package raises about the daemon, its images and their segments.

    code is the daemon's word such as "not-found", or None when it was not the daemon that
    refused. Wrong types of arguments are TypeError, and files that cannot be opened what
    open() raises.
    """

    number = errno.EREMOTEIO
    word: str | None = None

    def __init__(self, message: str, number: int | None = None, code: str | None = None):
        super().__init__(number or type(self).number, message)
        self.code = code

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[type[Error], tuple[str, int | None, str | None]]:
        return type(self), (str(self), self.errno, self.code)


class NotFound(Error, FileNotFoundError):
    """There is no such image, or one may not see it, or this client has no pin on it."""

    number, word = errno.ENOENT, "not-found"


class NoPermission(Error, PermissionError):
    """One may not do that: ask the image's owner to share it."""

    number, word = errno.EACCES, "no-permission"


class InvalidArgument(Error, ValueError):
    """A value is missing or is not what it must be; the message names it."""

    number, word = errno.EINVAL, "invalid-argument"


class NotAnImage(Error, ValueError):
    """The file is no JPEG, PNG or XPM, or is damaged or cut short."""

    number, word = errno.EILSEQ, "not-an-image"


class TooLarge(Error):
    """The picture has more pixels than the daemon decodes."""

    number, word = errno.EFBIG, "too-large"


class NoSpace(Error):
    """Shared memory is full, and nothing in it may be evicted."""

    number, word = errno.ENOSPC, "no-space"


class OverQuota(Error):
    """One has more of something than one may have: release or drop some."""

    number, word = errno.EDQUOT, "over-quota"


class Busy(Error):
    """The daemon has too much to do at present: try again later."""

    number, word = errno.EBUSY, "busy"


class Timeout(Error, TimeoutError):
    """It did not happen in time: the daemon's answer, or an image's lock."""

    number, word = errno.ETIMEDOUT, "timeout"


class DecoderFailed(Error):
    """The file is damaged behind its header, or the decoder died over it."""

    number, word = errno.EIO, "decoder-failed"


class ProtocolError(Error):
    """Daemon and client do not speak the same protocol."""

    number, word = errno.EPROTO, "protocol"


class InternalError(Error):
    """Something failed in the daemon that is not the client's fault: see its log."""

    number, word = errno.EREMOTEIO, "internal"


class NoDaemon(Error, ConnectionError):
    """Nobody answers at the daemon's socket; errno is that of connect(2)."""

    number = errno.ECONNREFUSED


class ConnectionLost(Error, ConnectionError):
    """The daemon ended the connection, and the request could not be made on another."""

    number = errno.ECONNRESET

    def __init__(self, message: str, number: int | None = None, code: str | None = None,
                 sent: bool = True):
        super().__init__(message, number, code)
        self.sent = sent  # whether the daemon may have got the request


class BadSegment(Error):
    """The segment is not what the daemon promised, and is not used."""

    number = errno.EBADMSG


class LockGone(Error):
    """The image's semaphore was removed with the image, or is out of this process's reach."""

    number = errno.EIDRM


_BY_WORD: dict[str, type[Error]] = {
    kind.word: kind for kind in Error.__subclasses__() if kind.word is not None
}


def of_answer(values: dict[str, str]) -> Error:
    """The exception of an answer ERR."""
    code = values.get("code", "")
    if code not in _BY_WORD:
        return ProtocolError("the daemon's error has no known code")
    return _BY_WORD[code](values.get("message") or code, code=code)
