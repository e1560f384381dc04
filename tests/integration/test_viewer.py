"""shmimg-viewer on a display of its own: what is on the screen, and what is mapped."""

import contextlib
import os
import re
import signal
import subprocess
import xml.etree.ElementTree

import numpy
import pytest
from client import TIMEOUT, eventually
from pictures import write_png
from screen import Screen
from semaphore import Semaphore
from server import BUILD, TOP, Daemon

VIEWER = os.path.join(BUILD, "client", "viewer", "shmimg-viewer")
SOURCES = os.path.join(TOP, "client", "viewer")

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
        eventually(lambda: words in self.said() or self.process.poll() is not None)
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


@pytest.fixture
def start(folder):
    assert os.access(VIEWER, os.X_OK), f"{VIEWER} is not built: it needs libgtk-4-dev"
    viewers = []

    def start(*arguments):
        place = os.path.join(folder, f"viewer-{len(viewers)}")
        viewers.append(Viewer(place, *map(str, arguments)))
        return viewers[-1]

    yield start
    with contextlib.ExitStack() as stack:
        for viewer in viewers:
            stack.callback(viewer.close)


@pytest.fixture
def picture(tmp_path):
    return write_png(tmp_path / "four.png", flat(QUADRANTS))


def test_two_viewers_share_the_pixels(daemon, client, start, tmp_path):
    path = write_png(tmp_path / "four.png", flat(QUADRANTS, 480, 640))
    viewers = [start("--socket", daemon.path, path) for _ in range(2)]
    for viewer in viewers:
        viewer.screen.await_colours(QUADRANTS)
        viewer.window(re.escape(path))
    ((mode, inode, segment, sizes),) = viewers[0].mappings()
    assert segment in daemon.segments()
    assert (mode, inode) == ("r--s", str(os.stat(segment).st_ino))
    # Private_* counts pages that this viewer alone has touched so far: no figure to rely on.
    assert sizes["Shared_Dirty"] + sizes["Shared_Clean"] > 0 and sizes["Anonymous"] == 0
    assert [each[:3] for each in viewers[1].mappings()] == [(mode, inode, segment)]
    stat = client.ask("STAT", name=path)
    assert sorted(stat["holders"].split(",")) == sorted(str(each.pid) for each in viewers)
    assert client.ask("STATS")["decodes"] == "1"


def test_the_quadrants_stand_where_they_belong(daemon, start, picture):
    viewer = start("--socket", daemon.path, picture)
    viewer.screen.await_colours(QUADRANTS)
    pixels = viewer.screen.pixels()
    centres = [numpy.argwhere((pixels == each).all(axis=2)).mean(axis=0) for each in QUADRANTS]
    (top, left), (_, right), (bottom, _), _ = centres
    assert top < bottom and left < right
    expected = [(top, left), (top, right), (bottom, left), (bottom, right)]
    assert numpy.allclose(centres, expected, atol=1)


def test_it_takes_the_lock_and_gives_it_back(daemon, client, start, picture):
    lock = Semaphore(client.ask("LOAD", path=picture)["semaphore"])
    viewer = start("--socket", daemon.path, picture)
    viewer.screen.await_colours(QUADRANTS)
    assert (lock.holder, lock.value) == (viewer.pid, 1)


def test_a_lock_that_is_held_hides_nothing(daemon, client, start, picture):
    lock = Semaphore(client.ask("LOAD", path=picture)["semaphore"])
    lock.lock()
    viewer = start("--socket", daemon.path, picture)
    viewer.screen.await_colours(QUADRANTS)
    assert (lock.holder, lock.value) == (os.getpid(), 0)
    lock.unlock()


# Red has luma 66 of 200 30 40, and so on: what JFIF says, rounded.
GREYS = [(round(0.299 * r + 0.587 * g + 0.114 * b),) * 3 for r, g, b in QUADRANTS]


@pytest.mark.parametrize(
    "pixel_format, colours",
    [
        ("RGBA8", QUADRANTS),
        ("BGRA8-premul", QUADRANTS),
        ("RGB8", QUADRANTS),
        ("GRAY8", GREYS),
        ("RGBA16", QUADRANTS),
        ("GRAY16", GREYS),
    ],
)
def test_every_format(daemon, client, start, picture, pixel_format, colours):
    client.ask("LOAD", path=picture, name="four", format=pixel_format)
    viewer = start("--socket", daemon.path, "--exact", "four")
    viewer.screen.await_colours(colours)
    assert client.ask("STAT", name="four")["renditions"] == pixel_format


