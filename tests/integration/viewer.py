"""One shmimg-viewer on a screen of its own, and pictures that can be told on it."""

import os
import re
import signal
import subprocess

import numpy
from client import TIMEOUT, eventually
from screen import Screen
from server import BUILD

VIEWER = os.path.join(BUILD, "client", "viewer", "shmimg-viewer")

QUADRANTS = [(200, 30, 40), (30, 180, 60), (40, 60, 210), (240, 200, 20)]
OTHERS = [(250, 120, 10), (10, 220, 230), (90, 20, 120), (120, 160, 30)]

# A mapping of an image in /proc/PID/smaps: its head, then "Key: number kB" lines.
MAPPING = re.compile(
    r"^\S+ (\S{4}) \S+ \S+ (\d+) +(/dev/shm/shmimg-(?!\S+-board)\S+).*\n((?:[A-Z].*\n)+)", re.M
)


def flat(colours, height=60, width=80):
    """Four flat quadrants: top left, top right, bottom left, bottom right."""
    half = numpy.array(colours, numpy.uint8).reshape(2, 2, 3)
    return half.repeat(height // 2, axis=0).repeat(width // 2, axis=1)


class Viewer:
    """One shmimg-viewer on a screen of its own."""

    def __init__(self, folder, *arguments):
        self.folder = folder
        os.mkdir(folder)
        self.screen = Screen(folder)
        try:
            self._start(arguments)
        except BaseException:
            self.screen.close()
            raise

    def _start(self, arguments):
        folder = self.folder
        environment = {**os.environ, **self.screen.environment(folder)}
        environment.pop("SHMIMG_SOCKET", None)
        environment.pop("WAYLAND_DISPLAY", None)
        with open(os.path.join(folder, "stderr"), "wb") as stderr:
            self.process = subprocess.Popen(
                [VIEWER, *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        self.pid = self.process.pid

    def close(self):
        try:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                self.process.wait(TIMEOUT)
            assert "CRITICAL" not in self.said() and "ERROR" not in self.said(), self.said()
        finally:
            self.screen.close()

    def said(self):
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8") as file:
            return file.read()

    def await_message(self, words):
        try:
            eventually(lambda: words in self.said() or self.process.poll() is not None)
        except AssertionError:
            raise AssertionError(f"it says: {self.said()!r}") from None
        assert self.process.poll() is None and words in self.said(), self.said()

    def window(self, title="Shared Memory Image Viewer"):
        return self.screen.window(title)

    def press(self, *keys):
        self.screen.press(self.window(), *keys)

    def load(self, path):
        """Presses the button, and types the path where the dialog asks for a file."""
        self.press("alt+l")
        dialog = self.screen.window("Load Image from File")
        self.screen.write(dialog, str(path))
        self.screen.press(dialog, "Return")

    def mappings(self):
        """(permissions, inode, path, {key: kB}) of each segment that is mapped."""
        with open(f"/proc/{self.pid}/smaps", encoding="ascii") as file:
            found = MAPPING.findall(file.read())
        sizes = re.compile(r"^(\w+): +(\d+) kB", re.M)
        return [
            (mode, inode, path, {key: int(kb) for key, kb in sizes.findall(rest)})
            for mode, inode, path, rest in found
        ]

    # The side with the list and the facts, and the rest, where the image is.
    SIDE = 290

    def side(self):
        return self.screen.pixels()[:, : self.SIDE]

    def shown(self):
        """The pixels right of the list."""
        return self.screen.pixels()[:, self.SIDE :]

    def has_complaint(self):
        """Whether there is something in red, as complaints are."""
        return (self.shown().astype(int) @ [2, -1, -1] > 200).sum() > 100

    def has_thumbnail(self, colours):
        """Whether each colour is there in the list, as in a small picture of 48 pixels."""
        pixels = self.side()
        return all((pixels == colour).all(axis=2).sum() >= 200 for colour in colours)

    def place_of(self, colour):
        """The middle of a colour in the list: across, down."""
        return numpy.argwhere((self.side() == colour).all(axis=2)).mean(axis=0)[::-1]
