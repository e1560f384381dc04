"""shmimg-viewer's pixels beside those of the file, where the screen has as many or fewer; and
that it has them in shared memory alone.
"""

import re

import numpy
import pytest
from client import eventually
from pictures import noise, write_png
from viewer import OTHERS, QUADRANTS, flat

FORMATS = ["RGBA8", "BGRA8-premul", "RGB8", "GRAY8", "RGBA16", "GRAY16"]


def place_in(picture, part):
    """Row and column of a picture where a part of it is, or None."""
    height, width = part.shape[:2]
    for row, column in numpy.argwhere((picture == part[0, 0]).all(axis=2)):
        if numpy.array_equal(picture[row : row + height, column : column + width], part):
            return row, column
    return None


def grey(pixels):
    return pixels[:, :, :1].repeat(3, axis=2)


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_actual_size_is_what_the_file_has(daemon, client, start_viewer, tmp_path, pixel_format):
    pixels = grey(noise(900, 1200)) if "GRAY" in pixel_format else noise(900, 1200)
    path = write_png(tmp_path / "n.png", pixels)
    client.ask("LOAD", path=path, name="n", format=pixel_format)
    viewer = start_viewer("--socket", daemon.path, "--exact", "n")
    viewer.window("^n - ")
    viewer.press("1")

    def place():
        return place_in(pixels, viewer.shown()[150:350, 200:500])

    row, column = eventually(place)
    viewer.screen.xdotool("mousemove", viewer.SIDE + 250, 200, "click", 1)
    viewer.press("Right", "Down")
    eventually(lambda: place() and place() > (row, column))


# Of one grey each, so that grey formats show the same.
GREYS = [(20, 20, 20), (90, 90, 90), (160, 160, 160), (250, 250, 250)]


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_reduced_in_every_format(daemon, client, start_viewer, tmp_path, pixel_format):
    colours = GREYS if "GRAY" in pixel_format else QUADRANTS
    path = write_png(tmp_path / "q.png", flat(colours, 900, 1200))
    client.ask("LOAD", path=path, name="q", format=pixel_format)
    viewer = start_viewer("--socket", daemon.path, "--exact", "q")
    viewer.screen.await_colours(colours, 40000)


def test_fine_lines_are_mixed(daemon, start_viewer, tmp_path):
    """No line is left out, and none stands alone: all is grey."""
    pixels = numpy.zeros((900, 1200, 3), numpy.uint8)
    pixels[:, ::2] = 255
    viewer = start_viewer("--socket", daemon.path, write_png(tmp_path / "l.png", pixels))

    def inner():
        return viewer.shown()[150:350, 100:500]

    eventually(lambda: abs(inner().astype(int) - 127).max() <= 64)


@pytest.mark.parametrize("pixel_format", ["RGBA8", "BGRA8-premul", "RGBA16"])
def test_reduced_over_chequers(daemon, client, start_viewer, tmp_path, pixel_format):
    pixels = numpy.zeros((900, 1200, 4), numpy.uint8)
    pixels[:] = (255, 0, 0, 128)
    client.ask("LOAD", path=write_png(tmp_path / "a.png", pixels), name="a", format=pixel_format)
    viewer = start_viewer("--socket", daemon.path, "--exact", "a")
    for square in (204, 153):
        mixed = numpy.array([square] * 3) * 127 / 255 + (128, 0, 0)
        eventually(lambda: (abs(viewer.shown() - mixed).max(axis=2) <= 2).sum() > 40000)


def memory(viewer):
    """The most memory that a viewer had until now, in kB."""
    with open(f"/proc/{viewer.pid}/status", encoding="ascii") as file:
        return int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1])


@pytest.mark.parametrize("pixel_format", FORMATS)
def test_no_copy_is_ever_made(daemon, client, start_viewer, quadrants, tmp_path, pixel_format):
    """Whatever is drawn, it has the image's pages and little more."""
    client.ask("LOAD", path=quadrants, name="small")
    viewer = start_viewer("--socket", daemon.path, "--exact", "small")
    viewer.screen.await_colours(QUADRANTS)
    before = memory(viewer)
    colours = GREYS if "GRAY" in pixel_format else OTHERS
    path = write_png(tmp_path / "big.png", flat(colours, 3000, 4000))
    size = client.ask("LOAD", path=path, name="big", format=pixel_format)["size"]
    eventually(lambda: viewer.has_thumbnail(colours))
    viewer.press("alt+i", "Home", "Return")
    viewer.screen.await_colours(colours, 30000)
    viewer.press("1")
    eventually(lambda: viewer.shown()[200, 250].tolist() == viewer.shown()[210, 260].tolist())
    viewer.press("minus", "minus", "0")
    viewer.screen.await_colours(colours, 30000)
    assert memory(viewer) - before < int(size) / 1024 + 16000
