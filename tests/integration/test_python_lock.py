"""The Python package's lock: who waits, and what becomes of it when its holder dies."""

import os
import signal
import threading
import time

import pytest
import shmimg
from client import eventually
from pictures import tiny_png


@pytest.fixture
def image(daemon, tmp_path):
    with shmimg.connect(daemon.path, 60) as client:
        yield client.load(tiny_png(tmp_path / "a.png"), name="a")


def hold(image):
    """Another process that holds the lock, until it is killed."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with image.lock():
                os.write(writing, b".")
                signal.pause()
        finally:
            os._exit(0)
    os.close(writing)
    assert os.read(reading, 1) == b"."
    os.close(reading)
    return pid


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_with(image, client):
    with image.lock():
        assert client.ask("STAT", name="a")["lock"] == str(os.getpid())
    assert client.ask("STAT", name="a")["lock"] == "free"


def test_it_is_given_back_after_an_error(image, client):
    with pytest.raises(ZeroDivisionError), image.lock():
        1 / 0
    assert client.ask("STAT", name="a")["lock"] == "free"


def test_timeouts(image):
    pid = hold(image)
    for timeout in (0, 0.05):
        before = time.monotonic()
        with pytest.raises(TimeoutError) as told, image.lock(timeout):
            pass
        assert isinstance(told.value, shmimg.Timeout) and told.value.code is None
        assert time.monotonic() - before >= timeout
    kill(pid)
    with image.lock(0):
        pass


def test_a_killed_holder_lets_go_at_once(image, client):
    pid = hold(image)
    taken = threading.Event()

    def wait():
        with image.lock(60):
            taken.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    eventually(lambda: client.ask("STAT", name="a")["waiters"] == "1")
    assert not taken.is_set()
    kill(pid)
    waiter.join(60)
    assert taken.is_set()


def test_a_thousand_turns_of_four_threads(image):
    """Unlocked, the sum would come out wrong: the other threads run during each turn."""
    total = [0]

    def count():
        for _ in range(250):
            with image.lock(60):
                before = total[0]
                os.sched_yield()
                total[0] = before + 1

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total == [1000]


def test_signals_do_not_end_the_wait(image, client):
    pid = hold(image)
    heard = []
    before = signal.signal(signal.SIGALRM, lambda *_: heard.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    try:
        with pytest.raises(TimeoutError), image.lock(0.3):
            pass
        assert len(heard) >= 3
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, lambda *_: kill(pid))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with image.lock(60):
            pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert client.ask("STAT", name="a")["lock"] == "free"


def test_only_its_holder_gives_it_back(image):
    with pytest.raises(PermissionError):
        image.lock().release()
    pid = hold(image)
    with pytest.raises(PermissionError):
        image.lock().release()
    kill(pid)


def test_a_lock_keeps_its_image(daemon, tmp_path):
    """Without a pin the semaphore could become another image's while it is held."""
    with shmimg.connect(daemon.path) as client:
        client.load(tiny_png(tmp_path / "a.png"), name="a")
        assert client.stat("a")["pins"] == 0
        with client.lock(client.fetch("a")):
            assert client.stat("a")["pins"] == 1
        assert client.stat("a")["pins"] == 0


def test_a_lock_that_is_gone(start_daemon, tmp_path):
    daemon = start_daemon()
    with shmimg.connect(daemon.path) as client:
        lock = client.load(tiny_png(tmp_path / "a.png")).lock()
        daemon.stop()
        with pytest.raises(shmimg.LockGone):
            lock.acquire()
        with pytest.raises(shmimg.LockGone):
            lock.release()
