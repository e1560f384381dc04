"""A display of one's own: an X server without a screen, its windows, keys and pictures.

Knows no program of ours. Nothing is left when it is closed.
"""

import os
import select
import subprocess

import numpy
from client import TIMEOUT, eventually
from PIL import ImageGrab

SIZE = (1000, 900)


class Screen:
    """One Xvfb; its number is its own choice, so that tests run side by side."""

    def __init__(self, folder):
        reading, writing = os.pipe()
        geometry = "x".join(map(str, SIZE)) + "x24"
        with open(os.path.join(folder, "xvfb.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writing), "-screen", "0", geometry]
                + ["-nolisten", "tcp", "-noreset"],
                pass_fds=[writing],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        os.close(writing)
        with open(reading, encoding="ascii") as file:
            ready = select.select([file], [], [], TIMEOUT)[0]
            number = file.readline().strip() if ready else ""
        if not number:
            self.close()
            raise AssertionError("Xvfb does not start")
        self.name = f":{number}"

    def close(self):
        self.process.terminate()
        self.process.wait(TIMEOUT)

    def environment(self, folder):
        """For programs on this display, apart from whatever session the tests run in."""
        return {
            "DISPLAY": self.name,
            "GDK_BACKEND": "x11",
            "GSK_RENDERER": "cairo",
            "GTK_A11Y": "none",
            "GSETTINGS_BACKEND": "memory",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=" + os.path.join(folder, "no-bus"),
            "HOME": folder,
            "XDG_RUNTIME_DIR": folder,
            "LC_ALL": "C.UTF-8",
        }

    def xdotool(self, *words):
        done = subprocess.run(
            ["xdotool", *map(str, words)],
            env={**os.environ, "DISPLAY": self.name},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return done.stdout.split("\n")[0] if done.returncode == 0 else None

    def window(self, title):
        """Waits for a window whose title has this in it, a regular expression."""
        return eventually(lambda: self.find(title))

    def find(self, title):
        """The first such window that can be seen now, or None: also when one goes away under
        the search, which fails then.
        """
        return self.xdotool("search", "--onlyvisible", "--name", title)

    def has_window(self, title):
        return self.find(title) is not None

    def press(self, window, *keys):
        """Keys to a window; without a window manager nobody else gives it the focus."""
        assert self.xdotool("windowfocus", "--sync", window) is not None
        assert self.xdotool("key", *keys) is not None

    def write(self, window, text):
        assert self.xdotool("windowfocus", "--sync", window) is not None
        assert self.xdotool("type", "--delay", "20", text) is not None

    def pixels(self):
        """What is on the screen now: rows x columns x RGB."""
        return numpy.asarray(ImageGrab.grab(xdisplay=self.name).convert("RGB"))

    def count(self, colour):
        return int((self.pixels() == colour).all(axis=2).sum())

    def await_colours(self, colours, least=2000):
        """Waits until each colour is there in many pixels."""
        eventually(lambda: all(self.count(colour) >= least for colour in colours))
