"""A daemon that takes over from one that was killed: what was answered for is all there."""

import os
import random
import subprocess
import threading
import time

import numpy
import pytest
import semaphore
from client import Refused
from pictures import noise, tiny_png, write_png
from segment import check_reply, shm_path
from server import SHMIMGD

KEPT = ("name", "segment", "size", "offset", "width", "height", "stride", "format")
KEPT += ("generation", "semaphore", "slot", "owner", "share", "keep", "type", "renditions")


def facts(item):
    return {key: item[key] for key in KEPT}


def test_everything_is_as_it_was(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        client.ask("LOAD", path=write_png(tmp_path / "a.png", noise(30, 40)), name="a")
        client.ask("LOAD", path=str(tmp_path / "a.png"), name="a", format="GRAY8")
        for number, keep in enumerate(("cache", "pinned", "attached")):
            path = tiny_png(tmp_path / f"{number}.png", number)
            client.ask("LOAD", path=path, name="n" * 4000 + str(number), keep=keep, share="all")
        before = [facts(item) for item in client.items()]
        a = client.ask("FETCH", name="a")
        board, images = first.hello["board"], first.segments()
        first.kill()
    second = restart()
    assert second.hello["board"] == board and second.segments() == images
    with second.connect() as client:
        assert [facts(item) for item in client.items()] == before
        assert client.ask("FETCH", name="a")["segment"] == a["segment"]
        check_reply(client.ask("FETCH", name="a", format="GRAY8"))
        again = client.ask("LOAD", path=str(tmp_path / "a.png"), name="a")
        assert again["cached"] == "yes" and again["generation"] == a["generation"]
        new = client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")
        assert int(new["generation"]) > max(int(item["generation"]) for item in before)
        assert new["slot"] not in [item["slot"] for item in before]
        assert new["semaphore"] not in [item["semaphore"] for item in before]


def test_a_lifetime_that_was_changed_stays_so(restart, tmp_path):
    words = ("cache", "pinned", "attached")
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(3)]
    first = restart()
    with first.connect() as client:
        for path, keep in zip(paths, words):
            client.ask("LOAD", path=path, name=path, keep=keep)
            client.ask("LOAD", path=path, name=path, format="GRAY8", keep="pinned")
        for path, keep in zip(paths, (*words[1:], "cache")):
            assert client.ask("LOAD", path=path, name=path, keep=keep)["cached"] == "yes"
        os.rename(tiny_png(tmp_path / "new.png", 9), paths[0])
        client.ask("LOAD", path=paths[0], name=paths[0])
        first.kill()
    second = restart()
    with second.connect() as client:
        assert [item["keep"] for item in client.items()] == ["pinned", "attached", "cache"]
        client.ask("DROP", name=paths[0])
        again = client.ask("LOAD", path=paths[0], name="another")  # in the slot of the first
        assert client.ask("STAT", name="another")["keep"] == "cache", again
        second.kill()
    third = restart()
    with third.connect() as client:
        keeps = {item["name"]: item["keep"] for item in client.items()}
        assert keeps == {paths[1]: "attached", paths[2]: "cache", "another": "cache"}


def test_attached_images_wait_for_their_users(restart, tmp_path):
    """Those whose users do not come back are dropped; many of them in one batch or several."""
    first = restart()
    names = [f"{number:03}" for number in range(150)]
    with first.connect() as client:
        path = tiny_png(tmp_path / "a.png")
        for name in (*names, "returns"):
            client.ask("LOAD", path=path, name=name, keep="attached")
        client.ask("LOAD", path=path, name="cached")
        first.kill()
    second = restart()
    with second.connect() as client, second.connect() as watcher:
        watcher.ask("WATCH")
        assert len(client.items()) == len(names) + 2
        client.ask("FETCH", name="returns")
        events = [watcher.reply() for _ in names]
        assert {verb for verb, _ in events} == {"EVENT"}
        assert [values["name"] for _, values in events] == names
        assert {values["type"] for _, values in events} == {"dropped"}
        assert [item["name"] for item in client.items()] == ["cached", "returns"]
        client.ask("RELEASE", name="returns")
        assert watcher.reply()[1]["name"] == "returns"


