"""What the library keeps: a second fetch asks nobody, and never gets what is not the newest."""

import errno
import os
import re
import subprocess

import numpy
import pytest
from client import eventually
from pictures import noise, tiny_png, write_png
from server import SHMIMGD
from users import connect_as

TRACE = ["strace", "-qq", "-o"]
ANY = -2  # SHMIMG_OWNER_ANY


@pytest.fixture
def user(daemon, library):
    return library(daemon.path)


def load(client, path, **options):
    return client.load_fd(path, name="a", **options)


def fetches(client):
    return client.stats()["fetches"]


def handle(user, number):
    """The number under which an image's handle came first."""
    return int(user.ask("same", number))


@pytest.fixture
def image(client, tmp_path):
    return load(client, write_png(tmp_path / "a.png", noise(30, 40)))


def change(client, tmp_path, seed=9):
    return load(client, write_png(tmp_path / "a.png", noise(31, 41, seed=seed)))


def test_a_second_fetch_makes_no_system_call(daemon, library, image, tmp_path):
    log = tmp_path / "trace"
    user = library(daemon.path, 10000, [*TRACE, str(log)])
    first, generation = user.image("fetch", "a")
    second = user.image("fetch", "a")[0]
    assert handle(user, second) == first and generation == int(image["generation"])
    user.close()
    calls = re.findall(r"^(\w+)\((\d+)?", log.read_text(encoding="utf-8"), re.M)
    between = [number for number, call in enumerate(calls) if call == ("read", "0")]
    # The last reads are of: fetch, fetch, same, the end.
    assert [name for name, _ in calls[between[-4] : between[-3]]].count("sendmsg") == 1
    assert [name for name, _ in calls[between[-3] : between[-2]]] == ["read", "write"]


def test_it_is_the_same_handle_and_the_daemon_does_not_hear_of_it(client, user, image):
    first, _ = user.image("fetch", "a")
    before = fetches(client)
    again = [user.image("fetch", "a")[0] for _ in range(5)]
    assert {handle(user, each) for each in again} == {first}
    assert fetches(client) == before
    for each in (first, *again):
        user.ask("unref", each)
    assert user.image("fetch", "a")[1] == int(image["generation"])
    assert fetches(client) == before
    assert client.ask("STAT", name="a")["pins"] == "2", "ours and its one"


def test_what_is_loaded_is_kept_too(client, user, tmp_path):
    path = write_png(tmp_path / "a.png", noise(30, 40))
    number, _ = user.image("load", path, "a")
    before = fetches(client)
    assert handle(user, user.image("fetch", "a")[0]) == number
    assert fetches(client) == before


def test_a_change_is_seen_and_the_old_one_released(client, user, image, tmp_path):
    first, _ = user.image("fetch", "a")
    user.ask("unref", first)
    client.ask("RELEASE", name="a", generation=image["generation"])
    new = change(client, tmp_path)
    second, generation = user.image("fetch", "a")
    assert generation == int(new["generation"])
    eventually(lambda: not os.path.exists("/dev/shm" + image["segment"]))
    pixels = user.pixels(second, tmp_path / "raw", (31, 41, 3))
    assert numpy.array_equal(pixels, noise(31, 41, seed=9))


def test_an_old_one_in_use_stays_pinned(client, user, image, tmp_path):
    first, _ = user.image("fetch", "a")
    client.ask("RELEASE", name="a", generation=image["generation"])
    change(client, tmp_path)
    second, _ = user.image("fetch", "a")
    assert handle(user, second) == second
    assert os.path.exists("/dev/shm" + image["segment"])
    pixels = user.pixels(first, tmp_path / "raw", (30, 40, 3))
    assert numpy.array_equal(pixels, noise(30, 40))
    user.ask("release", first)
    eventually(lambda: not os.path.exists("/dev/shm" + image["segment"]))


def test_what_was_dropped_is_not_found(client, user, image):
    user.image("fetch", "a")
    client.ask("DROP", name="a")
    assert user.refused("fetch", "a") == errno.ENOENT
    assert user.refused("fetch", "a") == errno.ENOENT


