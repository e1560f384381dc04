"""Renditions of several sizes as the library, shmimgctl and Python have them."""

import errno
import inspect
import json
import os
import subprocess

import numpy
import pytest
import shmimg
from client import eventually
from pictures import noise, smooth, write_png
from server import BUILD
from PIL import Image

SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")


@pytest.fixture
def picture(tmp_path):
    return write_png(tmp_path / "a.png", smooth(300, 400))


# ---- The library ----


@pytest.fixture
def user(daemon, library):
    return library(daemon.path)


def size(user, number):
    return tuple(map(int, user.ask("size", number).split()))


def in_box(user, box, *words):
    """Loads or fetches as it fits into a box: the handle's number."""
    user.ask("box", *box)
    return user.image(*words)[0]


def handle(user, number):
    return int(user.ask("same", number))


def test_library_loads_and_fetches_in_a_box(user, picture):
    small = in_box(user, (40, 0), "load", picture, "a")
    assert size(user, small) == (40, 30, 400, 300)
    assert size(user, in_box(user, (0, 0), "fetch", "a")) == (40, 30, 400, 300)
    whole = in_box(user, (0, 0), "load", picture, "a")
    assert size(user, whole) == (400, 300, 400, 300)
    assert size(user, in_box(user, (0, 0), "fetch", "a")) == (400, 300, 400, 300)
    user.ask("box", 7, 7)
    assert user.refused("fetch", "a") == errno.ENOENT


@pytest.mark.parametrize("box", [(-1, 0), (0, 2**31)])
def test_library_refuses_what_is_no_box(user, picture, box):
    user.ask("box", *box)
    assert user.refused("load", picture, "a") == errno.EINVAL


def test_library_keeps_each_size(user, client, picture):
    whole = in_box(user, (0, 0), "load", picture, "a")
    small = in_box(user, (40, 0), "load", picture, "a")
    tiny = in_box(user, (0, 6), "load", picture, "a")
    before = client.stats()["fetches"]
    boxes = {(0, 0): whole, (400, 300): whole, (1000, 0): whole, (40, 0): small, (0, 30): small,
             (40, 30): small, (8, 6): tiny, (0, 6): tiny}
    for box, number in boxes.items():
        assert handle(user, in_box(user, box, "fetch", "a")) == number
    assert client.stats()["fetches"] == before
    assert client.stats()["user-pins"] == 3


def test_library_asks_for_the_largest_when_it_has_not_the_whole(user, client, picture):
    in_box(user, (40, 0), "load", picture, "a")
    in_box(user, (0, 0), "fetch", "a")
    assert client.stats()["fetches"] == 1
    client.ask("LOAD", path=picture, name="a", width=50)
    assert size(user, in_box(user, (0, 0), "fetch", "a")) == (50, 38, 400, 300)


def test_library_lets_go_of_all_sizes_of_the_old_generation(user, client, picture):
    for box in ((0, 0), (40, 0), (20, 0)):
        user.ask("unref", in_box(user, box, "load", picture, "a"))
    assert client.stats()["user-pins"] == 3
    write_png(picture, noise(80, 40))
    assert size(user, in_box(user, (20, 0), "load", picture, "a")) == (20, 40, 40, 80)
    assert client.stats()["user-pins"] == 1
    user.ask("box", 0, 0)
    assert size(user, user.image("fetch", "a")[0]) == (20, 40, 40, 80)


def test_library_releases_one_size(user, client, picture):
    whole = in_box(user, (0, 0), "load", picture, "a")
    small = in_box(user, (40, 0), "load", picture, "a")
    user.ask("release", whole)
    assert client.stats()["user-pins"] == 1
    assert user.refused("release", whole) == errno.ENOENT
    client.ask("FETCH", name="a", width=40)
    user.ask("release", small)
    assert client.ask("STAT", name="a")["pins"] == "1"


def test_library_takes_the_right_pins_again(restart, library, picture):
    first = restart()
    user = library(first.path)
    for box in ((0, 0), (40, 0), (20, 0)):
        in_box(user, box, "load", picture, "a")
    released = in_box(user, (20, 0), "fetch", "a")
    user.ask("release", released)
    first.kill()
    second = restart()
    user.ask("stats")
    with second.connect() as client:
        assert client.ask("STAT", name="a")["pins"] == "2"
        client.ask("FETCH", name="a", width=20)
        assert client.ask("STAT", name="a")["pins"] == "3"


# ---- shmimgctl ----


