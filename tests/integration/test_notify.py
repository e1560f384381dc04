"""What the service manager hears from the daemon."""

import os
import select
import signal
import socket
import time

import pytest
from pictures import tiny_png
from server import suspend


class Manager:
    """Reads what a daemon says on its NOTIFY_SOCKET."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.daemon.notify.settimeout(60)

    def message(self):
        text = self.daemon.notify.recv(4096).decode()
        return dict(line.partition("=")[::2] for line in text.split("\n"))

    def is_silent(self, seconds):
        return not select.select([self.daemon.notify], [], [], seconds)[0]

    def await_status(self, wanted):
        """Messages up to one whose status says what is wanted."""
        messages = []
        while not messages or wanted not in messages[-1].get("STATUS", ""):
            messages.append(self.message())
        return messages


@pytest.fixture
def manager(start_daemon):
    def start(*options, **environment):
        return Manager(start_daemon(*options, keep_notify=True, environment=environment))

    return start


def test_the_status_tells_what_there_is(manager, tmp_path):
    it = manager("--memory-max", "1536K")
    with it.daemon.connect() as client:
        it.await_status("1 client")
        size = int(client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))["size"])
        status = it.await_status("1 image")[-1]["STATUS"]
        assert status == f"1 image, {size / 1024:.1f} KiB of 1.5 MiB, 1 client"
        client.ask("LOAD", path=tiny_png(tmp_path / "b.png", 2))
        it.await_status("2 images")
        client.ask("DROP", name=str(tmp_path / "a.png"))
        it.await_status("1 image,")
    it.await_status("0 clients")
    assert it.is_silent(1.5), "nothing has changed"


def test_the_status_comes_at_most_once_a_second(manager, tmp_path):
    it = manager()
    with it.daemon.connect() as client:
        path = tiny_png(tmp_path / "a.png")
        started = time.monotonic()
        while time.monotonic() < started + 2.2:
            client.ask("LOAD", path=path)
            client.ask("RELEASE", name=path)
            client.ask("DROP", name=path)
        assert client.stats()["decodes"] > 20
    messages = it.await_status("0 clients")
    seconds = time.monotonic() - started
    assert 2 <= len(messages) <= seconds + 2
    assert all(list(message) == ["STATUS"] for message in messages)


def test_reloading(manager):
    it = manager()
    it.await_status("0 clients")  # the test's own is gone
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    os.kill(it.daemon.pid, signal.SIGHUP)
    message = it.message()
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert message["RELOADING"] == "1"
    assert before <= int(message["MONOTONIC_USEC"]) <= after
    assert it.message() == {"READY": "1"}


def test_stopping(manager):
    it = manager()
    it.daemon.stop()
    messages = [it.message()]
    while "STOPPING" not in messages[-1]:
        messages.append(it.message())
    assert messages[-1] == {"STOPPING": "1"}
    assert it.is_silent(0)


def test_a_manager_that_has_gone_is_not_told(start_daemon, tmp_path):
    """Its socket is there no more, and what has its name later is somebody else's."""
    daemon = start_daemon()
    path = os.path.join(daemon.folder, "notify")
    with daemon.connect() as client:
        client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
        time.sleep(2.5)  # the status has been tried, which nobody can see
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.bind(path)
            client.ask("DROP", name=str(tmp_path / "a.png"))
            assert not select.select([other], [], [], 1.5)[0]
        os.unlink(path)


def test_the_watchdog_is_kept_by_the_event_loop(manager):
    it = manager(WATCHDOG_USEC="400000")
    beats = 0
    started = time.monotonic()
    while beats < 4:
        beats += it.message() == {"WATCHDOG": "1"}
    assert time.monotonic() - started < 10
    suspend(it.daemon.pid)
    while not it.is_silent(0.6):
        it.message()
    assert it.is_silent(0.6)
    os.kill(it.daemon.pid, signal.SIGCONT)
    while it.message() != {"WATCHDOG": "1"}:
        pass


def test_no_watchdog_without_one(manager):
    it = manager()
    it.await_status("0 clients")
    assert it.is_silent(1.2)
