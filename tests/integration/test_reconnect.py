"""The library through restarts of the real daemon: its callers notice nothing."""

import errno
import os
import random
import signal
import subprocess
import threading
import time

import numpy
import pytest
from client import TIMEOUT
from pictures import noise, tiny_png, write_png
from server import BUILD, suspend

CTL = os.path.join(BUILD, "client", "ctl", "shmimgctl")
AWAY = 0.3


def pins(daemon, name):
    with daemon.connect() as client:
        return client.ask("STAT", name=name)["pins"]


def test_nothing_is_noticed(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    shown = {}
    for number, name in enumerate("abc"):
        pixels = noise(20 + number, 30, seed=number)
        path = write_png(tmp_path / f"{name}.png", pixels)
        shown[name] = (user.image("load", path, name), pixels)
    user.ask("release", shown["c"][0][0])
    first.kill()
    second = restart()
    assert user.ask("stats") == "3"
    assert [pins(second, name) for name in "abc"] == ["1", "1", "0"]
    for name, ((number, generation), pixels) in shown.items():
        again, found = user.image("fetch", name)
        assert found == generation
        for image in (number, again):
            copy = user.pixels(image, tmp_path / "raw", pixels.shape)
            assert numpy.array_equal(copy, pixels)
        user.ask("release", again)
        assert pins(second, name) == "0"


def test_a_lock_is_held_through_it(restart, library, tmp_path):
    first = restart()
    holder, other = library(first.path), library(first.path)
    number, _ = holder.image("load", tiny_png(tmp_path / "a.png"), "a")
    holder.ask("lock", number, 0)
    first.kill()
    second = restart()
    theirs, _ = other.image("fetch", "a")
    assert other.refused("lock", theirs, 0) == errno.EAGAIN
    with second.connect() as client:
        assert client.ask("STAT", name="a")["lock"] == str(holder.process.pid)
    other.begin("lock", theirs, int(TIMEOUT * 1000))
    holder.ask("unlock", number)
    other.end()
    second.kill()
    third = restart()
    other.ask("unlock", theirs)
    assert holder.ask("stats") == other.ask("stats") == "1"
    assert pins(third, "a") == "2"


def test_while_there_is_no_daemon(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    user.image("load", tiny_png(tmp_path / "a.png"), "a")
    first.kill()
    began = time.monotonic()
    user.begin("stats")
    time.sleep(AWAY)
    second = restart()
    assert user.end() == "1"
    assert time.monotonic() - began >= AWAY
    assert pins(second, "a") == "1"
    second.kill()
    user.ask("timeout", 50)
    assert user.refused("stats") == errno.ECONNREFUSED
    os.unlink(second.path)
    assert user.refused("fetch", "b") == errno.ECONNREFUSED
    user.ask("timeout", int(TIMEOUT * 1000))
    third = restart()
    assert user.ask("list") == "a"
    assert pins(third, "a") == "1"


def test_fifty_restarts(restart, library, tmp_path):
    daemon = restart()
    user = library(daemon.path)
    pixels = noise(30, 40)
    path = write_png(tmp_path / "a.png", pixels)
    number, generation = user.image("load", path, "a")
    before = user.open_files()

    def look(*words):
        again, found = user.image(*words)
        assert found == generation
        user.ask("unref", again)

    calls = [
        lambda: user.ask("stats"),
        lambda: look("fetch", "a"),
        lambda: look("load", path, "a"),
        lambda: user.ask("list"),
        lambda: user.refused("drop", "b"),
    ]
    for turn in range(50):
        daemon.kill()
        daemon = restart()
        calls[turn % len(calls)]()
        assert pins(daemon, "a") == "1"
    assert numpy.array_equal(user.pixels(number, tmp_path / "raw", pixels.shape), pixels)
    assert user.open_files() == before


def test_killed_over_a_load(restart, library, tmp_path):
    daemon = restart()
    user = library(daemon.path)
    pixels = noise(600, 800)
    path = write_png(tmp_path / "a.png", pixels)
    chance = random.Random(3)
    for turn in range(10):
        user.begin("load", path, f"a{turn}")
        time.sleep(chance.random() * 0.05)
        daemon.kill()
        daemon = restart()
        number, _ = map(int, user.end().split())
        user.ask("stats")  # it may have been answered before the end
        assert pins(daemon, f"a{turn}") == "1"
        assert numpy.array_equal(user.pixels(number, tmp_path / "raw", pixels.shape), pixels)


def test_after_a_clean_stop(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    pixels = noise(8, 9)
    path = write_png(tmp_path / "a.png", pixels)
    old, _ = user.image("load", path, "a")
    first.stop()
    second = restart()
    assert user.refused("fetch", "a") == errno.ENOENT
    assert user.refused("lock", old, 0) == errno.EIDRM
    new, _ = user.image("load", path, "a")
    for number in (old, new):
        assert numpy.array_equal(user.pixels(number, tmp_path / "raw", pixels.shape), pixels)
    assert pins(second, "a") == "1"
    user.ask("release", new)
    user.ask("release", old)
    assert pins(second, "a") == "0"


def test_a_newer_generation_is_not_pinned(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    old, generation = user.image("load", tiny_png(tmp_path / "a.png"), "a")
    first.kill()
    second = restart()
    with second.connect() as client:
        reply = client.ask("LOAD", path=write_png(tmp_path / "a.png", noise(5, 6)), name="a")
        assert int(reply["generation"]) > generation
        user.ask("stats")
        assert client.ask("STAT", name="a")["pins"] == "1"
    user.ask("release", old)
    assert pins(second, "a") == "0"


def test_what_was_dropped_is_not_pinned(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    number, _ = user.image("load", tiny_png(tmp_path / "a.png"), "a")
    user.ask("drop", "a")
    first.kill()
    second = restart()
    assert user.ask("stats") == "0" and len(second.segments()) == 1
    user.ask("release", number)


def test_many_clients_come_back(restart, library, tmp_path):
    first = restart()
    path = tiny_png(tmp_path / "a.png")
    users = [library(first.path) for _ in range(8)]
    for user in users:
        user.image("load", path, "a")
    first.kill()
    for user in users:
        user.begin("stats")
    second = restart()
    for user in users:
        user.end()
    assert pins(second, "a") == "8"


def test_a_daemon_that_hangs(restart, library, tmp_path):
    """Is given up in time, and found again when it goes on."""
    daemon = restart()
    user = library(daemon.path)
    user.image("load", tiny_png(tmp_path / "a.png"), "a")
    user.ask("timeout", 100)
    suspend(daemon.pid)
    try:
        assert user.refused("stats") == errno.ETIMEDOUT
        assert user.refused("stats") == errno.ETIMEDOUT
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    user.ask("timeout", int(TIMEOUT * 1000))
    assert user.ask("stats") == "1"
    assert pins(daemon, "a") == "1"


def test_a_watch_goes_on(restart, library, tmp_path):
    first = restart()
    user = library(first.path)
    user.ask("watch")
    with first.connect() as client:
        client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    assert user.ask("event", 1000 * int(TIMEOUT)) == "loaded a"
    first.kill()
    user.begin("event", -1)
    second = restart()
    assert user.end() == "overflow -"
    with second.connect() as client:
        client.ask("DROP", name="a")
    assert user.ask("event", -1) == "dropped a"
    assert user.refused("event", 0) == errno.ETIMEDOUT


@pytest.mark.parametrize("back", [True, False])
def test_shmimgctl_load(restart, tmp_path, back):
    """A daemon that comes back is waited for; else there is no daemon: exit code 3."""
    daemon = restart()
    count = 40
    paths = [write_png(tmp_path / f"{n}.png", noise(500, 500, seed=n)) for n in range(count)]
    command = [CTL, "--socket", daemon.path, "--no-autostart", "--json"]
    command += ["--timeout", str(TIMEOUT) if back else "0.3", "load"]
    with subprocess.Popen(command + paths, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("{")
        daemon.kill()
        starter = threading.Thread(target=restart)
        if back:
            starter.start()
        printed = process.stdout.read().splitlines()
        if back:
            starter.join()
    assert process.returncode == (0 if back else 3)
    assert len(printed) == count - 1 if back else len(printed) < count - 1
