"""shmimg-viewer on a display of its own: what is on the screen, and what is mapped."""

import contextlib
import os
import re
import subprocess
import xml.etree.ElementTree

import numpy
import pytest
from client import TIMEOUT, eventually
from pictures import write_png
from semaphore import Semaphore
from server import TOP, Daemon
from squatter import Squatter
from viewer import OTHERS, QUADRANTS, VIEWER, flat

SOURCES = os.path.join(TOP, "client", "viewer")


def test_two_viewers_share_the_pixels(daemon, client, start_viewer, tmp_path):
    path = write_png(tmp_path / "four.png", flat(QUADRANTS, 480, 640))
    viewers = [start_viewer("--socket", daemon.path, path) for _ in range(2)]
    for viewer in viewers:
        viewer.screen.await_colours(QUADRANTS)
        viewer.window(re.escape(path))
        eventually(lambda: len(viewer.mappings()) == 1)
    ((mode, inode, segment, sizes),) = viewers[0].mappings()
    assert segment in daemon.segments()
    assert (mode, inode) == ("r--s", str(os.stat(segment).st_ino))
    # Private_* counts pages that this viewer alone has touched so far: no figure to rely on.
    assert sizes["Shared_Dirty"] + sizes["Shared_Clean"] > 0 and sizes["Anonymous"] == 0
    assert [each[:3] for each in viewers[1].mappings()] == [(mode, inode, segment)]
    stat = client.ask("STAT", name=path)
    assert sorted(stat["holders"].split(",")) == sorted(str(each.pid) for each in viewers)
    assert client.ask("STATS")["decodes"] == "1"


def test_the_quadrants_stand_where_they_belong(daemon, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    pixels = viewer.screen.pixels()
    centres = [numpy.argwhere((pixels == each).all(axis=2)).mean(axis=0) for each in QUADRANTS]
    (top, left), (_, right), (bottom, _), _ = centres
    assert top < bottom and left < right
    expected = [(top, left), (top, right), (bottom, left), (bottom, right)]
    assert numpy.allclose(centres, expected, atol=1)


def test_it_takes_the_lock_and_gives_it_back(daemon, client, start_viewer, quadrants):
    lock = Semaphore(client.ask("LOAD", path=quadrants)["semaphore"])
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    assert (lock.holder, lock.value) == (viewer.pid, 1)


def test_a_lock_that_is_held_hides_nothing(daemon, client, start_viewer, quadrants):
    lock = Semaphore(client.ask("LOAD", path=quadrants)["semaphore"])
    lock.lock()
    viewer = start_viewer("--socket", daemon.path, quadrants)
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
def test_every_format(daemon, client, start_viewer, quadrants, pixel_format, colours):
    client.ask("LOAD", path=quadrants, name="four", format=pixel_format)
    viewer = start_viewer("--socket", daemon.path, "--exact", "four")
    viewer.screen.await_colours(colours)
    assert client.ask("STAT", name="four")["renditions"] == pixel_format


def test_display_from_shared_memory(daemon, client, start_viewer, quadrants, tmp_path):
    viewer = start_viewer("--socket", daemon.path)
    viewer.press("alt+d")
    viewer.await_message("Load an image first")
    client.ask("LOAD", path=quadrants, name="first")
    viewer.press("alt+d")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="another")
    viewer.press("alt+d")
    viewer.screen.press(viewer.screen.window("Images in Shared Memory"), "alt+s")
    viewer.screen.await_colours(OTHERS)
    viewer.window("^another")
    eventually(lambda: client.ask("STAT", name="first")["holders"] == str(os.getpid()))


def test_choosing_another_than_the_last(daemon, client, start_viewer, quadrants, tmp_path):
    client.ask("LOAD", path=quadrants, name="first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    viewer = start_viewer("--socket", daemon.path)
    viewer.press("alt+d")
    chooser = viewer.screen.window("Images in Shared Memory")
    viewer.screen.write(chooser, "irs")
    viewer.screen.press(chooser, "Return")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")


def test_load_from_file(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path)
    viewer.load(quadrants)
    viewer.screen.await_colours(QUADRANTS)
    assert client.ask("STAT", name=quadrants)["holders"] == str(viewer.pid)


# What the theme marks a chosen row with.
CHOSEN = (53, 132, 228)


def test_the_dialog_offers_images_alone(daemon, start_viewer, tmp_path):
    """The first file of a folder that it offers is the first image there."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("no image at all")
    (folder / "b.gif").write_bytes(b"GIF89a\1\0\1\0\0\0\0;")
    write_png(folder / "c.png", flat(QUADRANTS))
    viewer = start_viewer("--socket", daemon.path)
    viewer.load(f"{folder}/")
    eventually(lambda: viewer.screen.count(CHOSEN) > 2000)
    viewer.screen.press(viewer.screen.window("Load Image from File"), "Return")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window(re.escape(f"{folder}/c.png"))


def test_what_is_no_image_is_told(daemon, client, start_viewer, quadrants, tmp_path):
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no image at all")
    viewer = start_viewer("--socket", daemon.path, wrong)
    viewer.await_message(f"shmimg-viewer: Cannot show {wrong}: ")
    viewer.await_message("file. Choose another file.\n")
    eventually(viewer.has_complaint)
    viewer.load(quadrants)
    viewer.screen.await_colours(QUADRANTS)
    assert [item["name"] for item in client.items()] == [quadrants]


def test_nothing_of_that_name(daemon, start_viewer):
    viewer = start_viewer("--socket", daemon.path, "no-such-thing")
    viewer.await_message("neither a file nor an image in shared memory called no-such-thing")


def test_without_a_daemon_and_again_with_one(start_viewer, folder, quadrants, start_daemon):
    socket = Daemon(folder=folder).path
    viewer = start_viewer("--socket", socket, quadrants)
    viewer.await_message(f"shmimg-viewer: No shmimgd runs at {socket}.")
    start_daemon(folder=folder)
    viewer.press("alt+t")
    viewer.screen.await_colours(QUADRANTS)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_another_users_daemon(start_viewer, folder, quadrants):
    path = os.path.join(folder, "socket")
    with contextlib.closing(Squatter(path)) as squatter:
        viewer = start_viewer("--socket", path, quadrants)
        viewer.await_message(f"shmimg-viewer: The daemon at {path} runs as another user")
    assert squatter.connections > 0 and squatter.heard == b"" and squatter.descriptors == 0


def test_it_outlives_the_daemon(daemon, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    daemon.stop()
    viewer.press("alt+d")
    viewer.await_message("shmimg-viewer: No shmimgd runs at")
    viewer.screen.await_colours(QUADRANTS)


def test_closing_lets_go(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.window(re.escape(quadrants))
    viewer.press("ctrl+w")
    assert viewer.process.wait(TIMEOUT) == 0
    eventually(lambda: client.ask("STAT", name=quadrants)["pins"] == "0")


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
    metainfo = os.path.join(SOURCES, "shmimg-viewer.metainfo.xml")
    subprocess.run(["appstreamcli", "validate", "--no-net", metainfo], check=True)
    icon = xml.etree.ElementTree.parse(os.path.join(SOURCES, "shmimg-viewer.svg"))
    assert icon.getroot().tag == "{http://www.w3.org/2000/svg}svg"