def test_what_was_released_is_asked_for(client, user, image):
    first, _ = user.image("fetch", "a")
    user.ask("release", first)
    before = fetches(client)
    second, _ = user.image("fetch", "a")
    assert fetches(client) == before + 1 and handle(user, second) == second


def test_it_can_be_turned_off_and_on(client, user, image):
    user.image("fetch", "a")
    user.ask("kept", 0)
    before = fetches(client)
    assert handle(user, user.image("fetch", "a")[0]) == 1
    assert handle(user, user.image("fetch", "a")[0]) == 2
    assert fetches(client) == before + 2
    user.ask("kept", 1 << 20)
    third, _ = user.image("fetch", "a")
    assert handle(user, user.image("fetch", "a")[0]) == third


def test_it_is_bounded_and_the_oldest_goes(client, user, tmp_path):
    for name in "abc":
        client.load_fd(write_png(tmp_path / name, noise(100, 100)), name=name)
    size = int(client.ask("STAT", name="a")["size"])
    user.ask("kept", 2 * size)
    for name in "aba":
        user.image("fetch", name)
    user.image("fetch", "c")  # in place of b, which was used before a
    before = fetches(client)
    user.image("fetch", "a")
    user.image("fetch", "c")
    assert fetches(client) == before
    user.image("fetch", "b")
    assert fetches(client) == before + 1


def test_many_are_bounded_too(client, user, tmp_path):
    path = tiny_png(tmp_path / "tiny.png")
    names = [f"{number}" for number in range(1100)]
    for name in names:
        client.load_fd(path, name=name, pin="no")
        user.ask("unref", user.image("fetch", name)[0])
    before = fetches(client)
    user.ask("unref", user.image("fetch", names[-1])[0])
    assert fetches(client) == before
    user.ask("unref", user.image("fetch", names[0])[0])
    assert fetches(client) == before + 1
    with open(f"/proc/{user.process.pid}/maps", encoding="utf-8") as maps:
        assert sum("/dev/shm/shmimg-" in line for line in maps) <= 1024 + 1, "and the board"


def test_a_killed_daemons_images_are_shown_and_then_pinned_again(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    number, generation = user.image("load", tiny_png(tmp_path / "a.png"), "a")
    first.kill()
    assert handle(user, user.image("fetch", "a")[0]) == number
    second = restart()
    again, now = user.image("fetch", "a")
    assert now == generation
    with second.connect() as client:
        assert client.ask("STAT", name="a")["pins"] == "1"


def test_a_stopped_daemons_images_are_gone(restart, library, tmp_path):
    first = restart()
    user = library(first.path, 300)
    user.image("load", tiny_png(tmp_path / "a.png"), "a")
    user.image("fetch", "a")
    first.stop()
    assert user.refused("fetch", "a") == errno.ECONNREFUSED
    second = restart()
    assert user.refused("fetch", "a") == errno.ENOENT
    with second.connect() as client:
        client.load_fd(tiny_png(tmp_path / "a.png"), name="a")
    assert user.image("fetch", "a")[1] == user.image("fetch", "a")[1]


def test_cleanup_ends_what_is_kept(restart, library, tmp_path):
    first = restart()
    user = library(first.path, 300)
    user.image("load", tiny_png(tmp_path / "a.png"), "a")
    first.kill()
    user.image("fetch", "a")
    subprocess.run([SHMIMGD, "--socket", first.path, "--cleanup"], check=True)
    assert user.refused("fetch", "a") == errno.ECONNREFUSED


@pytest.mark.skipif(os.geteuid() != 0, reason="acting as another user takes root")
def test_of_anothers_image_only_what_is_said_to_be(start_daemon, folder, library, tmp_path):
    daemon = start_daemon(folder=folder)
    user = library(daemon.path)
    path = tiny_png(tmp_path / "a.png")
    with connect_as(1234, daemon.connect) as other:
        other.load_fd(path, name="a", share="all")
        assert user.refused("fetch", "a") == errno.ENOENT
        user.image("fetch", "a", ANY)
        before = fetches(other)
        user.image("fetch", "a", ANY)
        assert fetches(other) == before + 1, "one's own comes first, and may be there by now"
        user.image("fetch", "a", 1234)
        before = fetches(other)
        user.image("fetch", "a", 1234)
        assert fetches(other) == before
