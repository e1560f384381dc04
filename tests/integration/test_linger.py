"""Sockets that linger: who closes such a one last waits until the other side has read all of it."""

import contextlib
import os
import select
import signal
import socket
import struct

import pytest
from client import Client, Refused, eventually
from pictures import tiny_png
from server import suspend
from users import connect_as

ANNA, BERT = 1234, 65534
FOREVER = 30000  # seconds
SETTLED = 0.3  # seconds, after which nothing of what is sent is on its way any more

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")


class Lingering:
    """Connected sockets with data that the other side does not read."""

    def __init__(self, count):
        self.sockets, self.others = [], []
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            for _ in range(count):
                self.sockets.append(self._connect(server.getsockname()))
                self.others.append(server.accept()[0])
        while writable := select.select([], self.sockets, [], SETTLED)[1]:
            for each in writable:
                with contextlib.suppress(BlockingIOError):
                    each.send(bytes(1 << 16))

    @staticmethod
    def _connect(address):
        made = socket.create_connection(address)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, FOREVER))
        made.setblocking(False)
        return made

    def fds(self):
        return [each.fileno() for each in self.sockets]

    def close(self):
        """Closes the copies here; to be called only while somebody has others."""
        for each in self.sockets:
            each.close()

    def release(self):
        """The other side goes, and nobody has to wait any more."""
        for each in self.others:
            each.close()
        self.close()


@pytest.fixture
def lingering():
    made = []

    def make(count):
        made.append(Lingering(count))
        return made[-1]

    yield make
    for each in made:
        each.release()


def give_away(daemon, client, sockets, text, **values):
    """Sends them with a request, so that the daemon has the last copies when it goes on."""
    suspend(daemon.process.pid)
    client.send(text, fds=sockets.fds(), **values)
    sockets.close()
    daemon.process.send_signal(signal.SIGCONT)


def test_as_a_file(start_daemon, folder, lingering):
    picture = tiny_png(os.path.join(folder, "picture.png"))
    daemon = start_daemon(folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        assert bert.load_fd(picture, name="first")["cached"] == "no"
        sockets = lingering(1)
        give_away(daemon, anna, sockets, "LOAD", source="fd", name="a")
        with pytest.raises(Refused, match="^invalid-argument: .* regular file"):
            anna.answer()
        assert bert.load_fd(picture, name="a")["cached"] == "no"
        assert anna.error("LOAD", path="/nowhere", name="a") == "not-found"
        assert bert.stats()["files-closing"] >= 1
        sockets.release()
        eventually(lambda: bert.stats()["files-closing"] == 0)


def test_more_than_a_line_may_bring(start_daemon, folder, lingering):
    """Those that nobody can claim are closed elsewhere, too, and not by the kernel at once."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    daemon = start_daemon(folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        assert bert.load_fd(picture, name="a")["cached"] == "no"
        before = daemon.settled_files(bert)
        sockets = lingering(100)
        give_away(daemon, anna, sockets, "STATS")
        with pytest.raises(Refused, match="^protocol: descriptors were lost"):
            anna.answer()
        assert anna.at_end()
        assert bert.load_fd(picture, name="b")["cached"] == "no"
        eventually(lambda: bert.stats()["files-closing"] == 100)
        eventually(lambda: f"files of user {ANNA} are not closed" in daemon.log())
        assert bert.ask("FETCH", name="a")["name"] == "a"
        sockets.release()
        eventually(lambda: bert.stats()["files-closing"] == 0)
    with connect_as(ANNA, daemon.connect) as anna, connect_as(BERT, daemon.connect) as bert:
        eventually(lambda: daemon.open_files() == before)
        assert anna.stats()["files-closing"] == 0


def is_taken(daemon, picture):
    """Whether a file that is sent can be loaded."""
    with connect_as(ANNA, daemon.connect) as other:
        try:
            return other.load_fd(picture, name="b")["cached"] == "no"
        except Refused as refusal:
            assert refusal.code == "busy"
            return False


def test_no_room_for_descriptors(start_daemon, folder, lingering):
    """The kernel would close what it has no number for, on the thread that receives."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    daemon = start_daemon(folder=folder, descriptors=640)
    sockets = lingering(1)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert, contextlib.ExitStack() as crowd:
        assert bert.load_fd(picture, name="a")["cached"] == "no"
        while "accepting is paused" not in daemon.log():
            with contextlib.suppress(BlockingIOError):  # so many wait already
                crowd.enter_context(Client(daemon.path, hello=False))
        give_away(daemon, anna, sockets, "LOAD", source="fd", name="b")
        with pytest.raises(Refused, match="^busy: .* no room for more"):
            anna.answer()
        assert anna.at_end()
        for _ in range(50):
            assert bert.ask("FETCH", name="a")["name"] == "a"
        assert bert.error("LOAD", path="/nowhere", name="c") in ("busy", "not-found")
        crowd.close()
        sockets.release()
        eventually(lambda: bert.stats()["connections"] == 1)
        # There is room again; whether there is, is looked at now and then.
        eventually(lambda: is_taken(daemon, picture))