def ctl(daemon, *words):
    done = subprocess.run(
        [SHMIMGCTL, "--socket", daemon.path, *map(str, words)], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def test_ctl_loads_shows_and_writes_a_small_one(daemon, picture, tmp_path):
    code, out, _ = ctl(daemon, "load", "--width", 100, "--height", 60, picture)
    assert code == 0 and out.startswith(f"{picture}: 80x60 of 400x300 RGBA8, ")
    assert ctl(daemon, "load", picture)[1].startswith(f"{picture}: 400x300 RGBA8, ")
    where = tmp_path / "small.png"
    assert ctl(daemon, "fetch", "--height", 60, "-o", where, picture)[0] == 0
    with Image.open(where) as small:
        assert small.size == (80, 60)
    for verb in ("fetch", "stat"):
        code, out, _ = ctl(daemon, "--json", verb, "--width", 80, picture)
        told = json.loads(out)
        assert (code, told["width"], told["height"]) == (0, 80, 60)
        assert (told["full-width"], told["full-height"]) == (400, 300)
    told = json.loads(ctl(daemon, "--json", "fetch", picture)[1])
    assert told["width"] == 400 and "full-width" not in told
    told = json.loads(ctl(daemon, "--json", "load", "--width", 80, picture)[1])
    assert (told["width"], told["full-width"], told["cached"]) == (80, 400, "yes")
    code, out, _ = ctl(daemon, "show", "--mode", "plain", "--width", 80, picture)
    assert code == 0 and out
    assert "RGBA8,RGBA8:80x60" in ctl(daemon, "list")[1]


def test_ctl_tells_what_is_not_there(daemon, picture):
    ctl(daemon, "load", picture)
    for verb in ("fetch", "stat", "show"):
        code, _, said = ctl(daemon, verb, "--width", 9, picture)
        assert code == 1 and "not-found" in said and "width=9" in said


@pytest.mark.parametrize("text", ["0", "-1", "x", "2147483648"])
def test_ctl_wants_a_number(daemon, picture, text):
    for word in ("--width", "--height"):
        code, _, said = ctl(daemon, "load", f"{word}={text}", picture)
        assert code == 2 and f"{word} {text}: not a valid value; give PIXELS" in said


# ---- Python ----


@pytest.fixture
def shm(daemon):
    with shmimg.connect(daemon.path, 60) as client:
        yield client


def test_python_loads_and_fetches_in_a_box(shm, picture):
    small = shm.load(picture, "a", width=40)
    assert small.array.shape == (30, 40, 4)
    assert (small.full_width, small.full_height) == (400, 300)
    assert shm.fetch("a").width == 40
    whole = shm.load(picture, "a")
    assert (whole.width, whole.full_width, whole.full_height) == (400, 400, 300)
    assert shm.fetch("a").width == 400
    again = shm.fetch("a", height=30)
    assert again.segment == small.segment and numpy.array_equal(again.array, small.array)
    record = shm.stat("a", width=40)
    assert (record["width"], record["full-width"], record["full-height"]) == (40, 400, 300)
    assert record["renditions"] == ["RGBA8", "RGBA8:40x30"]
    with pytest.raises(shmimg.NotFound, match="width=7"):
        shm.fetch("a", width=7)


@pytest.mark.parametrize("side", [0, -1, 2**31])
def test_python_refuses_what_is_no_box(shm, picture, side):
    for call in (lambda **box: shm.load(picture, **box), lambda **box: shm.fetch("a", **box)):
        for word in ("width", "height"):
            with pytest.raises(shmimg.InvalidArgument, match="from 1 to 2147483647"):
                call(**{word: side})


def test_python_functions_take_what_methods_take():
    for word in ("load", "fetch", "stat"):
        method = inspect.signature(getattr(shmimg.Client, word)).parameters
        assert [*method][1:] == [*inspect.signature(getattr(shmimg, word)).parameters]


def test_python_lets_go_of_one_size(shm, client, picture):
    whole = shm.load(picture, "a")
    small = shm.load(picture, "a", width=40)
    assert client.stats()["user-pins"] == 2
    shm.release(small)
    with pytest.raises(shmimg.NotFound):
        shm.release(small)
    assert client.stats()["user-pins"] == 1
    del whole
    eventually(lambda: client.stats()["user-pins"] == 0)


def test_python_takes_the_right_pins_again(restart, picture):
    first = restart()
    with shmimg.connect(first.path, 60) as shm:
        images = [shm.load(picture, "a"), shm.load(picture, "a", width=40)]
        first.kill()
        with restart().connect() as client:
            shm.stats()
            assert client.ask("STAT", name="a")["pins"] == "2"
            client.ask("FETCH", name="a", width=40)
            assert client.ask("STAT", name="a")["pins"] == "3"
        assert [image.width for image in images] == [400, 40]


def test_python_on_the_command_line(daemon, picture, capsys):
    from shmimg.__main__ import main

    options = ["--socket", daemon.path, "--json"]
    assert main([*options, "load", "--width", "40", "--name", "a", picture]) == 0
    assert main([*options, "fetch", "--height", "30", "a"]) == 0
    assert main([*options, "stat", "--width", "41", "a"]) == 1
    loaded, fetched = map(json.loads, capsys.readouterr().out.splitlines())
    assert loaded["segment"] == fetched["segment"]
    assert (fetched["full-width"], fetched["full-height"]) == (400, 300)
