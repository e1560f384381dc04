"""A /dev/shm of 48 MiB: what does not fit is refused, what does is cycled through it."""

import ctypes
import os

import pytest
from pictures import smooth, write_jpeg, write_png
from segment import Segment, check_reply, shm_path
from server import Daemon
from users import as_user

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small /dev/shm")

CYCLES = int(os.environ.get("SHMIMG_CYCLES", "60"))
SHM_SIZE = 48 << 20
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000


def with_small_shm(function, *arguments):
    """Runs a function in a child that has a /dev/shm of its own."""

    def run():
        libc = ctypes.CDLL(None, use_errno=True)
        options = f"size={SHM_SIZE}".encode()
        assert libc.unshare(CLONE_NEWNS) == 0, os.strerror(ctypes.get_errno())
        # In a chroot the one is no mount, on some systems the other is none.
        private = [
            libc.mount(b"none", place, None, MS_REC | MS_PRIVATE, None)
            for place in (b"/", b"/dev/shm")
        ]
        assert 0 in private, os.strerror(ctypes.get_errno())
        mounted = libc.mount(b"tmpfs", b"/dev/shm", b"tmpfs", 0, options)
        assert mounted == 0, os.strerror(ctypes.get_errno())
        return function(*arguments)

    return as_user(0, run)


def free_space():
    status = os.statvfs("/dev/shm")
    return status.f_bavail * status.f_frsize


def cycle(folder):
    """16 MB images through the small room, beside a pinned one; returns how many."""
    daemon = Daemon("--memory-max", "1G").start()
    pictures = [
        write_jpeg(os.path.join(folder, f"{number}.jpg"), smooth(2040, 2048, number))
        for number in range(4)
    ]
    with daemon.connect() as client:
        kept = client.ask("LOAD", path=pictures[3], name="kept", keep="pinned", pin="no")
        before = Segment(kept["segment"]).pixels.copy()
        for number in range(CYCLES):
            reply = client.ask("LOAD", path=pictures[number % 3], name=str(number), pin="no")
            assert reply["cached"] == "no"
        assert client.ask("FETCH", name="kept")["segment"] == kept["segment"]
        assert (check_reply(kept).pixels == before).all()
        client.ask("DROP", name="kept")
        client.ask("RELEASE", name="kept")
        for item in client.items():
            client.ask("DROP", name=item["name"])
        assert client.stats()["bytes"] == 0
    daemon.close()
    # What was reported as freed is free; this process has the board mapped itself.
    assert SHM_SIZE - free_space() < 64 << 10
    return CYCLES


def test_images_are_cycled_through_a_small_room(tmp_path):
    assert with_small_shm(cycle, str(tmp_path)) == CYCLES


def refuse(folder):
    """96 MB do not fit, also when the daemon's own limit would permit them."""
    daemon = Daemon("--memory-max", "1G").start()
    huge = write_png(os.path.join(folder, "huge.png"), smooth(4800, 5000), compress_level=1)
    small = write_png(os.path.join(folder, "small.png"), smooth(200, 200))
    with daemon.connect() as client:
        held = client.ask("LOAD", path=small)
        client.send("LOAD", path=huge)
        verb, reply = client.reply()
        assert (verb, reply["code"]) == ("ERR", "no-space"), reply
        for word in ("needs 96", "pinned", "free"):
            assert word in reply["message"], reply
        check_reply(held)
        assert client.stats()["bytes"] == int(held["size"])
    daemon.close()
    return True


def test_what_does_not_fit_is_refused(tmp_path):
    assert with_small_shm(refuse, str(tmp_path))


def fill(folder):
    """Filled by somebody else: an error, not SIGBUS; and again room when they let go."""
    daemon = Daemon("--memory-max", "1G").start()
    path = write_png(os.path.join(folder, "a.png"), smooth(500, 500))
    with daemon.connect() as client:
        with open(shm_path("/others"), "wb") as others:
            os.posix_fallocate(others.fileno(), 0, free_space() - (64 << 10))
        assert client.error("LOAD", path=path) == "no-space"
        os.unlink(shm_path("/others"))
        check_reply(client.ask("LOAD", path=path))
    daemon.close()
    return True


def test_filled_by_others(tmp_path):
    assert with_small_shm(fill, str(tmp_path))
