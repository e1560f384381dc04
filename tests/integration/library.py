"""The library in a process of its own, driven through pipes."""

import errno
import os
import subprocess

import numpy
import pytest
from client import TIMEOUT
from server import BUILD

DRIVER = os.path.join(BUILD, "tests", "unit", "library-driver")


class Failed(Exception):
    """What the library returned, and its message."""

    def __init__(self, number, message):
        super().__init__(f"{errno.errorcode[number]}: {message}")
        self.errno = number


class Library:
    """A process with a client of the library."""

    def __init__(self, path, timeout=int(TIMEOUT * 1000), under=()):
        """Under: a command that runs the driver, such as strace: leaks are not looked for then."""
        options = os.environ.get("ASAN_OPTIONS", "") + (":detect_leaks=0" if under else "")
        self.process = subprocess.Popen(
            [*under, DRIVER],
            env={**os.environ, "ASAN_OPTIONS": options},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("connect", path, timeout)

    def begin(self, *words):
        print(*words, file=self.process.stdin, flush=True)

    def end(self):
        result, _, said = self.process.stdout.readline().rstrip("\n").partition(" ")
        if int(result) < 0:
            raise Failed(-int(result), said)
        return said

    def ask(self, *words):
        self.begin(*words)
        return self.end()

    def image(self, *words):
        """Loads or fetches: its number and generation."""
        return tuple(map(int, self.ask(*words).split()))

    def refused(self, *words):
        with pytest.raises(Failed) as failure:
            self.ask(*words)
        return failure.value.errno

    def pixels(self, number, path, shape):
        """The red, green and blue of an image in RGBA8."""
        self.ask("pixels", number, path)
        return numpy.fromfile(path, numpy.uint8).reshape(*shape[:2], 4)[:, :, :3]

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def close(self):
        self.process.stdin.close()
        code = self.process.wait(TIMEOUT)
        self.process.stdout.close()
        assert code == 0
