"""Decoders that die or hang, and what the daemon does meanwhile."""

import os
import select
import signal
import time

import pytest
from client import Refused
from pictures import big_png, tiny_png
from server import children, cpu_ticks, ended, suspend


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    return big_png(tmp_path_factory.mktemp("large") / "large.png")


def busy_decoder(daemon, before):
    """The decoder that is at work, seen by the time it uses (there is no event for it)."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for pid in children(daemon.pid):
            if cpu_ticks(pid) - before.get(pid, 0) >= 5:
                return pid
        time.sleep(0.002)
    raise AssertionError("no decoder is at work")


def begin(daemon, client, path):
    """Has a load begin; returns the decoder that is on it."""
    before = {pid: cpu_ticks(pid) for pid in children(daemon.pid)}
    client.send("LOAD", path=path)
    return busy_decoder(daemon, before)


@pytest.mark.options("--decoders", "1")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGABRT])
def test_a_decoder_that_dies_costs_one_load(daemon, client, connect, large, tmp_path, signum):
    segments = daemon.segments()
    victim = begin(daemon, client, large)
    os.kill(victim, signum)
    with pytest.raises(Refused) as refusal:
        client.answer()
    assert refusal.value.code == "decoder-failed"
    assert daemon.segments() == segments
    assert connect().ask("LOAD", path=tiny_png(tmp_path / "a.png"))["cached"] == "no"
    assert victim not in daemon.decoders()
    assert client.stats()["decoder-restarts"] == 1
    assert client.ask("LOAD", path=large)["cached"] == "no"


@pytest.mark.options("--decoders", "1")
def test_all_who_wait_for_a_dead_decoder_hear_of_it(daemon, connect, large):
    clients = [connect() for _ in range(3)]
    victim = begin(daemon, clients[0], large)
    for client in clients[1:]:
        client.send("LOAD", path=large)
        assert client.socket.fileno() >= 0
    clients[0].send("STATS")
    with daemon.connect() as other:
        other.ask("STATS")
    os.kill(victim, signal.SIGKILL)
    assert clients[0].reply()[1]["code"] == "decoder-failed"
    for client in clients[1:]:
        verb, reply = client.reply()
        assert verb == "OK" or reply["code"] == "decoder-failed"


@pytest.mark.options("--decoders", "1", "--decode-timeout", "1", "--decode-timeout-megapixel", "1")
def test_a_decoder_that_hangs_is_replaced(daemon, client, large, tmp_path):
    victim = begin(daemon, client, large)
    pidfd = os.pidfd_open(victim)
    suspend(victim)
    with pytest.raises(Refused) as refusal:
        client.answer()
    assert refusal.value.code in ("timeout", "decoder-failed")
    assert ended(pidfd, 10)
    os.close(pidfd)
    assert client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))["cached"] == "no"
    assert client.items(match="*large.png") == []


@pytest.mark.options("--decoders", "2")
def test_idle_decoders_that_die_are_no_matter(daemon, client, tmp_path):
    for number in range(5):
        path = tiny_png(tmp_path / f"{number}.png", number)
        assert client.ask("LOAD", path=path)["cached"] == "no"
        pidfds = []
        for pid in daemon.decoders():
            pidfds.append(os.pidfd_open(pid))
            os.kill(pid, signal.SIGKILL)
        assert all(ended(pidfd, 10) for pidfd in pidfds)
        for pidfd in pidfds:
            os.close(pidfd)
        client.ask("STATS")


def test_fetch_does_not_wait_for_load(daemon, client, connect, large, tmp_path):
    other = connect()
    small = other.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="small")
    begin(daemon, client, large)
    count, slowest = 0, 0.0
    while not select.select([client.socket], [], [], 0)[0]:
        start = time.monotonic()
        assert other.ask("FETCH", name="small")["segment"] == small["segment"]
        slowest = max(slowest, time.monotonic() - start)
        count += 1
    assert client.answer()["name"] == large
    assert count >= 20
    assert slowest < 0.5


def test_a_client_that_dies_while_its_load_runs(daemon, connect, large):
    client = connect()
    begin(daemon, client, large)
    client.close()
    other = connect()
    reply = other.ask("LOAD", path=large)
    assert reply["name"] == large
    assert other.ask("STAT", name=large)["pins"] == "1"
    assert other.stats()["connections"] == 1


def test_a_drop_while_a_load_runs(daemon, client, connect, large):
    begin(daemon, client, large)
    other = connect()
    assert other.error("DROP", name=large) == "not-found"
    assert client.answer()["name"] == large
    other.ask("DROP", name=large)
    assert client.error("FETCH", name=large) == "not-found"


def test_a_stop_while_a_load_runs(daemon, client, large):
    begin(daemon, client, large)
    daemon.stop()
    assert client.read_line() is None or client.at_end()


def test_decoders_step_back(daemon, client, tmp_path):
    """Each of their threads, behind the daemon and its clients."""
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    usual = os.getpriority(os.PRIO_PROCESS, daemon.pid)
    assert os.sched_getscheduler(daemon.pid) == os.SCHED_OTHER
    for decoder in daemon.decoders():
        for thread in map(int, os.listdir(f"/proc/{decoder}/task")):
            assert os.sched_getscheduler(thread) == os.SCHED_BATCH
            assert os.getpriority(os.PRIO_PROCESS, thread) == min(usual + 5, 19)
