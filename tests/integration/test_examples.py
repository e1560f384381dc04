"""The examples beside the library: run as they are, and their results compared."""

import os
import re
import subprocess

import numpy
import pytest
from PIL import Image
from pictures import noise, write_png
from server import BUILD
from terminal import direct_colour, half_blocks


@pytest.fixture
def run(daemon, tmp_path):
    def run(example, *words):
        program = os.path.join(BUILD, "tests", "unit", f"test-example-{example}")
        return subprocess.run(
            [program, *map(str, words)],
            env={**os.environ, "SHMIMG_SOCKET": daemon.path},
            cwd=tmp_path,
            capture_output=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_slide_show(run, client, tmp_path):
    pictures = [noise(48, 80, seed=seed) for seed in (1, 2)]
    paths = [write_png(tmp_path / f"{i}.png", each) for i, each in enumerate(pictures)]
    done = run("slideshow", 0, *paths)
    assert (done.returncode, done.stderr) == (0, b"")
    _, *screens = done.stdout.split(b"\x1b[H")
    # Both colours of a cell come in one sequence there.
    cell = re.compile(rb"(\[38;2;\d+;\d+;\d+);48")
    apart = [cell.sub(b"\\1m\x1b[48", screen) for screen in screens]
    shown = [half_blocks(screen, direct_colour) for screen in apart]
    assert len(shown) == 2
    assert all((one == other).all() for one, other in zip(shown, pictures))
    assert client.ask("STAT", name=paths[0])["pins"] == "0"


def test_the_slide_show_without_a_picture(run):
    done = run("slideshow", 0, "none.png")
    assert done.returncode == 1 and b"No such file" in done.stderr


def test_cairo_draws_from_the_mapping(run, tmp_path):
    pixels = numpy.dstack([noise(40, 60), noise(40, 60, 1)])
    pixels[:, :, 3] |= 0xC0
    path = write_png(tmp_path / "a.png", pixels)
    done = run("cairo", path, "result.png")
    assert (done.returncode, done.stderr) == (0, b"")
    with Image.open(tmp_path / "result.png") as result:
        drawn = numpy.asarray(result.convert("RGBA")).astype(int)
    assert (drawn[0] == (255, 0, 0, 255)).all() and (drawn[:, -1] == (255, 0, 0, 255)).all()
    inner = (slice(3, -3), slice(3, -3))
    # Premultiplied and back: some of a colour is lost where it is not opaque.
    assert abs(drawn[inner] - pixels[inner]).max() <= 2


def test_cairo_without_a_picture_or_a_place(run, tmp_path):
    done = run("cairo", "none.png", "result.png")
    assert done.returncode == 1 and b"none.png: No such file" in done.stderr
    path = write_png(tmp_path / "a.png", noise(4, 4))
    done = run("cairo", path, "no/such/folder.png")
    assert done.returncode == 1 and b"no/such/folder.png" in done.stderr
    assert run("cairo", path).returncode == 2
