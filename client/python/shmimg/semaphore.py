"""The lock of an image: its System V semaphore, used through ctypes.

SEM_UNDO makes the kernel give the lock back when its holder dies. Never creates, sets or
removes a semaphore.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import time
from types import TracebackType

from .errors import Error, LockGone, NoPermission, Timeout

_IPC_NOWAIT = 0o4000
_SEM_UNDO = 0x1000
_IPC_STAT = 2
_GETPID, _GETVAL = 11, 12
_CREATOR = 12  # where struct ipc_perm has the creator's uid: key, uid, gid, cuid


class _Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


_libc = ctypes.CDLL(None, use_errno=True)
_libc.semctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
_libc.semtimedop.argtypes = [
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.POINTER(_Timespec),
]


def _failure(number: int) -> Error:
    """The exception of a failed call on a semaphore."""
    if number in (errno.EINVAL, errno.EIDRM, errno.EFBIG):
        return LockGone("the image's semaphore no longer exists, or is in another IPC namespace")
    if number == errno.EACCES:
        return NoPermission("you may not lock this image; ask its owner to share it")
    return Error(os.strerror(number), number)


class Lock:
    """Mutual exclusion between programs that agree to use it; it has one holder at a time.

    Image.lock() makes it, for "with", which raises Timeout (a TimeoutError) if others hold the
    lock for too long. The lock belongs to the process. Threads of one process exclude each other
    too. A process that takes the lock twice waits for itself.
    """

    def __init__(
        self, semaphore: tuple[int, int], maker: int, image: object, timeout: float | None = None
    ):
        self._id, self._index = semaphore
        self._maker = maker
        self._image = image  # keeps the pin: without it, another image may get the semaphore
        self._timeout = timeout

    def __enter__(self) -> Lock:
        self.acquire(self._timeout)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _control(self, index: int, command: int, argument: ctypes.c_void_p | None = None) -> int:
        result: int = _libc.semctl(self._id, index, command, argument)
        if result < 0:
            raise _failure(ctypes.get_errno())
        return result

    def _check(self) -> None:
        """Raises LockGone if the daemon did not make the set.

        Ids of removed sets are used again, and another IPC namespace has other sets with the
        same ids.
        """
        status = ctypes.create_string_buffer(512)
        self._control(0, _IPC_STAT, ctypes.cast(status, ctypes.c_void_p))
        if struct.unpack_from("=I", status, _CREATOR)[0] != self._maker:
            raise _failure(errno.EIDRM)

    def _operate(self, operations: bytes, limit: float | None) -> int:
        """Does all operations at once. Returns 0 or an errno."""
        wait = None
        if limit is not None:
            wait = ctypes.byref(_Timespec(int(limit), int(limit % 1 * 1e9)))
        # struct sembuf has six bytes.
        done = _libc.semtimedop(self._id, operations, len(operations) // 6, wait)
        return ctypes.get_errno() if done < 0 else 0

    def _operation(self, change: int, flags: int) -> bytes:
        return struct.pack("=Hhh", self._index, change, flags)

    def acquire(self, timeout: float | None = None) -> None:
        """Takes the lock within timeout seconds; 0 does not wait, None waits without limit.

        Signal handlers run meanwhile. They do not end the wait unless they raise.
        """
        self._check()
        end = None if timeout is None else time.monotonic() + timeout
        take = self._operation(-1, _SEM_UNDO)
        while True:
            left = None if end is None else max(end - time.monotonic(), 0)
            number = self._operate(take, left)
            if number == 0:
                return
            if number == errno.EAGAIN:
                raise Timeout(f"the lock of the image was not free within {timeout} s")
            if number != errno.EINTR:
                raise _failure(number)

    def release(self) -> None:
        """Gives the lock back; PermissionError if this process does not hold it."""
        self._check()
        # GETPID is the last process that changed the semaphore: the one that took it.
        free = self._control(self._index, _GETVAL) != 0
        if free or self._control(self._index, _GETPID) != os.getpid():
            raise NoPermission("this process does not hold the lock", errno.EPERM)
        # Both operations at once: only from 0, so that the value cannot exceed 1.
        give = self._operation(0, _IPC_NOWAIT) + self._operation(1, _SEM_UNDO)
        number = self._operate(give, None)
        while number == errno.EINTR:
            number = self._operate(give, None)
        if number == errno.EAGAIN:
            raise NoPermission("this process does not hold the lock", errno.EPERM)
        if number:
            raise _failure(number)
