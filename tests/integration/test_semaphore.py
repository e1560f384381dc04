"""The semaphore of an image: locked and unlocked, and let go of by the dead."""

import os
import signal

import pytest
import semaphore
from client import eventually
from pictures import noise, tiny_png, write_png
from semaphore import Semaphore


@pytest.fixture
def lock(client, tmp_path):
    reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    return Semaphore(reply["semaphore"])


def fork(function):
    """Runs function(report) in a child; returns its pid, and a pipe to hear reports by."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            function(lambda: os.write(writing, b"."))
        finally:
            os._exit(0)
    os.close(writing)
    return pid, reading


def end(pid, reading):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reading)


def hold(lock):
    def run(report):
        lock.lock()
        report()
        signal.pause()

    pid, reading = fork(run)
    assert os.read(reading, 1) == b"."
    return pid, reading


def test_it_begins_unlocked(lock):
    assert lock.value == 1


def test_it_excludes(lock):
    pid, reading = hold(lock)
    assert lock.value == 0
    assert not lock.try_lock()
    with pytest.raises(BlockingIOError):
        lock.lock(0.05)
    end(pid, reading)
    lock.lock(5)
    assert lock.value == 0
    lock.unlock()
    assert lock.value == 1


def test_a_thousand_killed_holders(lock):
    """Half die as they hold it, half at any instant of locking and unlocking."""

    def holder(report):
        lock.lock()
        report()
        signal.pause()

    def racer(report):
        report()
        while True:
            lock.lock()
            lock.unlock()

    for number in range(1000):
        pid, reading = fork(racer if number % 2 else holder)
        assert os.read(reading, 1) == b"."
        end(pid, reading)
        lock.lock(1)
        lock.unlock()
        assert lock.value == 1


def test_stat_tells_holder_and_waiters(client, lock):
    idle = client.ask("STAT", name="a")
    assert (idle["lock"], idle["waiters"]) == ("free", "0")
    pid, reading = hold(lock)
    stat = client.ask("STAT", name="a")
    assert stat["lock"] == str(pid) != idle["lock"]
    waiters = [fork(lambda report: lock.lock()) for _ in range(3)]
    eventually(lambda: client.ask("STAT", name="a")["waiters"] == "3")
    assert client.items()[0]["waiters"] == "3"
    end(pid, reading)
    for pid, reading in waiters:
        os.waitpid(pid, 0)
        os.close(reading)
    after = client.ask("STAT", name="a")
    assert (after["lock"], after["waiters"]) == (idle["lock"], "0")


def test_each_image_has_its_own(client, lock, tmp_path):
    other = Semaphore(client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")["semaphore"])
    assert (other.semid, other.index) != (lock.semid, lock.index)
    lock.lock(5)
    assert other.try_lock()
    other.unlock()
    lock.unlock()


def test_it_stays_through_generations(client, lock, tmp_path):
    path = write_png(tmp_path / "a.png", noise(9, 9, seed=5))
    lock.lock(5)
    again = Semaphore(client.ask("LOAD", path=path, name="a")["semaphore"])
    assert (again.semid, again.index) == (lock.semid, lock.index)
    assert again.value == 0
    lock.unlock()


def test_it_is_not_given_away_while_pinned(client, connect, lock, tmp_path):
    """The holder of a dropped image may still lock; nobody else has got its semaphore."""
    lock.lock(5)
    other = connect()
    other.ask("DROP", name="a")
    taken = set()
    for number in range(50):
        path = tiny_png(tmp_path / f"{number}.png", number)
        taken.add(other.ask("LOAD", path=path)["semaphore"])
    assert f"{lock.semid}:{lock.index}" not in taken
    assert lock.value == 0
    lock.unlock()


def test_a_used_one_begins_unlocked_again(client, lock, tmp_path):
    """What a client leaves locked must not lock the next image of the slot."""
    lock.lock(5)
    client.ask("DROP", name="a")
    client.ask("RELEASE", name="a")
    for number in range(100):
        path = tiny_png(tmp_path / "b.png", number)
        semid, index = client.ask("LOAD", path=path, name=str(number))["semaphore"].split(":")
        assert Semaphore(f"{semid}:{index}").value == 1
    if semaphore.exists(lock.semid):
        assert lock.holder == os.getpid()
