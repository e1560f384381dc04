"""What a screen reader says of shmimg-viewer: asked for over the accessibility bus."""

import os
import subprocess

import pytest
from client import TIMEOUT, eventually
from gi.repository import Gio, GLib
from screen import Screen
from viewer import QUADRANTS, VIEWER

ACCESSIBLE = "org.a11y.atspi.Accessible"
ROOT = ("org.a11y.atspi.Registry", "/org/a11y/atspi/accessible/root")


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


def test_everything_has_a_name(daemon, session, quadrants):
    screen, environment = session
    process = subprocess.Popen([VIEWER, "--socket", daemon.path, quadrants], env=environment)
    try:
        screen.await_colours(QUADRANTS)
        tree = Tree(environment["DBUS_SESSION_BUS_ADDRESS"])
        eventually(lambda: ("label", "RGBA8 Format") in tree.names())
        names = tree.names()
    finally:
        process.terminate()
        process.wait(TIMEOUT)
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
        ("group", quadrants),
        ("group", "About the image that is shown"),
        ("label", "free Lock"),
        ("label", "80 × 60, RGBA8, in shared memory"),
    ):
        assert wanted in names, names
