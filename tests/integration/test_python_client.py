"""The Python package's client: commands, errors, lost connections."""

import contextlib
import errno
import os
import pickle
import re
import signal
import socket
import threading

import pytest
import shmimg
from client import TIMEOUT, eventually
from lying_daemon import LyingDaemon
from pictures import noise, tiny_png, write_png
from server import TOP
from users import as_user


@pytest.fixture
def shm(daemon):
    with shmimg.connect(daemon.path, 60) as client:
        yield client


# ---- Where the daemon is ----


def test_the_default_socket(daemon, folder, monkeypatch, tmp_path):
    (tmp_path / "shmimgd").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("SHMIMG_SOCKET", "")
    assert shmimg.trust.default_path() == "/run/shmimgd/socket"
    os.symlink(daemon.path, tmp_path / "shmimgd" / "socket")
    with shmimg.connect() as client:
        assert client.path == str(tmp_path / "shmimgd" / "socket")
    monkeypatch.setenv("SHMIMG_SOCKET", daemon.path)
    with shmimg.connect() as client:
        assert client.path == daemon.path


def test_no_daemon(tmp_path):
    with pytest.raises(shmimg.NoDaemon) as told:
        shmimg.connect(tmp_path / "none")
    assert told.value.errno == errno.ENOENT and isinstance(told.value, ConnectionError)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead"))
    with pytest.raises(shmimg.NoDaemon) as told:
        shmimg.connect(tmp_path / "dead")
    assert told.value.errno == errno.ECONNREFUSED
    with pytest.raises(shmimg.NoDaemon):
        shmimg.connect("x" * 200)


def test_a_daemon_that_accepts_nobody(tmp_path):
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with pytest.raises(shmimg.Timeout):
            shmimg.connect(path, 0.05)


# ---- Commands ----


def test_list_stat_stats(shm, client, tmp_path):
    for name in ("b", "a", "c.png"):
        shm.load(tiny_png(tmp_path / "a.png"), name=name, keep="pinned")
    assert [record["name"] for record in shm.list()] == ["a", "b", "c.png"]
    assert [record["name"] for record in shm.list("*.png")] == ["c.png"]
    image = shm.fetch("a")
    record = shm.stat("a")
    raw = client.ask("STAT", name="a")
    assert list(record) == list(raw)
    for key in ("segment", "width", "height", "stride", "generation", "owner", "format"):
        assert record[key] == getattr(image, key), key
    assert (record["keep"], record["pins"], record["waiters"]) == ("pinned", 1, 0)
    assert record["holders"] == [os.getpid()] and record["renditions"] == ["RGBA8"]
    assert record["lock"] is None
    with shm.lock(image):
        assert shm.stat("a")["lock"] == os.getpid()
    stats = shm.stats()
    assert stats["images"] == 3 and stats["pinned-bytes"] > 0
    words = stats.pop("sandbox"), stats.pop("pressure"), stats.pop("turns-us")
    assert all(isinstance(word, str) for word in words)
    assert all(isinstance(value, int) for value in stats.values())


