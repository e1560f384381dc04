"""Spares: made ready while there is nothing to do, of use once, and gone when room is needed."""

import contextlib
import os

import numpy
import pytest
from client import eventually
from pictures import oriented, smooth, write_png
from segment import check_reply, shm_path
from server import Daemon
from test_small_shm import free_space, with_small_shm

HEIGHT, WIDTH = 640, 800  # 2 MB as RGBA8
SIZE = HEIGHT * WIDTH * 4 + 4096
SPARE = -(-SIZE // 65536) * 65536


@pytest.fixture
def picture(tmp_path):
    return lambda seed: write_png(tmp_path / f"{seed}.png", smooth(HEIGHT, WIDTH, seed))


def await_spares(client, size):
    eventually(lambda: client.stats()["spare-bytes"] == size)


def nameless(pid):
    """Bytes of the daemon's open files of /dev/shm that have no name, as they are in memory."""
    files = f"/proc/{pid}/fd"
    found = 0
    for number in os.listdir(files):
        path = os.path.join(files, number)
        with contextlib.suppress(FileNotFoundError):  # it was just closed
            if os.readlink(path).startswith("/dev/shm/#"):
                found += os.stat(path).st_blocks * 512
    return found


def await_ready(daemon, client, size=SPARE):
    """Until the daemon has made a spare, and a decoder has filled it."""
    await_spares(client, size)
    eventually(lambda: nameless(daemon.pid) == size)


def test_the_next_image_is_decoded_into_it(daemon, client, picture):
    before = client.stats()
    for seed in range(3):
        path = picture(seed)
        reply = client.ask("LOAD", path=path, pin="no")
        assert reply["cached"] == "no"
        segment = check_reply(reply)
        assert numpy.array_equal(segment.pixels[:, :, :3], smooth(HEIGHT, WIDTH, seed))
        assert os.stat(shm_path(reply["segment"])).st_size == SIZE
        assert client.stats()["spares-used"] == before["spares-used"] + seed
        await_ready(daemon, client)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_jpeg_turned_or_not_is_the_same(daemon, client, tmp_path, orientation):
    path = oriented(tmp_path / "a.jpg", smooth(HEIGHT, WIDTH, 5), orientation)
    fresh = client.ask("LOAD", path=path, name="fresh")
    assert client.stats()["spares-used"] == 0
    await_spares(client, -(-int(fresh["size"]) // 65536) * 65536)
    eventually(lambda: nameless(daemon.pid) >= int(fresh["size"]))
    spare = client.ask("LOAD", path=path, name="spare")
    assert client.stats()["spares-used"] == 1
    assert (check_reply(fresh).pixels == check_reply(spare).pixels).all()


def test_a_broken_file_takes_its_spare_with_it(daemon, client, picture, tmp_path):
    client.ask("LOAD", path=picture(1), pin="no")
    await_ready(daemon, client)
    with open(picture(2), "rb") as file:
        data = file.read()
    cut = tmp_path / "cut.png"
    cut.write_bytes(data[: len(data) // 2])
    assert client.error("LOAD", path=str(cut)) == "not-an-image"
    assert client.stats()["spares-used"] == 1
    await_ready(daemon, client)
    reply = client.ask("LOAD", path=picture(3))
    assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], smooth(HEIGHT, WIDTH, 3))


def test_none_when_told_so(start_daemon, picture):
    with start_daemon("--spare-max", "0").connect() as client:
        for seed in range(2):
            client.ask("LOAD", path=picture(seed))
        stats = client.stats()
        assert (stats["spare-bytes"], stats["spares-used"]) == (0, 0)


def test_it_goes_with_its_decoder(start_daemon, picture):
    daemon = start_daemon("--decoder-idle", "1")
    with daemon.connect() as client:
        client.ask("LOAD", path=picture(1))
        await_ready(daemon, client)
        await_spares(client, 0)
        assert client.stats()["decoders"] == 0
        assert nameless(daemon.pid) == 0
        assert client.stats()["decoder-restarts"] == 0


def test_it_goes_under_pressure(start_daemon, folder, picture):
    path = os.path.join(folder, "pressure")
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    daemon = start_daemon(environment={"MEMORY_PRESSURE_WATCH": path})
    with daemon.connect() as client:
        client.ask("LOAD", path=picture(1))
        await_ready(daemon, client)
        os.write(fd, b"!")
        await_spares(client, 0)
        eventually(lambda: nameless(daemon.pid) == 0)
        client.ask("LOAD", path=picture(2))
        await_ready(daemon, client)
    os.close(fd)


def test_a_clean_stop_and_a_crash_leave_nothing(restart, picture):
    daemon = restart()
    before = free_space()
    with daemon.connect() as client:
        client.ask("LOAD", path=picture(1), pin="no", name="a")
        await_ready(daemon, client)
    daemon.kill()
    daemon = restart()
    with daemon.connect() as client:
        assert check_reply(client.ask("FETCH", name="a")).pixels.shape == (HEIGHT, WIDTH, 4)
        assert client.stats()["spare-bytes"] == 0
        client.ask("LOAD", path=picture(2), name="b", pin="no")
        await_ready(daemon, client)
    daemon.stop()
    assert before - free_space() < SPARE


def make_room(folder):
    """What is left by others is enough for an image once the spare goes, and no image has to."""
    daemon = Daemon().start()
    paths = [write_png(f"{folder}/{seed}.png", smooth(HEIGHT, WIDTH, seed)) for seed in range(2)]
    other = write_png(f"{folder}/other.png", smooth(HEIGHT // 2, WIDTH, 7))
    with daemon.connect() as client:
        client.ask("LOAD", path=paths[0], name="kept", pin="no")
        await_ready(daemon, client)
        with open(shm_path("/others"), "wb") as others:
            os.posix_fallocate(others.fileno(), 0, free_space() - (64 << 10))
        reply = client.ask("LOAD", path=other)
        assert check_reply(reply).pixels.shape == (HEIGHT // 2, WIDTH, 4)
        stats = client.stats()
        assert (stats["evictions"], stats["images"]) == (0, 2)
        # There is no room to spare any more.
        assert stats["spare-bytes"] == 0
        os.unlink(shm_path("/others"))
    daemon.close()
    return SPARE


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small /dev/shm")
def test_it_goes_before_images_do(tmp_path):
    assert with_small_shm(make_room, str(tmp_path)) == SPARE