def test_what_was_dropped_or_replaced_stays_so(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        path = tiny_png(tmp_path / "a.png")
        old = client.ask("LOAD", path=path, name="a")
        dropped = client.ask("LOAD", path=path, name="b")
        shared = client.ask("LOAD", path=path, name="c")
        write_png(path, noise(3, 4))
        new = client.ask("LOAD", path=path, name="a")
        client.ask("DROP", name="b")
        taken_over = client.ask("LOAD", path=path, name="c", share="all")
        first.kill()
    second = restart()
    with second.connect() as client:
        assert [item["name"] for item in client.items()] == ["a", "c"]
        assert client.ask("FETCH", name="a")["segment"] == new["segment"]
        assert client.ask("FETCH", name="c")["segment"] == taken_over["segment"]
        for gone in (old, dropped, shared):
            assert not os.path.exists(shm_path(gone["segment"]))
        assert client.stats()["bytes"] == int(new["size"]) + int(taken_over["size"])


def damage(reply, offset, data):
    path = shm_path(reply["segment"])
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)
    os.chmod(path, 0o400)


@pytest.mark.parametrize("offset", [0, 48, 72, 352, 512])
def test_a_damaged_header_is_not_believed(restart, tmp_path, offset):
    first = restart()
    with first.connect() as client:
        bad = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        good = client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")
        first.kill()
    damage(bad, offset, b"\xa5")
    with restart().connect() as client:
        assert [item["segment"] for item in client.items()] == [good["segment"]]
    assert not os.path.exists(shm_path(bad["segment"]))


def truncate(path):
    os.chmod(path, 0o600)
    os.truncate(path, 4096)
    os.chmod(path, 0o400)


@pytest.mark.parametrize("harm", [truncate, lambda path: os.chmod(path, 0o666)])
def test_a_segment_that_was_tampered_with_is_removed(restart, tmp_path, harm):
    first = restart()
    with first.connect() as client:
        reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        first.kill()
    harm(shm_path(reply["segment"]))
    with restart().connect() as client:
        assert not client.items()
    assert not os.path.exists(shm_path(reply["segment"]))


def harm_magic(file):
    file.write(b"garbage!")


def harm_version(file):
    file.seek(8)
    file.write(b"\x02")


def harm_slots(file):
    file.seek(32768)
    file.write(b"\xff" * 8)


def harm_size(file):
    file.truncate(32768)


@pytest.mark.parametrize("harm", [harm_magic, harm_version, harm_slots, harm_size])
def test_a_damaged_board_costs_the_images_but_leaves_nothing(restart, tmp_path, harm):
    first = restart()
    with first.connect() as client:
        old = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        first.kill()
    assert first.board.epoch() != 0 and first.semids
    with open(shm_path(first.hello["board"]), "r+b") as file:
        harm(file)
    second = restart()
    assert first.board.epoch() == 0, "clients that have it mapped know that it is gone"
    assert not [semid for semid in first.semids if semaphore.exists(semid)]
    with second.connect() as client:
        assert not client.items()
        assert len(second.segments()) == 1, "the board alone"
        new = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        assert int(new["generation"]) > int(old["generation"])


@pytest.mark.parametrize("harm", [harm_magic, harm_version])
def test_a_program_that_keeps_a_picture_gets_the_next_one(restart, library, tmp_path, harm):
    """The board that it reads is retired, so that it asks the next daemon."""
    first = restart()
    with first.connect() as client:
        path = write_png(tmp_path / "a.png", noise(30, 40))
        old = client.load_fd(path, name="a", keep="pinned")
        user = library(first.path)
        assert user.image("fetch", "a")[1] == int(old["generation"])
        first.kill()
    with open(shm_path(first.hello["board"]), "r+b") as file:
        harm(file)
    second = restart()
    with second.connect() as client:
        new = client.load_fd(write_png(tmp_path / "b.png", noise(31, 41)), name="a")
        assert user.image("fetch", "a")[1] == int(new["generation"])
        assert new["generation"] != old["generation"]