def test_release_and_drop(shm, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    image, twin = shm.load(path, name="a"), shm.fetch("a")
    shm.release(image)
    assert shm.stat("a")["pins"] == 0
    with pytest.raises(shmimg.NotFound):
        shm.release(twin)
    again = shm.fetch("a")
    del image, twin
    assert shm.stat("a")["pins"] == 1, "a pin of before must not take this one along"
    shm.drop("a")
    with pytest.raises(shmimg.NotFound):
        shm.fetch("a")
    assert again.array.size


def test_watch(shm, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    with shm.watch("a*") as events:
        assert events.wait(0) is None
        image = shm.load(path, name="a")
        shm.load(path, name="b")
        assert next(events) == ("loaded", "a", image.generation, os.getuid())
        write_png(path, noise(4, 4))
        new = shm.load(path, name="a")
        shm.drop("a")
        changed, dropped = next(events), events.wait(60)
        assert (changed.type, changed.generation) == ("changed", new.generation)
        assert (dropped.type, dropped.name) == ("dropped", "a")
        assert events.wait(0.01) is None and events.fileno() >= 0
    assert list(events) == []


def test_a_watch_goes_on_with_the_next_daemon(start_daemon, folder, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    daemon = start_daemon(folder=folder)
    with shmimg.connect(daemon.path, 60) as client, client.watch("a*") as events:
        for number in range(2):
            daemon.kill()
            daemon = start_daemon(folder=folder)
            # Nobody knows what happened between the two.
            assert next(events) == ("overflow", None, None, None)
            assert events.wait(0) is None and events.fileno() >= 0
            client.load(path, name=f"b{number}")
            client.load(path, name=f"a{number}")
            assert events.wait(60)[:2] == ("loaded", f"a{number}")


def test_a_watch_waits_for_a_daemon_that_is_slow(start_daemon, folder):
    first = start_daemon(folder=folder)
    with shmimg.connect(first.path, 60) as client, client.watch() as events:
        first.stop()
        told = []
        waiting = threading.Thread(target=lambda: told.append(next(events)))
        waiting.start()
        # It waits by trying: without the lock of the last one, before the next one begins.
        eventually(lambda: events.fileno() < 0)
        start_daemon(folder=folder)
        waiting.join(TIMEOUT)
        assert told == [("overflow", None, None, None)]


def test_a_watch_that_nobody_serves_any_more(start_daemon, folder, tmp_path):
    first = start_daemon(folder=folder)
    with shmimg.connect(first.path, 0.2) as client, client.watch() as events:
        first.stop()
        for _ in range(2):
            with pytest.raises(shmimg.NoDaemon):
                events.wait(0)
        start_daemon(folder=folder)
        assert events.wait(0).type == "overflow"
        client.timeout = 60
        client.load(tiny_png(tmp_path / "a.png"), name="a")
        assert events.wait(60)[:2] == ("loaded", "a")
    assert events.wait(0) is None and list(events) == []


# ---- Errors ----


def test_each_code_has_its_class():
    with open(os.path.join(TOP, "client", "protocol", "fault.h"), encoding="utf-8") as file:
        table = re.findall(r'X\((\w+), "([^"]+)", (\w+),', file.read())
    assert len(table) == 14
    for _, word, number in table:
        error = shmimg.errors.of_answer({"code": word, "message": "why"})
        assert isinstance(error, shmimg.Error) and type(error) is not shmimg.Error
        assert (error.code, error.errno) == (word, getattr(errno, number))
        assert str(error) == error.strerror == "why"
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.args, again.code) == (type(error), error.args, word)


@pytest.mark.options("--max-pixels", "100")
def test_refusals(shm, tmp_path):
    text = tmp_path / "text"
    text.write_text("no image at all")
    with pytest.raises(shmimg.NotAnImage) as told:
        shm.load(text)
    assert isinstance(told.value, ValueError) and told.value.code == "not-an-image"
    with pytest.raises(shmimg.TooLarge):
        shm.load(write_png(tmp_path / "a.png", noise(11, 11)))
    with pytest.raises(FileNotFoundError, match="no image") as told:
        shm.fetch("none")
    assert told.value.code == "not-found"
    good = tiny_png(tmp_path / "good.png")
    for wrong in ({"format": "RGBA9"}, {"share": "some"}, {"keep": "x"}, {"format": "a\0"}):
        with pytest.raises(shmimg.InvalidArgument):
            shm.load(good, **wrong)
    with pytest.raises(shmimg.InvalidArgument):
        list(shm.list("x" * 1025))
    with pytest.raises(shmimg.InvalidArgument):
        shm.load(good, format="x" * 20000)
    assert shm.load(good).width == 3


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_two_users(start_daemon, folder):
    daemon = start_daemon(folder=folder)
    path = tiny_png(os.path.join(folder, "a.png"))
    os.chmod(path, 0o644)
    shm = shmimg.connect(daemon.path)  # ends with the test, for want of a holder
    shm.load(path, name="mine")
    shm.load(path, name="ours", share="all")

    def other():
        with shmimg.connect(daemon.path) as client:
            assert client.load(path, name="own").owner == 1234
            for call in (client.fetch, client.stat):
                with pytest.raises(shmimg.NotFound):
                    call("mine")
            with pytest.raises(shmimg.NoPermission):
                client.drop("ours", owner=0)
            for call in (client.fetch, client.stat, client.drop):
                with pytest.raises(shmimg.NotFound):
                    call("ours")
            with pytest.raises(shmimg.NotFound):
                client.fetch("ours", owner=1234)
            assert client.stat("ours", owner="any")["owner"] == 0
            image = client.fetch("ours", owner="any")
            assert client.fetch("own", owner="any").owner == 1234
            client.release(image)
            image = client.fetch("ours", owner=0)
            with image.lock(60):
                return image.owner, image.array.tolist()

    owner, pixels = as_user(1234, other)
    assert owner == 0 and pixels == shm.fetch("ours").array.tolist()


# ---- Lost connections ----


def test_a_new_daemon_is_found_and_pins_are_taken_again(start_daemon, folder, tmp_path):
    first = start_daemon(folder=folder)
    with shmimg.connect(first.path, 60) as client:
        image = client.load(tiny_png(tmp_path / "a.png"), name="a")
        client.load(tiny_png(tmp_path / "b.png"), name="b")
        first.kill()
        start_daemon(folder=folder)
        assert client.stat("a")["pins"] == 1 and client.stat("b")["pins"] == 0
        assert client.fetch("a").generation == image.generation
        del image
        assert client.stat("a")["pins"] == 0


def test_no_new_daemon(start_daemon, folder, tmp_path):
    daemon = start_daemon(folder=folder)
    with shmimg.connect(daemon.path, 60) as client:
        image = client.load(tiny_png(tmp_path / "a.png"))
        daemon.stop()
        for _ in range(2):
            with pytest.raises(shmimg.NoDaemon):
                client.stats()
        assert image.array.size
        start_daemon(folder=folder)
        assert client.stats()["images"] == 0


def test_a_drop_is_never_sent_twice(folder):
    answers = {"DROP": None, "LIST": b"OK count=0\n"}
    with contextlib.closing(
        LyingDaemon(os.path.join(folder, "socket"), lambda verb, _: answers[verb])
    ) as daemon:
        with shmimg.connect(daemon.path, 60) as client:
            with pytest.raises(shmimg.ConnectionLost):
                client.drop("a")
            assert list(client.list()) == []
        assert [verb for verb, _ in daemon.heard] == ["HELLO", "DROP", "HELLO", "LIST"]


def test_a_closed_client(shm):
    shm.close()
    with pytest.raises(shmimg.ConnectionLost, match="closed"):
        shm.stats()


def test_a_client_that_nobody_has(daemon, client):
    assert shmimg.connect(daemon.path).stats()["connections"] == 3 - 1
    eventually(lambda: client.ask("STATS")["connections"] == "1")


def test_an_interrupted_request(shm, tmp_path):
    """What raises in the middle of waiting costs the connection, and no answer is mistaken."""

    class Interrupt(BaseException):
        pass

    def interrupt(*_):
        raise Interrupt

    image = shm.load(tiny_png(tmp_path / "a.png"), name="a")
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for turn in range(1, 60):
            with pytest.raises(Interrupt):
                # Again after a while: one that is raised in a finalizer is not heard of.
                signal.setitimer(signal.ITIMER_REAL, turn * 2e-5, 1)
                while True:
                    assert shm.stat("a")["width"] == 3
                    assert shm.stats()["images"] == 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert shm.stat("a")["generation"] == image.generation
    eventually(lambda: shm.stat("a")["pins"] == 1)


def test_a_signal_handler_that_uses_the_client_in_use(folder):
    told = []

    def handler(*_):
        with contextlib.suppress(shmimg.Busy):
            told.append(client.stats())
        told.append("busy")

    def answer(*_):
        os.kill(os.getpid(), signal.SIGUSR1)
        while not told:
            os.sched_yield()
        return b"OK images=1\n"

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with contextlib.closing(LyingDaemon(os.path.join(folder, "socket"), answer)) as daemon:
            with shmimg.connect(daemon.path, 60) as client:
                assert client.stats() == {"images": 1}
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert told == ["busy"]
