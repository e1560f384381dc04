"""Images whose files are followed, for tests: what becomes of them, what they cost the daemon."""

import contextlib
import os
import re

import numpy
from client import eventually
from pictures import with_alpha, write_png
from segment import check_reply


def watched(daemon):
    """Folders that the kernel watches for the daemon: not segments, of which it tells the end."""
    count = 0
    for fd in os.listdir(f"/proc/{daemon.pid}/fdinfo"):
        with contextlib.suppress(FileNotFoundError):  # closed since then
            with open(f"/proc/{daemon.pid}/fdinfo/{fd}", encoding="ascii") as file:
                count += len(re.findall(r"^inotify (?!.*mask:400 )", file.read(), re.M))
    return count


def depth(path):
    """Folders on the way to a file."""
    return os.path.realpath(path).count("/")


class Followed:
    """An image whose file is followed, and a connection that waits for what becomes of it."""

    def __init__(self, daemon, path, name="a", **values):
        self.daemon, self.path, self.name = daemon, str(path), name
        self.watcher = daemon.connect()
        self.watcher.ask("WATCH", match=name)
        with daemon.connect() as client:
            self.first = client.ask("LOAD", path=self.path, name=name, watch="yes", **values)
        assert self.event() == "loaded"

    def event(self):
        verb, values = self.watcher.reply()
        assert verb == "EVENT" and values["name"] == self.name, values
        return values["type"]

    def pixels(self, **values):
        with self.daemon.connect() as client:
            return check_reply(client.ask("FETCH", name=self.name, **values)).pixels

    def generation(self):
        with self.daemon.connect() as client:
            return int(client.ask("STAT", name=self.name)["generation"])

    def becomes(self, pixels):
        """Waits for exactly one new generation, with these pixels."""
        assert self.event() == "changed"
        numpy.testing.assert_array_equal(self.pixels(), with_alpha(pixels))

    def stays(self, sign):
        """Waits for a sign that the daemon has looked at the file, and let the image be."""
        before = self.generation()
        eventually(sign)
        assert self.generation() == before


def put(path, pixels):
    """Renames a finished picture into place, as careful programs do."""
    write_png(path + ".new", pixels)
    os.rename(path + ".new", path)


def complaints(daemon):
    return daemon.log().count("stays as it is")
