"""What a screen reader says of shmimg-viewer: asked for over the accessibility bus."""

import contextlib
import os
import re
import subprocess

import pytest
from client import TIMEOUT, eventually
from gi.repository import Gio, GLib
from screen import Screen
from server import TOP
from viewer import QUADRANTS, VIEWER

PAGE = os.path.join(TOP, "client", "viewer", "shmimg-viewer.1")

ACCESSIBLE = "org.a11y.atspi.Accessible"
FOCUSED = 12  # of AtspiStateType
ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")

# What GTK names by itself, and says no more of.
SCROLLING = ("GtkScrollbar", "GtkRange")


class Tree:
    """The accessible widgets of all programs of one session bus."""

    def __init__(self, session):
        answer = self._call(
            self._connect(session), "org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress"
        )
        self.bus = self._connect(answer[0])

    @staticmethod
    def _connect(address):
        flags = Gio.DBusConnectionFlags
        return Gio.DBusConnection.new_for_address_sync(
            address, flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None
        )

    @staticmethod
    def _call(bus, *words, arguments=None):
        milliseconds = 1000 * TIMEOUT
        return bus.call_sync(*words, arguments, None, 0, milliseconds, None).unpack()

    def names(self, widget=ROOT):
        """(role, name) of a widget and of all within it."""
        wanted = GLib.Variant("(ss)", (ACCESSIBLE, "Name"))
        properties = "org.freedesktop.DBus.Properties"
        name = self._call(self.bus, *widget, properties, "Get", arguments=wanted)[0]
        found = [(self._call(self.bus, *widget, ACCESSIBLE, "GetRoleName")[0], name)]
        for child in self._call(self.bus, *widget, ACCESSIBLE, "GetChildren")[0]:
            found += self.names(child)
        return found

    def focus(self, widget=ROOT):
        """(role, name) of the widget that has the focus, or None."""
        states = self._call(self.bus, *widget, ACCESSIBLE, "GetState")[0]
        if states[0] >> FOCUSED & 1:
            return self.names(widget)[0]
        children = self._call(self.bus, *widget, ACCESSIBLE, "GetChildren")[0]
        return next(filter(None, map(self.focus, children)), None)


@pytest.fixture
def session(folder):
    """A screen and a session bus of their own: the environment of programs on them."""
    screen = Screen(folder)
    environment = {**os.environ, **screen.environment(folder)}
    for name in ("GTK_A11Y", "DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY"):
        environment.pop(name, None)
    with open(os.path.join(folder, "bus.log"), "wb") as log:
        bus = subprocess.Popen(
            ["dbus-daemon", "--session", "--nofork", "--print-address=1"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    environment["DBUS_SESSION_BUS_ADDRESS"] = bus.stdout.readline().strip()
    yield screen, environment
    bus.terminate()
    bus.communicate(timeout=TIMEOUT)
    screen.close()


@contextlib.contextmanager
def viewer(session, *arguments):
    """A viewer on the session's screen: what screen readers see of it."""
    environment = session[1]
    process = subprocess.Popen([VIEWER, *arguments], env=environment)
    try:
        yield Tree(environment["DBUS_SESSION_BUS_ADDRESS"])
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def test_everything_has_a_name(daemon, session, quadrants):
    with viewer(session, "--socket", daemon.path, quadrants) as tree:
        session[0].await_colours(QUADRANTS)
        eventually(lambda: ("label", "RGBA8 Format") in tree.names())
        names = tree.names()
    assert [name for role, name in names if role == "button"] == [
        "Zoom out −",
        "Actual size 1:1",
        "Fit into the window Fit",
        "Zoom in +",
        "Load Image from File...",
        "Display Image from Shared Memory",
    ]
    for wanted in (
        ("image", quadrants),
        ("list", "Images in shared memory"),
        ("list item", quadrants),
        ("group", "About the image that is shown"),
        ("label", "free Lock"),
        ("label", "80 × 60, RGBA8, in shared memory"),
    ):
        assert wanted in names, names
    assert not [name for _, name in names if name.startswith("Gtk") and name not in SCROLLING]


def test_the_list_to_choose_from_has_names(daemon, client, session, quadrants):
    for name in ("first", "second"):
        client.ask("LOAD", path=quadrants, name=name)
    screen, _ = session
    with viewer(session, "--socket", daemon.path) as tree:
        screen.press(screen.window("Shared Memory Image Viewer"), "alt+d")
        screen.window("Images in Shared Memory")
        eventually(lambda: ("button", "Show") in tree.names())
        names = tree.names()
    chooser = names[names.index(("search box", "Search in names")) :]
    assert [name for role, name in chooser if role == "list item"] == ["second", "first"]
    assert [name for role, name in chooser if role == "button"] == ["Cancel", "Show"]


def test_the_tab_key_goes_round(daemon, client, session, quadrants):
    """It comes by all that can be done, without a stop at what can only be read."""
    screen, _ = session
    segment = client.ask("LOAD", path=quadrants)["segment"]
    stops = [
        ("list item", quadrants),
        ("label", f"{segment} Segment"),
        ("image", quadrants),
        ("label", "80 × 60, RGBA8, in shared memory"),
        ("button", "Zoom out −"),
        ("button", "Actual size 1:1"),
        ("button", "Fit into the window Fit"),
        ("button", "Zoom in +"),
        ("button", "Load Image from File..."),
        ("button", "Display Image from Shared Memory"),
    ]
    with viewer(session, "--socket", daemon.path, quadrants) as tree:
        screen.await_colours(QUADRANTS)
        window = screen.window("Shared Memory Image Viewer")
        eventually(lambda: stops[1] in tree.names())
        screen.press(window, "alt+i")
        for stop in [*stops, stops[0]]:
            eventually(lambda: tree.focus() == stop)
            screen.xdotool("key", "Tab")
        screen.xdotool("key", "shift+Tab", "shift+Tab")
        eventually(lambda: tree.focus() == stops[-1])


def test_the_help_and_the_manual_list_the_same_keys(daemon, session):
    with open(PAGE, encoding="utf-8") as file:
        told = re.findall(r"^\.It .*\n(.*)", file.read().split(".Ss Keys")[1].split(".El")[0], re.M)
    screen, _ = session
    with viewer(session, "--socket", daemon.path) as tree:
        screen.press(screen.window("Shared Memory Image Viewer"), "F1")
        screen.window("^Keys$")
        eventually(lambda: ("label", "Close the window") in tree.names())
        names = [name for role, name in tree.names() if role == "label"]
    # Names of keys are short.
    listed = [name for name in names[names.index("Keys") + 1 :] if len(name) > len("Ctrl")]
    assert len(told) > 10 and len(listed) >= len(told)
    for words, title in zip(told, listed):
        assert words.startswith(title)
