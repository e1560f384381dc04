"""System V semaphores by ctypes: Python's standard library has none."""

import ctypes
import os
import struct

IPC_NOWAIT = 0o4000
SEM_UNDO = 0x1000
GETPID, GETVAL, GETNCNT = 11, 12, 14
IPC_RMID, IPC_STAT = 0, 2

libc = ctypes.CDLL(None, use_errno=True)
libc.semctl.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_void_p]
libc.semget.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int]


class Timespec(ctypes.Structure):
    _fields_ = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


libc.semtimedop.argtypes = [
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.POINTER(Timespec),
]


def check(result):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def find(key):
    """The id of the set with a key."""
    return check(libc.semget(key, 0, 0))


def stat(semid):
    """Raises OSError when the set is gone (EINVAL, EIDRM) or not to be read (EACCES)."""
    buffer = ctypes.create_string_buffer(256)
    check(libc.semctl(semid, 0, IPC_STAT, ctypes.cast(buffer, ctypes.c_void_p)))


def exists(semid):
    try:
        stat(semid)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def remove(semid):
    """Removes a set, if it is there."""
    libc.semctl(semid, 0, IPC_RMID, None)


class Semaphore:
    """One semaphore, of a reply's semaphore=<semid>:<index>."""

    def __init__(self, text):
        self.semid, self.index = map(int, text.split(":"))

    def _operate(self, number, flags, timeout):
        operation = struct.pack("=Hhh", self.index, number, flags)
        limit = None
        if timeout is not None:
            limit = ctypes.byref(Timespec(int(timeout), int(timeout % 1 * 1e9)))
        check(libc.semtimedop(self.semid, operation, 1, limit))

    def lock(self, timeout=None):
        self._operate(-1, SEM_UNDO, timeout)

    def try_lock(self):
        try:
            self._operate(-1, SEM_UNDO | IPC_NOWAIT, None)
        except BlockingIOError:
            return False
        return True

    def unlock(self):
        self._operate(1, SEM_UNDO, None)

    def _get(self, what):
        return check(libc.semctl(self.semid, self.index, what, None))

    @property
    def value(self):
        return self._get(GETVAL)

    @property
    def holder(self):
        return self._get(GETPID)

    @property
    def waiters(self):
        return self._get(GETNCNT)
