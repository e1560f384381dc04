"""What people give shmimg-viewer by the pointer, and the limit that may stand against it."""

import contextlib
import os
import subprocess
import sys

from client import TIMEOUT, eventually
from pictures import write_png
from viewer import OTHERS, QUADRANTS, flat

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dragging.py")


@contextlib.contextmanager
def drag_source(viewer, path):
    """A second program's window on the viewer's screen, below the viewer's."""
    environment = {**os.environ, **viewer.screen.environment(viewer.folder)}
    environment.pop("WAYLAND_DISPLAY", None)
    with open(os.path.join(viewer.folder, "source"), "wb") as log:
        process = subprocess.Popen(
            [sys.executable, SOURCE, path], env=environment, stdout=log, stderr=log
        )
    try:
        window = viewer.screen.window("Drag from here")
        viewer.screen.xdotool("windowmove", "--sync", window, 20, 700)
        yield
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def drag(screen, start, end):
    """As a hand does it: in steps, with the button down."""
    screen.xdotool("mousemove", *start, "mousedown", 1)
    for step in range(1, 11):
        place = [one + (other - one) * step // 10 for one, other in zip(start, end)]
        screen.xdotool("mousemove", *place)
        screen.xdotool("mousemove_relative", 1, 0, "sleep", 0.05)
    screen.xdotool("mouseup", 1)


def test_a_file_is_dropped(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path)
    viewer.window()
    with drag_source(viewer, quadrants):
        drag(viewer.screen, (40, 730), (500, 250))
        viewer.screen.await_colours(QUADRANTS)
    assert client.ask("STAT", name=quadrants)["holders"] == str(viewer.pid)


def test_over_quota_is_told(start_daemon, start_viewer, quadrants, tmp_path):
    """What is shown stays, the message says which limit it was, and room lets it through."""
    daemon = start_daemon("--user-images", "2")
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    held = write_png(tmp_path / "held.png", flat(QUADRANTS))
    other = write_png(tmp_path / "other.png", flat(OTHERS))
    with daemon.connect() as client:
        client.ask("LOAD", path=held)
        viewer.load(other)
        viewer.await_message(f"Cannot show {other}: user {os.getuid()} has 2 of user-images=2")
        viewer.screen.await_colours(QUADRANTS)
        client.ask("RELEASE", name=held)
        viewer.press("alt+t")
        viewer.screen.await_colours(OTHERS)
