"""Files that the daemon follows: what counts as a change, and what comes of it."""

import contextlib
import os
import signal
import time

import numpy
import pytest
from client import eventually
from following import complaints, depth, put, watched
from pictures import noise, smooth, tiny_png, with_alpha, write_jpeg, write_png
from segment import check_reply
from server import suspend


def test_rewritten_in_place(follow):
    a = follow()
    for seed in (1, 2, 3):
        write_png(a.path, noise(5, 6 + seed, 3, seed))
        a.becomes(noise(5, 6 + seed, 3, seed))


def test_renamed_into_place_comes_at_once(follow):
    a = follow()
    for seed in (1, 2, 3):
        put(a.path, noise(5, 6, 3, seed))
        a.becomes(noise(5, 6, 3, seed))


def test_stat_says_so_and_load_without_watch_leaves_it(follow, client):
    a = follow()
    assert client.ask("STAT", name="a")["watch"] == "yes"
    assert client.items()[0]["watch"] == "yes"
    assert client.ask("LOAD", path=a.path, name="a")["cached"] == "yes"
    client.load_fd(tiny_png(a.path + ".other", 9), name="a")
    assert a.event() == "changed"
    assert client.ask("STAT", name="a")["watch"] == "yes"
    put(a.path, noise(4, 4))
    a.becomes(noise(4, 4))


def test_watch_no_ends_it(follow, client, daemon):
    a = follow()
    client.load_fd(a.path, name="a", watch="no")
    assert client.ask("STAT", name="a")["watch"] == "no"
    assert watched(daemon) == 0 and client.stats()["user-follows"] == 0
    put(a.path, noise(4, 4))
    client.ask("LOAD", path=a.path, name="a", watch="yes")
    assert a.event() == "changed" and client.ask("STAT", name="a")["watch"] == "yes"
    assert watched(daemon) == depth(a.path)