def test_display_from_shared_memory(daemon, client, start, picture, tmp_path):
    viewer = start("--socket", daemon.path)
    viewer.press("alt+d")
    viewer.await_message("Load an image first")
    client.ask("LOAD", path=picture, name="first")
    viewer.press("alt+d")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="another")
    viewer.press("alt+d")
    viewer.screen.press(viewer.screen.window("Images in Shared Memory"), "alt+s")
    viewer.screen.await_colours(OTHERS)
    viewer.window("^another")
    eventually(lambda: client.ask("STAT", name="first")["holders"] == str(os.getpid()))


def test_choosing_another_than_the_last(daemon, client, start, picture, tmp_path):
    client.ask("LOAD", path=picture, name="first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    viewer = start("--socket", daemon.path)
    viewer.press("alt+d")
    chooser = viewer.screen.window("Images in Shared Memory")
    viewer.screen.write(chooser, "irs")
    viewer.screen.press(chooser, "Return")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")


def test_load_from_file(daemon, client, start, picture):
    viewer = start("--socket", daemon.path)
    viewer.load(picture)
    viewer.screen.await_colours(QUADRANTS)
    assert client.ask("STAT", name=picture)["holders"] == str(viewer.pid)


def test_what_is_no_image_is_told(daemon, client, start, picture, tmp_path):
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no image at all")
    viewer = start("--socket", daemon.path, wrong)
    viewer.await_message(f"shmimg-viewer: Cannot show {wrong}: ")
    eventually(lambda: (viewer.screen.pixels().astype(int) @ [2, -1, -1] > 200).sum() > 100)
    viewer.load(picture)
    viewer.screen.await_colours(QUADRANTS)
    assert [item["name"] for item in client.items()] == [picture]


def test_nothing_of_that_name(daemon, start):
    viewer = start("--socket", daemon.path, "no-such-thing")
    viewer.await_message("neither a file nor an image in shared memory called no-such-thing")


def test_without_a_daemon_and_again_with_one(start, folder, picture, start_daemon):
    socket = Daemon(folder=folder).path
    viewer = start("--socket", socket, picture)
    viewer.await_message(f"No shmimgd runs at {socket}.")
    start_daemon(folder=folder)
    viewer.press("alt+t")
    viewer.screen.await_colours(QUADRANTS)


def test_it_outlives_the_daemon(daemon, start, picture):
    viewer = start("--socket", daemon.path, picture)
    viewer.screen.await_colours(QUADRANTS)
    daemon.stop()
    viewer.press("alt+d")
    viewer.await_message("No shmimgd runs at")
    viewer.screen.await_colours(QUADRANTS)


def test_closing_lets_go(daemon, client, start, picture):
    viewer = start("--socket", daemon.path, picture)
    viewer.window(re.escape(picture))
    viewer.press("ctrl+w")
    assert viewer.process.wait(TIMEOUT) == 0
    eventually(lambda: client.ask("STAT", name=picture)["pins"] == "0")


def run(*arguments):
    environment = {key: os.environ[key] for key in os.environ if "DISPLAY" not in key}
    return subprocess.run(
        [VIEWER, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_the_command_line_needs_no_display():
    version, text, wrong = run("--version"), run("--help"), run("--bogus")
    assert (version.returncode, version.stderr) == (0, "")
    assert re.fullmatch(r"shmimg-viewer \d+\.\d+\.\d+\n", version.stdout)
    assert text.returncode == 0 and "--socket" in text.stdout
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "--bogus" in wrong.stderr


def test_its_options_are_in_the_manual():
    page = os.path.join(SOURCES, "shmimg-viewer.1")
    told = subprocess.run(
        ["mandoc", "-T", "utf8", page], stdout=subprocess.PIPE, text=True, check=True
    )
    told = set(re.findall(r"--[a-z]+", re.sub(r".\x08", "", told.stdout)))
    assert told == set(re.findall(r"--[a-z]+", run("--help").stdout))


def test_desktop_file_and_icon():
    desktop = os.path.join(SOURCES, "shmimg-viewer.desktop")
    subprocess.run(["desktop-file-validate", desktop], check=True)
    icon = xml.etree.ElementTree.parse(os.path.join(SOURCES, "shmimg-viewer.svg"))
    assert icon.getroot().tag == "{http://www.w3.org/2000/svg}svg"
