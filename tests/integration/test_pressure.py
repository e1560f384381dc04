"""Memory pressure: idle images go, a share at a time, and who watches is told."""

import base64
import os
import select
import socket

import pytest
from client import TIMEOUT, eventually
from pictures import smooth, write_png

TRIGGER = b"some 200000 2000000\0"
SIDE = 600  # 1.4 MB as RGBA8: above the least that goes at once


def load(client, folder, names, **values):
    picture = write_png(os.path.join(folder, "a.png"), smooth(SIDE, SIDE))
    return [int(client.ask("LOAD", path=picture, name=name, **values)["size"]) for name in names]


def names(client):
    return [item["name"] for item in client.items()]


@pytest.fixture
def fifo(folder):
    path = os.path.join(folder, "pressure")
    os.mkfifo(path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    yield path, fd
    os.close(fd)


def watching(start_daemon, path, **environment):
    return start_daemon(environment={"MEMORY_PRESSURE_WATCH": path, **environment})


def press(client, fd, count):
    os.write(fd, b"x" * 3000)  # less than is read at once, so that it is told once
    eventually(lambda: client.stats()["pressure-reports"] == count)


def evicted(watcher):
    verb, event = watcher.reply()
    assert (verb, event["type"]) == ("EVENT", "evicted"), event
    return event["name"]


def test_idle_images_go_a_share_at_a_time(start_daemon, fifo, folder):
    path, fd = fifo
    daemon = watching(start_daemon, path)
    with daemon.connect() as client, daemon.connect() as watcher:
        load(client, folder, ["held"])
        load(client, folder, ["kept"], keep="pinned", pin="no")
        load(client, folder, [str(number) for number in range(8)], pin="no")
        watcher.ask("WATCH")
        client.ask("FETCH", name="0")
        client.ask("RELEASE", name="0")  # the last one to be used
        press(client, fd, 1)
        # A quarter of eight, least recently used first.
        assert [evicted(watcher), evicted(watcher)] == ["1", "2"]
        assert names(client) == ["0", "3", "4", "5", "6", "7", "held", "kept"]
        stats = client.ask("STATS")
        assert stats["pressure"] == "environment"
        assert stats["pressure-evictions"] == stats["evictions"] == "2"
        eventually(lambda: client.stats()["decoders"] == 0)
        for count in range(2, 8):
            press(client, fd, count)
        eventually(lambda: names(client) == ["held", "kept"])
        # Nothing is left to go: that is no reason to stop listening, or serving.
        press(client, fd, 8)
        assert names(client) == ["held", "kept"]
        load(client, folder, ["new"])


def test_what_the_manager_wants_is_written(start_daemon, fifo, folder):
    path = os.path.join(folder, "manager")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(TIMEOUT)
        word = base64.b64encode(TRIGGER).decode()
        daemon = watching(start_daemon, path, MEMORY_PRESSURE_WRITE=word)
        manager, _ = listener.accept()
    with manager, daemon.connect() as client:
        manager.settimeout(TIMEOUT)
        assert manager.recv(100) == TRIGGER
        load(client, folder, ["a"], pin="no")
        manager.send(b"!")
        eventually(lambda: names(client) == [])
        manager.close()
        eventually(lambda: client.ask("STATS")["pressure"] == "none")
    assert "no longer reported by: environment" in daemon.log()


@pytest.mark.parametrize(
    "path, write, complaint",
    [
        ("/dev/null", None, None),
        ("/nowhere/pressure", None, "No such file"),
        ("relative", None, "Invalid argument"),
        ("/dev/zero", None, "not supported"),
        ("/etc/passwd", "", "Operation not permitted"),
        ("/" + "x" * 200, None, "No such file"),
        ("/proc/pressure/memory", "%%%", "Invalid argument"),
        ("/proc/pressure/memory", "QUJ", "Invalid argument"),
        ("/proc/pressure/memory", "QU=J", "Invalid argument"),
        ("/proc/pressure/memory", "QUJD" * 100, "Invalid argument"),
        ("/proc/pressure/memory", "QUJD", "Invalid argument"),
    ],
)
def test_what_cannot_be_watched_is_said(start_daemon, path, write, complaint):
    environment = {} if write is None else {"MEMORY_PRESSURE_WRITE": write}
    daemon = watching(start_daemon, path, **environment)
    with daemon.connect() as client:
        assert client.ask("STATS")["pressure"] == "none"
    assert ("MEMORY_PRESSURE_WATCH" in daemon.log()) == bool(complaint)
    assert (complaint or "") in daemon.log()


def test_sockets_that_cannot_be_connected_to(start_daemon, folder):
    path = os.path.join(folder, "dead")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
    assert "Connection refused" in watching(start_daemon, path).log()
    deep = os.path.join(folder, "d" * 100)
    os.mkdir(deep)
    there = os.getcwd()
    os.chdir(deep)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("s")
    finally:
        os.chdir(there)
    assert "File name too long" in watching(start_daemon, os.path.join(deep, "s")).log()


def test_off(start_daemon, fifo, folder):
    path, fd = fifo
    daemon = start_daemon("--memory-pressure", "no", environment={"MEMORY_PRESSURE_WATCH": path})
    with daemon.connect() as client:
        load(client, folder, ["a"], pin="no")
        os.write(fd, b"x")
        assert client.ask("STATS")["pressure"] == "off"
        assert select.select([fd], [], [], 0)[0]  # nobody read it
        assert names(client) == ["a"]


def kernel_takes_triggers():
    """Not all kernels have pressure stall information, and old ones keep it for root."""
    try:
        fd = os.open("/proc/pressure/memory", os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        return f"/proc/pressure/memory: {error.strerror}"
    try:
        os.write(fd, TRIGGER)
    except OSError as error:
        return f"a trigger for /proc/pressure/memory: {error.strerror}"
    finally:
        os.close(fd)
    return None


REASON = kernel_takes_triggers()


@pytest.mark.skipif(REASON is not None, reason=str(REASON))
def test_the_kernel_takes_the_trigger(start_daemon):
    environment = {"MEMORY_PRESSURE_WATCH": ""}
    with start_daemon(environment=environment).connect() as client:
        stats = client.ask("STATS")
        assert "machine" in stats["pressure"].split(","), stats
