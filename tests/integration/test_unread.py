"""Connections that are closed with input that nobody has read, and what comes with it: who is the
last to close what was sent there may wait for hours, and that shall not be the daemon's thread.
"""

import array
import contextlib
import os
import signal
import socket

import pytest
from client import Client, eventually, line
from faults import SYSTEM, Faults
from lingering import Lingering
from pictures import tiny_png
from server import suspend
from users import connect_as

ANNA = 1234
FOREVER = 1 << 31
TOO_LONG = b"A" * 16384


def send_with(client, data, *files, flags=0):
    rights = array.array("i", [file.fileno() for file in files])
    client.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)], flags)


def send_lingering(client, data):
    """With a descriptor whose last one is in the connection from now on."""
    lingering = Lingering()
    send_with(client, data, lingering)
    lingering.give_away()
    return lingering


@contextlib.contextmanager
def stopped(daemon):
    """What is sent meanwhile is there, all of it, when the daemon looks."""
    suspend(daemon.pid)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def assert_error_and_end(client, code="protocol"):
    """The peer's own read does not fail: there is an end, and no reset."""
    assert client.read_line().startswith(b"ERR code=" + code.encode())
    assert client.socket.recv(1) == b""


def assert_no_reset(client):
    """Not later either, when the socket has gone."""
    assert client.socket.recv(1) == b""
    assert client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


def threads(daemon):
    return len(os.listdir(f"/proc/{daemon.pid}/task"))


@pytest.mark.parametrize("count", [1, 20])
def test_descriptors_that_linger(daemon, client, count):
    """They come with what follows the line that ends the connection."""
    descriptors = daemon.open_files()
    with contextlib.ExitStack() as stack:
        hostile = stack.enter_context(Client(daemon.path, hello=False))
        with stopped(daemon):
            hostile.raw(TOO_LONG)
            for _ in range(count):
                stack.enter_context(send_lingering(hostile, b"x"))
        assert_error_and_end(hostile)
        assert client.stats()["connections"] == 1
        eventually(lambda: daemon.open_files() == descriptors)
        assert_no_reset(hostile)


def test_more_than_is_read_to_be_polite(daemon, client):
    """The peer may see a reset, but nobody else anything."""
    descriptors = daemon.open_files()
    with contextlib.ExitStack() as stack:
        hostile = stack.enter_context(Client(daemon.path, hello=False))
        hostile.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        with stopped(daemon):
            hostile.raw(TOO_LONG)
            for _ in range(70):
                stack.enter_context(send_lingering(hostile, b"x"))
        assert hostile.read_line().startswith(b"ERR code=protocol ")
        assert client.stats()["connections"] == 1
        eventually(lambda: daemon.open_files() == descriptors)


def test_files_that_were_to_be_loaded(daemon, client, tmp_path):
    """Of a client that means no harm."""
    descriptors = daemon.open_files()
    path = tiny_png(tmp_path / "a.png")
    with Client(daemon.path, hello=False) as other, open(path, "rb") as file:
        with stopped(daemon):
            other.raw(TOO_LONG)
            for _ in range(10):
                send_with(other, line("LOAD", source="fd", name="a") + b"\n", file)
        assert_error_and_end(other)
        eventually(lambda: daemon.open_files() == descriptors)
        assert_no_reset(other)
    assert client.error("FETCH", name="a") == "not-found"


def test_what_brings_no_descriptor_needs_no_thread(daemon, client):
    descriptors, before = daemon.open_files(), threads(daemon)
    for _ in range(10):
        with Client(daemon.path, hello=False) as other:
            with stopped(daemon):
                other.raw(TOO_LONG + b"STATS\n" * 1000)
            assert_error_and_end(other)
            eventually(lambda: daemon.open_files() == descriptors)
            assert_no_reset(other)
    assert threads(daemon) == before
    assert client.stats()["connections"] == 1


