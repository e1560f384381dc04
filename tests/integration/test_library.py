"""The library and the real daemon, by way of the example of libshmimg(3)."""

import os
import re
import subprocess

import pytest
from client import TIMEOUT, eventually
from pictures import noise, write_png
from server import BUILD, TOP

MANUAL = os.path.join(TOP, "client", "lib", "libshmimg.3")
SOURCE = os.path.join(TOP, "client", "lib", "example.c")
PROGRAM = os.path.join(BUILD, "tests", "unit", "test-example")


def shown():
    """The program in the manual page, as a reader sees it."""
    with open(MANUAL, encoding="utf-8") as file:
        (block,) = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", file.read(), re.M | re.S)
    return re.sub(r"^\\&", "", block, flags=re.M).replace("\\e", "\\")


@pytest.fixture
def run(tmp_path):
    def run(socket, *arguments):
        return subprocess.run(
            [PROGRAM, *map(str, arguments)],
            env={**os.environ, "SHMIMG_SOCKET": str(socket)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def line(path, pixels, how):
    height, width, _ = pixels.shape
    sums = pixels.reshape(-1, 3).sum(axis=0, dtype=int)
    mean = " ".join(str(total // width // height) for total in sums)
    return f"{path}: {width}x{height}, mean {mean} 255, {how}\n"


def test_the_manual_shows_the_example():
    with open(SOURCE, encoding="utf-8") as file:
        assert shown() == file.read()


def test_what_the_manual_shows_compiles(tmp_path):
    source = tmp_path / "example.c"
    source.write_text(shown(), encoding="utf-8")
    subprocess.run(
        ["cc", "-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", "-c", str(source)]
        + ["-I", os.path.join(TOP, "client", "include"), "-o", str(tmp_path / "example.o")],
        check=True,
    )


def test_decoded_once(daemon, client, run, tmp_path):
    pixels = noise(37, 53)
    path = write_png(tmp_path / "a picture.png", pixels)
    first, second = run(daemon.path, path), run(daemon.path, path)
    assert (first.stdout, first.stderr) == (line(path, pixels, "decoded"), "")
    assert (second.stdout, second.stderr) == (line(path, pixels, "from memory"), "")
    assert client.ask("STATS")["decodes"] == "1"


def test_nothing_is_pinned_or_locked_afterwards(daemon, client, run, tmp_path):
    path = write_png(tmp_path / "x.png", noise(4, 4))
    assert run(daemon.path, path).returncode == 0
    stat = client.ask("STAT", name=path)
    assert (stat["pins"], stat["lock"], stat["waiters"]) == ("0", "free", "0")


def test_named_by_its_absolute_path(daemon, run, tmp_path):
    pixels = noise(3, 5)
    path = write_png(tmp_path / "x.png", pixels)
    assert run(daemon.path, "./x.png").stdout == line(path, pixels, "decoded")
    assert run(daemon.path, path).stdout == line(path, pixels, "from memory")


def test_refusals_are_told(daemon, run, tmp_path):
    pixels = noise(2, 2)
    good = write_png(tmp_path / "good.png", pixels)
    bad = tmp_path / "bad.png"
    bad.write_text("no image at all")
    done = run(daemon.path, tmp_path / "none.png", bad, good)
    assert done.returncode == 1
    assert done.stdout == line(good, pixels, "decoded")
    missing, refused = done.stderr.splitlines()
    assert missing.endswith("none.png: No such file or directory")
    assert refused.startswith(f"{bad}: ") and len(refused) > len(f"{bad}: ")


def test_no_daemon(run, tmp_path):
    done = run(tmp_path / "socket", "x.png")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "cannot connect to shmimgd: No such file or directory\n"


def test_threads_share_a_client(daemon, client, tmp_path):
    """They load, fetch and release at once; then loads are late and cancelled. No pin is left."""
    paths = [write_png(tmp_path / f"{side}.png", noise(side, side)) for side in (20, 21, 22, 3000)]
    program = os.path.join(BUILD, "tests", "unit", "library-threads")
    done = subprocess.run(
        [program, daemon.path, *map(str, paths)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stdout == "wrong=0 pins=0 loads=0\n", done.stderr
    eventually(lambda: client.ask("STATS")["connections"] == "1")
