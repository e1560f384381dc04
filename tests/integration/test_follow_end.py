"""How following ends: with the image, at limits, and not at all with a daemon that is killed."""

import glob
import os
import shutil
import stat
import struct
import subprocess
import threading
import time

import numpy
import pytest
from client import Refused, eventually
from following import complaints, depth, put, watched
from pictures import noise, tiny_png, with_alpha, write_png
from planting import KINDS, plant, uproot
from segment import check_reply
from server import SHMIMGD


def forget(client, a):
    client.ask("DROP", name=a.name)


def evict(client, a):
    small = [a.path + str(number) for number in range(6)]
    for number, path in enumerate(small):
        client.load_fd(write_png(path, noise(300, 300, 1, number + 1)), name=path)
        client.ask("RELEASE", name=path)


@pytest.mark.options("--memory-max", "1M")
@pytest.mark.parametrize("end, event", [(forget, "dropped"), (evict, "evicted")])
def test_nothing_is_left(follow, client, daemon, end, event):
    a = follow(pin="no")
    end(client, a)
    assert a.event() == event
    assert watched(daemon) == 0 and client.stats()["user-follows"] == 0
    assert not records(daemon)
    put(a.path, noise(5, 6))
    assert client.error("STAT", name="a") == "not-found"


def test_attached_ends_with_its_last_user(daemon, client, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    with daemon.connect() as user:
        user.ask("LOAD", path=path, watch="yes", keep="attached")
        put(path, noise(5, 6))
        eventually(lambda: client.ask("STAT", name=path)["width"] == "6")
        assert user.ask("FETCH", name=path)["width"] == "6"
    eventually(lambda: client.stats()["images"] == 0)
    assert watched(daemon) == 0


def test_dropped_while_the_next_is_decoded(follow, client, daemon):
    a = follow()
    write_png(a.path + ".new", numpy.tile(noise(64, 3000), (40, 1, 1)), compress_level=1)
    os.rename(a.path + ".new", a.path)
    eventually(lambda: client.stats()["loading"] == 1)
    client.ask("DROP", name="a")
    assert a.event() == "dropped" and client.stats()["loading"] == 0
    assert client.error("STAT", name="a") == "not-found"
    assert watched(daemon) == 0 and client.stats()["bytes"] == 0


def test_refused_loads_leave_nothing(client, daemon, folder):
    bad = os.path.join(folder, "bad.png")
    with open(bad, "w", encoding="ascii") as file:
        file.write("no image")
    assert client.error("LOAD", path=bad, watch="yes") == "not-an-image"
    assert client.error("LOAD", path=bad + ".none", watch="yes") == "not-found"
    assert client.error("LOAD", path=bad, watch="maybe") == "invalid-argument"
    fd = os.open(tiny_png(os.path.join(folder, "a.png")), os.O_RDONLY)
    try:
        assert client.error("LOAD", fds=[fd], source="fd", name="a", watch="yes") == (
            "invalid-argument"
        )
    finally:
        os.close(fd)
    assert watched(daemon) == 0 and client.stats()["user-follows"] == 0
    assert [path for path in daemon.segments() if not path.endswith("board")] == []


# ---- Limits ----


@pytest.mark.options("--user-follows", "5")
def test_limit_of_a_user(client, daemon):
    def load(path):
        return client.ask("LOAD", path=path, watch="yes")

    near, far = "/tmp/shmimg-follow.png", "/tmp/shmimg-follow/1/2/far.png"
    os.makedirs(os.path.dirname(far))
    try:
        load(tiny_png(near))
        with pytest.raises(Refused, match="user 0 has 2 of user-follows=5, and .* 5 more") as no:
            load(tiny_png(far))
        assert no.value.code == "over-quota"
        assert client.stats()["user-follows"] == 2 == watched(daemon)
        client.ask("DROP", name=near)
        load(far)
        assert watched(daemon) == 5
    finally:
        os.unlink(near)
        shutil.rmtree("/tmp/shmimg-follow")


def test_limit_of_folders_on_the_way(client, folder):
    path = folder
    for _ in range(130):
        path = os.path.join(path, "d")
    os.makedirs(path)
    deep = tiny_png(os.path.join(path, "a.png"))
    link = os.path.join(folder, "link.png")
    os.symlink(deep, link)
    for name, message in (deep, "128 parts"), (link, "too many folders"):
        with pytest.raises(Refused, match=message) as no:
            client.ask("LOAD", path=name, watch="yes")
        assert no.value.code == "invalid-argument"
    assert client.stats()["user-follows"] == 0


@pytest.mark.options("--memory-max", "1M")
def test_no_room_is_tried_again(follow, client, daemon, folder):
    """And the image stays all the time: it does not make room for itself."""
    a = follow(keep="pinned")
    other = write_png(os.path.join(folder, "other.png"), noise(400, 400))
    client.load_fd(other, name="other")
    put(a.path, noise(350, 300))
    a.stays(lambda: complaints(daemon) == 1)
    client.ask("DROP", name="other")
    client.ask("RELEASE", name="other")
    a.becomes(noise(350, 300))


# ---- Restart ----


@pytest.fixture
def restart(start_daemon, folder):
    def start(*options):
        return start_daemon(*options, folder=folder)

    return start


def test_the_next_daemon_goes_on(restart, folder):
    paths = [tiny_png(os.path.join(folder, f"{number}.png"), number) for number in range(3)]
    first = restart()
    with first.connect() as client:
        for path in paths:
            client.ask("LOAD", path=path, name="n" * 3000 + path, watch="yes", share="all")
        client.ask("LOAD", path=paths[2], name="n" * 3000 + paths[2], watch="no")
        before = client.items()
        first.kill()
    put(paths[0], noise(5, 6))  # while nobody looks
    second = restart()
    with second.connect() as client:
        follows = [item["watch"] for item in client.items()]
        assert follows == ["yes", "yes", "no"]
        names = [item["name"] for item in before]
        eventually(lambda: client.ask("STAT", name=names[0])["width"] == "6")
        put(paths[1], noise(7, 8))
        put(paths[2], noise(7, 8))
        eventually(lambda: client.ask("STAT", name=names[1])["width"] == "8")
        after = {item["name"]: item for item in client.items()}
        assert after[names[2]]["generation"] == before[2]["generation"]
        for item in before:
            assert after[item["name"]]["share"] == "all"
            assert after[item["name"]]["slot"] == item["slot"]
            client.ask("DROP", name=item["name"])
        assert watched(second) == 0


def test_a_daemon_that_cannot_start_leaves_it_to_the_next(restart, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    first = restart()
    with first.connect() as client:
        client.ask("LOAD", path=path, name="a", watch="yes", pin="no")
        first.kill()
    os.unlink(first.path)
    os.mkdir(first.path)
    with pytest.raises(AssertionError, match="cannot listen"):
        restart()
    os.rmdir(first.path)
    with restart().connect() as client:
        assert client.ask("STAT", name="a")["watch"] == "yes"


def records(daemon):
    """Follow records beside the socket; nothing when there is no folder of them."""
    return sorted(glob.glob(daemon.path + ".follows/*"))


def name_of(record):
    with open(record, "rb") as file:
        data = file.read()
    return data[32 : 32 + int.from_bytes(data[16:20], "little")].decode()


def test_records_are_for_the_daemon_alone(follow, daemon, client):
    follow()
    folder = os.stat(daemon.path + ".follows")
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid) == (0o700, os.geteuid())
    (record,) = records(daemon)
    assert stat.S_IMODE(os.stat(record).st_mode) == 0o600
    assert not [path for path in daemon.segments() if "note" in path]
    client.ask("DROP", name="a")
    assert records(daemon) == []
    daemon.stop()
    assert not os.path.exists(daemon.path + ".follows")


def cut(record):
    os.truncate(record, os.path.getsize(record) - 1)


def lengthen(record):
    with open(record, "ab") as file:
        file.write(b"x")


def change_path(record):
    with open(record, "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"X")


def change_owner(record):
    with open(record, "r+b") as file:
        file.seek(12)
        file.write(b"\x01")


def replace(record, make):
    os.unlink(record)
    make(record)


def link(record):
    """To a name outside the folder."""
    os.link(record, os.path.join(os.path.dirname(record), "..", "link"))


HARMS = {
    "cut": cut,
    "long": lengthen,
    "path": change_path,
    "owner": change_owner,
    "link": link,
    "empty": lambda record: os.truncate(record, 0),
    "fifo": lambda record: replace(record, os.mkfifo),
    "symlink": lambda record: replace(record, lambda path: os.symlink("/etc/passwd", path)),
}


def test_records_that_are_not_believed(restart, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    first = restart()
    with first.connect() as client:
        for name in (*HARMS, "good"):
            client.ask("LOAD", path=path, name=name, watch="yes")
        client.ask("LOAD", path=path, name="gone", watch="yes")
        gone = client.ask("FETCH", name="gone")["segment"]
        first.kill()
    for record in records(first):
        if name_of(record) in HARMS:
            HARMS[name_of(record)](record)
    os.unlink("/dev/shm" + gone)
    second = restart()
    with second.connect() as client:
        follows = {item["name"]: item["watch"] for item in client.items()}
        assert follows == {**dict.fromkeys(HARMS, "no"), "good": "yes"}
    assert len(records(second)) == 1


def test_records_that_others_put_there(restart, folder):
    """While the folder was open to all: nothing of theirs is believed, and it is closed again."""
    path = tiny_png(os.path.join(folder, "a.png"))
    first = restart()
    with first.connect() as client:
        client.ask("LOAD", path=path, name="a", watch="yes")
        client.ask("LOAD", path=path, name="b")
        first.kill()
    (record,) = records(first)
    with open(record, "rb") as file:
        copy = bytearray(file.read())
    assert copy[32:33] == b"a"
    copy[32:33] = b"b"
    with open(record + "2", "wb") as file:
        file.write(copy)
    os.chmod(first.path + ".follows", 0o777)
    second = restart()
    with second.connect() as client:
        assert [item["watch"] for item in client.items()] == ["yes", "no"]
    assert records(second) == [record]
    assert stat.S_IMODE(os.stat(first.path + ".follows").st_mode) == 0o700


def test_records_of_an_older_version_are_removed(restart, folder):
    """They were in /dev/shm."""
    first = restart()
    with first.connect() as client:
        client.ask("LOAD", path=tiny_png(os.path.join(folder, "a.png")), name="a")
        first.kill()
    old = f"/dev/shm/shmimg-{first.instance}-note-{'0' * 32}"
    with open(old, "wb") as file:
        file.write(b"SHMNOTE\n" + struct.pack("=4I", 1, os.geteuid(), 1, 2) + b"a/x")
    os.chmod(old, 0o400)
    with restart().connect() as client:
        assert [item["watch"] for item in client.items()] == ["no"]
    assert not os.path.exists(old)


def test_cleanup_removes_records(restart, folder):
    first = restart()
    with first.connect() as client:
        path = tiny_png(os.path.join(folder, "a.png"))
        client.ask("LOAD", path=path, name="a", watch="yes")
        first.kill()
    assert records(first)
    subprocess.run([SHMIMGD, "--socket", first.path, "--cleanup"], check=True)
    assert not os.path.exists(first.path + ".follows")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can plant for another user")
@pytest.mark.parametrize("kind", KINDS)
def test_planted_in_place_of_the_records(restart, folder, kind):
    """Files are followed nevertheless, but not after a crash; the log says so once."""
    place = os.path.join(folder, "socket.follows")
    before = plant(kind, place)
    path = tiny_png(os.path.join(folder, "a.png"))
    first = restart()
    with first.connect() as client:
        for name in ("a", "b"):
            client.ask("LOAD", path=path, name=name, watch="yes")
        put(path, noise(5, 6))
        eventually(lambda: client.ask("STAT", name="a")["width"] == "6")
        assert first.log().count("will follow no files") == 1
        first.kill()
    second = restart()
    with second.connect() as client:
        assert [item["watch"] for item in client.items()] == ["no", "no"]
    second.stop()
    after = os.lstat(place)
    assert (after.st_ino, after.st_mode, after.st_uid) == (
        before.st_ino,
        before.st_mode,
        before.st_uid,
    )
    uproot(place)


def test_killed_while_files_change(restart, folder):
    """Whenever it dies, the next daemon comes to the last state of every file."""
    paths = [tiny_png(os.path.join(folder, f"{number}.png"), number) for number in range(4)]
    daemon = restart()
    with daemon.connect() as client:
        for path in paths:
            client.ask("LOAD", path=path, watch="yes")
    ended = threading.Event()

    def write():
        seed = 0
        while not ended.wait(0.005):
            seed += 1
            put(paths[seed % 4], noise(2 + seed % 5, 3))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(4):
            time.sleep(0.1)  # at any moment
            daemon.kill()
            daemon = restart()
    finally:
        ended.set()
        writer.join()
    for number, path in enumerate(paths):
        put(path, noise(9, 9, 3, number + 1))
    with daemon.connect() as client:
        for number, path in enumerate(paths):
            eventually(lambda: client.ask("STAT", name=path)["width"] == "9")
            pixels = check_reply(client.ask("FETCH", name=path)).pixels
            numpy.testing.assert_array_equal(pixels, with_alpha(noise(9, 9, 3, number + 1)))