def test_a_peer_that_has_gone(daemon, client):
    descriptors = daemon.open_files()
    with contextlib.ExitStack() as stack:
        for _ in range(5):
            with stopped(daemon), Client(daemon.path, hello=False) as hostile:
                hostile.raw(TOO_LONG)
                stack.enter_context(send_lingering(hostile, b"x"))
        eventually(lambda: client.stats()["connections"] == 1)
        eventually(lambda: daemon.open_files() == descriptors)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_a_connection_that_is_refused(start_daemon, folder):
    daemon = start_daemon("--user-connections", "1", folder=folder)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(daemon.connect())
        anna = stack.enter_context(connect_as(ANNA, daemon.connect))
        descriptors = daemon.open_files()
        for _ in range(3):
            with stopped(daemon):
                hostile = connect_as(ANNA, lambda: Client(daemon.path, hello=False))
                stack.enter_context(hostile)
                stack.enter_context(send_lingering(hostile, b"STATS\n"))
            assert_error_and_end(hostile, "over-quota")
            eventually(lambda: daemon.open_files() == descriptors)
            assert_no_reset(hostile)
        assert anna.stats()["user-connections"] == 1
        assert client.stats()["connections"] == 2


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
@pytest.mark.parametrize("call", ["pthread_create", "timer_create"])
def test_no_thread_to_close_it(start_daemon, folder, call):
    """It counts against its user's connections until there is one, and others see nothing."""
    faults = Faults(folder)
    daemon = start_daemon(
        "--user-connections", "3", folder=folder, environment=faults.environment
    )
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(daemon.connect())
        anna = stack.enter_context(connect_as(ANNA, daemon.connect))
        descriptors = daemon.open_files()
        faults.arm(SYSTEM, 1, FOREVER, call)
        for _ in range(2):
            with stopped(daemon):
                hostile = connect_as(ANNA, lambda: Client(daemon.path, hello=False))
                stack.enter_context(hostile)
                hostile.raw(TOO_LONG)
                stack.enter_context(send_lingering(hostile, b"x"))
            assert_error_and_end(hostile)
        assert anna.stats()["user-connections"] == 3
        refused = stack.enter_context(
            connect_as(ANNA, lambda: Client(daemon.path, hello=False))
        )
        assert_error_and_end(refused, "over-quota")
        assert client.stats()["connections"] == 2
        eventually(lambda: faults.failed)  # a thread may be slow to begin
        assert faults.disarm() == call
        eventually(lambda: anna.stats()["user-connections"] == 1)
        assert daemon.open_files() == descriptors


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_too_many_that_are_refused(start_daemon, folder):
    """Those who are served go on; nobody else is accepted until some are closed."""
    faults = Faults(folder)
    daemon = start_daemon("--user-connections", "1", folder=folder, environment=faults.environment)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(daemon.connect())
        stack.enter_context(connect_as(ANNA, daemon.connect))
        file = stack.enter_context(open(os.devnull, "rb"))
        descriptors = daemon.open_files()
        faults.arm(SYSTEM, 1, FOREVER, "pthread_create")
        for _ in range(26):
            with stopped(daemon):
                for _ in range(10):
                    hostile = connect_as(ANNA, lambda: Client(daemon.path, hello=False))
                    stack.enter_context(hostile)
                    send_with(hostile, b"STATS\n", file)
        eventually(lambda: "accepting is paused" in daemon.log())
        assert client.stats()["connections"] == 2
        assert daemon.open_files() == descriptors + 256
        faults.disarm()
        with daemon.connect() as other:
            assert other.stats()["connections"] == 3
        eventually(lambda: daemon.open_files() == descriptors)


def test_the_end_of_the_daemon_waits_for_nothing(start_daemon, folder):
    faults = Faults(folder)
    daemon = start_daemon(environment=faults.environment)
    with contextlib.ExitStack() as stack:
        client = stack.enter_context(daemon.connect())
        faults.arm(SYSTEM, 1, FOREVER, "pthread_create")
        hostile = stack.enter_context(Client(daemon.path, hello=False))
        with stopped(daemon):
            hostile.raw(TOO_LONG)
            stack.enter_context(send_lingering(hostile, b"x"))
        assert_error_and_end(hostile)
        assert client.stats()["connections"] == 1
        daemon.stop()


def test_what_is_urgent_is_read_as_all_else(daemon, tmp_path):
    """Out-of-band data (send(2)) and its descriptors neither get lost nor overtake anything."""
    with daemon.connect() as client, open(tiny_png(tmp_path / "a.png"), "rb") as file:
        client.raw(b"LOAD source=fd name=a")
        send_with(client, b"\n", file, flags=socket.MSG_OOB)
        assert client.answer()["name"] == "a"
        client.socket.send(b"STATS\n", socket.MSG_OOB)
        assert client.answer()["images"] == "1"


@pytest.mark.parametrize("text", [b"X", b"LOAD source=fd name=a", b"LOAD source=fd name=a\nX"])
def test_connections_that_are_sent_over_each_other(daemon, client, text):
    """The daemon keeps none of their ends, so it hears of the end of each."""
    before = daemon.settled_files(client)
    first, second = daemon.connect(), daemon.connect()
    for one, other in ((first, second), (second, first), (first, first)):
        send_with(one, text, other.socket)
    eventually(lambda: client.stats()["user-connections"] == 3)
    first.close()
    second.close()
    eventually(lambda: client.stats()["user-connections"] == 1)
    eventually(lambda: daemon.open_files() == before)