def test_answered_from_memory_and_followed_from_then_on(client, daemon, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    client.load_fd(path, name="a")
    assert client.ask("LOAD", path=path, name="a", watch="yes")["cached"] == "yes"
    assert client.ask("LOAD", path=path, name="a", watch="yes")["cached"] == "yes"
    assert watched(daemon) == depth(path) == client.stats()["user-follows"]
    put(path, noise(4, 5))
    eventually(lambda: client.ask("STAT", name="a")["width"] == "5")


def test_another_path_takes_the_place_of_the_first(follow, client, folder):
    a = follow()
    other = tiny_png(os.path.join(folder, "other.png"), 5)
    client.ask("LOAD", path=other, name="a", watch="yes")
    a.becomes(noise(2, 3, 3, 5))
    put(a.path, noise(4, 5))
    put(other, noise(6, 7))
    a.becomes(noise(6, 7))


def test_written_slowly(follow):
    """Never half of it: who has the file open for writing has not closed it yet."""
    a = follow()
    write_jpeg(a.path + ".new", smooth(300, 400))
    with open(a.path + ".new", "rb") as file:
        data = file.read()
    with open(a.path, "wb") as file:
        for part in range(20):
            file.write(data[part * len(data) // 20 : (part + 1) * len(data) // 20])
            file.flush()
            time.sleep(0.06)  # what is tested is the slowness itself
        assert a.generation() == int(a.first["generation"])
    assert a.event() == "changed"
    assert a.pixels().shape == (300, 400, 4)
    assert complaints(a.daemon) == 0


def test_opened_and_closed_again_and_again(follow):
    """By a program that appends: the pauses are short, so it is looked at when that is over."""
    a = follow()
    write_png(a.path + ".new", noise(100, 100))
    with open(a.path + ".new", "rb") as file:
        data = file.read()
    os.truncate(a.path, 0)
    for part in range(10):
        with open(a.path, "ab") as file:
            file.write(data[part * len(data) // 10 : (part + 1) * len(data) // 10])
        time.sleep(0.03)
    a.becomes(noise(100, 100))


def test_truncated_then_complete(follow, daemon):
    a = follow()
    write_png(a.path + ".new", noise(50, 60))
    with open(a.path + ".new", "rb") as file:
        data = file.read()
    with open(a.path, "wb") as file:
        file.write(data[: len(data) // 2])
    a.stays(lambda: complaints(daemon) == 1)
    with open(a.path, "ab") as file:
        file.write(data[len(data) // 2 :])
    a.becomes(noise(50, 60))
    assert complaints(daemon) == 1


def test_damage_is_told_once_until_something_works(follow, daemon, client):
    a = follow()
    for attempt in range(3):
        decodes = client.stats()["decodes"]
        with open(a.path, "w", encoding="ascii") as file:
            file.write(f"no image {attempt}")
        a.stays(lambda: client.stats()["decodes"] > decodes and client.stats()["loading"] == 0)
    assert complaints(daemon) == 1
    put(a.path, noise(4, 5))
    a.becomes(noise(4, 5))
    with open(a.path, "w", encoding="ascii") as file:
        file.write("no image any more")
    a.stays(lambda: complaints(daemon) == 2)


def test_unchanged_is_not_decoded(follow, client):
    a = follow()
    with open(a.path, "r+b"):
        pass
    os.utime(a.path, (1, 1))
    put(a.path + ".next", noise(9, 9))
    assert a.event() == "changed"  # the time of change is another one
    decodes = client.stats()["decodes"]
    with open(a.path, "r+b"):
        pass
    put(a.path, noise(7, 7))
    a.becomes(noise(7, 7))
    assert client.stats()["decodes"] == decodes + 1


def test_removed_and_made_again(follow, daemon):
    a = follow()
    for seed in (1, 2):
        os.unlink(a.path)
        assert a.pixels().shape[0] > 0
        write_png(a.path, noise(5, 5, 3, seed))
        a.becomes(noise(5, 5, 3, seed))
    os.unlink(a.path)
    os.link(write_png(a.path + ".other", noise(6, 6)), a.path)
    a.becomes(noise(6, 6))
    assert complaints(daemon) == 0


def test_all_formats_come_together(follow, client, daemon):
    a = follow()
    formats = ("GRAY8", "RGB8", "BGRA8-premul")
    for word in formats:
        client.ask("LOAD", path=a.path, name="a", format=word)
    for seed in range(1, 6):
        put(a.path, noise(5 + seed, 6, 3, seed))
        assert a.event() == "changed"
        replies = [client.ask("FETCH", name="a", format=word) for word in (*formats, "RGBA8")]
        assert {reply["height"] for reply in replies} == {str(5 + seed)}
        assert len({reply["generation"] for reply in replies}) == 1
        for reply in replies:
            check_reply(reply)
    stat = client.ask("STAT", name="a")
    assert sorted(stat["renditions"].split(",")) == sorted((*formats, "RGBA8"))


@contextlib.contextmanager
def stopped(pid):
    suspend(pid)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.options("--decoders", "2")
def test_changed_again_while_one_format_waits_for_another(follow, client, daemon, folder):
    """Whichever of the two is decoded first: it does not wait for what waits for it."""
    a = follow()
    small = [tiny_png(os.path.join(folder, f"{number}.png"), number) for number in range(3)]
    with stopped(daemon.decoders()[0]):  # has a second one started
        client.send("LOAD", path=a.path, name="a", format="GRAY8", pin="no")
        with daemon.connect() as other:
            other.ask("LOAD", path=small[0], name="b", pin="no")
    assert client.answer()["format"] == "GRAY8"
    for number, decoder in enumerate(daemon.decoders(), 1):
        with stopped(decoder):
            put(a.path, noise(5, 6, 3, number))
            eventually(lambda: client.stats()["filling-bytes"] > 0)
            # The other decoder does this when it is done with its format.
            client.ask("LOAD", path=small[number], name="b", pin="no")
            put(a.path, noise(7, 8, 3, number))
        eventually(lambda: numpy.array_equal(a.pixels(), with_alpha(noise(7, 8, 3, number))))
        eventually(lambda: client.stats()["loading"] == 0)
        assert client.ask("STAT", name="a")["renditions"] == "RGBA8,GRAY8"


def test_share_keep_and_lock_stay(follow, client):
    a = follow(share="all", keep="pinned")
    before = client.ask("STAT", name="a")
    put(a.path, noise(5, 6))
    assert a.event() == "changed"
    after = client.ask("STAT", name="a")
    for key in ("share", "keep", "owner", "semaphore", "slot", "watch"):
        assert after[key] == before[key]


def test_who_takes_the_name_over_is_followed_too(follow, client):
    a = follow()
    client.ask("LOAD", path=a.path, name="a", share="all")
    assert a.event() == "changed"
    put(a.path, noise(5, 6))
    a.becomes(noise(5, 6))
    assert client.ask("STAT", name="a")["share"] == "all"


def test_two_names_of_one_file_and_two_files_of_one_folder(follow, daemon, folder):
    a = follow(name="a")
    b = follow(name="b")
    c = follow(tiny_png(os.path.join(folder, "c.png"), 3), name="c")
    assert watched(daemon) == depth(a.path)
    put(a.path, noise(5, 6))
    a.becomes(noise(5, 6))
    b.becomes(noise(5, 6))
    put(c.path, noise(7, 6))
    c.becomes(noise(7, 6))
    assert a.generation() != b.generation()


def test_thousand_rewrites(follow, client):
    """However fast they come, the last is what stays; the decoders are not flooded."""
    a = follow()
    files = [tiny_png(f"{a.path}.{seed}", seed) for seed in range(1, 8)]
    decodes = client.stats()["decodes"]
    for number in range(1000):
        os.link(files[number % 7], a.path + ".next")
        os.rename(a.path + ".next", a.path)
        if number % 3 == 0:
            with open(a.path, "r+b"):
                pass
    put(a.path, noise(11, 12))
    eventually(lambda: a.pixels().shape[:2] == (11, 12))
    assert client.stats()["decodes"] - decodes <= 1001
    eventually(lambda: client.stats()["loading"] == 0)
    numpy.testing.assert_array_equal(a.pixels(), with_alpha(noise(11, 12)))


def test_lost_events(follow, daemon):
    """So many that the kernel's queue runs over while the daemon cannot read it."""
    a = follow()
    with open("/proc/sys/fs/inotify/max_queued_events", encoding="ascii") as file:
        most = int(file.read())
    suspend(daemon.pid)
    try:
        assert os.WIFSTOPPED(os.waitpid(daemon.pid, os.WUNTRACED)[1])
        for number in range(most + 2):  # equal ones side by side would count as one
            with open(f"{a.path}.{number % 2}", "wb"):
                pass
        put(a.path, noise(5, 6))
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    a.becomes(noise(5, 6))
    eventually(lambda: "events of followed files were lost" in daemon.log())