def test_generations_are_never_used_twice(restart, tmp_path):
    """After a clean stop, a crash, and a crash that the board has not outlived."""
    path = tiny_png(tmp_path / "a.png")
    last = time.time_ns() // 1000
    for end in ("stop", "kill", "kill without board", "stop", "stop"):
        daemon = restart()
        with daemon.connect() as client:
            client.ask("LOAD", path=path, name="a", pin="no")
            client.ask("LOAD", path=path, name="a", share="all", pin="no")
            for name in ("b", "c"):
                reply = client.ask("LOAD", path=path, name=name, pin="no")
                generation = int(reply["generation"])
                assert generation > last
                assert daemon.board.generation(int(reply["slot"])) == generation
                assert check_reply(reply).generation == generation
                last = generation
            client.ask("DROP", name="b")
            client.ask("DROP", name="c")
        if end == "stop":
            daemon.stop()
        else:
            daemon.kill()
        if end == "kill without board":
            os.unlink(shm_path(daemon.hello["board"]))


def test_planted_files(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        first.kill()
    prefix = shm_path(reply["segment"]).rsplit("-", 1)[0]
    with open(shm_path(reply["segment"]), "rb") as file:
        copy = file.read()
    with open(prefix + "-copy", "wb") as file:
        file.write(copy)
    os.chmod(prefix + "-copy", 0o400)
    with open(prefix + "-short", "wb"):
        pass
    os.symlink(shm_path(reply["segment"]), prefix + "-link")
    os.mkfifo(prefix + "-fifo", 0o400)
    second = restart()
    with second.connect() as client:
        assert len(client.items()) == 1
        assert client.stats()["renditions"] == 1
        check_reply(client.ask("FETCH", name="a"))
        assert len(second.segments()) == 2


def test_a_lock_outlives_the_daemon(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        lock = semaphore.Semaphore(reply["semaphore"])
        lock.lock()
        first.kill()
    with restart().connect() as client:
        assert client.ask("STAT", name="a")["lock"] == str(os.getpid())
        lock.unlock()
        assert client.ask("STAT", name="a")["lock"] == "free"


def test_a_lower_limit_evicts(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        for number in range(8):
            path = write_png(tmp_path / f"{number}.png", noise(100, 100, seed=number))
            client.ask("LOAD", path=path, pin="no")
        first.kill()
    with restart("--memory-max", "200K").connect() as client:
        stats = client.stats()
        assert 0 < stats["images"] < 8 and stats["bytes"] <= 200 << 10


def test_killed_at_any_instant(restart, tmp_path):
    """Whatever was answered is there, whole; whatever was not is there whole or not at all."""
    paths = []
    for number in range(12):
        pixels = noise(40, 50, seed=number)
        paths.append((write_png(tmp_path / f"{number}.png", pixels), pixels))
    chance = random.Random(7)
    for _ in range(12):
        daemon = restart()
        answered = {}

        def load(client, answered=answered):
            try:
                for path, _ in chance.sample(paths, len(paths)):
                    client.ask("LOAD", path=path, name=path, pin="no")
                    answered[path] = client.ask("FETCH", name=path)
                    if chance.random() < 0.2:
                        answered.pop(path)
                        client.ask("DROP", name=path)
            except (OSError, EOFError, Refused, AssertionError):
                pass

        client = daemon.connect()
        loader = threading.Thread(target=load, args=(client,))
        loader.start()
        loader.join(chance.random() * 0.05)
        daemon.kill()
        loader.join()
        client.close()
        successor = restart()
        with successor.connect() as other:
            for path, reply in answered.items():
                assert other.ask("FETCH", name=path)["segment"] == reply["segment"]
            for path, pixels in paths:
                try:
                    found = check_reply(other.ask("FETCH", name=path)).pixels
                    assert numpy.array_equal(found[:, :, :3], pixels)
                except Refused as refusal:
                    assert refusal.code == "not-found"
        successor.kill()
    restart().stop()


def test_cleanup(restart, tmp_path):
    first = restart()
    with first.connect() as client:
        client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        first.note_sets()
        busy = subprocess.run(
            [SHMIMGD, "--socket", first.path, "--cleanup"], capture_output=True, check=False
        )
        assert busy.returncode == 1 and client.ask("STATS")
        first.kill()
    subprocess.run([SHMIMGD, "--socket", first.path, "--cleanup"], check=True)
    assert first.left_over() == []
    assert not os.path.exists(first.path) and not os.path.exists(first.path + ".lock")
