"""The Python package in several threads and processes; the client that a process has."""

import os
import signal
import subprocess
import sys
import threading
import traceback

import numpy
import pytest
import shmimg
from lying_daemon import LyingDaemon
from pictures import noise, tiny_png, write_png


@pytest.fixture
def shm(daemon):
    with shmimg.connect(daemon.path, 60) as client:
        yield client


@pytest.fixture
def default(daemon, monkeypatch):
    """The daemon as the one of the process."""
    monkeypatch.setenv("SHMIMG_SOCKET", daemon.path)
    yield shmimg
    shmimg.close()


def in_child(function):
    """Runs a function in a forked child; the child's exit code, which is 0 when all is well."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_threads_share_a_client(shm, tmp_path):
    pictures = [noise(10 + number, 20, 4, number) for number in range(8)]
    paths = [write_png(tmp_path / f"{n}.png", pixels) for n, pixels in enumerate(pictures)]
    wrong = []

    def work(first):
        for turn in range(60):
            number = (first + turn) % 8
            array = shm.load(paths[number]).array
            if not numpy.array_equal(array, pictures[number]):
                wrong.append((first, turn))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert [record["pins"] for record in shm.list()] == [0] * 8
    assert shm.stats()["decodes"] == 8


def test_the_default_client(default, client, tmp_path):
    image = default.load(tiny_png(tmp_path / "a.png"), name="a")
    assert default.fetch("a").segment == image.segment
    assert [record["name"] for record in default.list()] == ["a"]
    assert default.stat("a")["width"] == 3 and default.stats()["connections"] == 2
    with default.watch() as events:
        default.drop("a")
        assert next(events).type == "dropped"
    default.release(image)
    assert default.default_client() is default.default_client()


def test_one_default_client_for_all_threads(default, client):
    barrier = threading.Barrier(8)
    found = []

    def work():
        barrier.wait()
        found.append(default.default_client())

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1 and len(found) == 8
    assert client.ask("STATS")["connections"] == "2"


def test_a_child_has_a_connection_of_its_own(default, client, tmp_path):
    pixels = noise(5, 5, 4)
    image = default.load(write_png(tmp_path / "a.png", pixels), name="a")

    def child():
        nonlocal image
        assert numpy.array_equal(image.array, pixels)
        image = None
        mine = default.fetch("a")
        assert set(default.stat("a")["holders"]) == {os.getpid(), os.getppid()}
        assert default.stat("a")["pins"] == 2
        default.release(mine)

    for _ in range(3):
        assert in_child(child) == 0
        assert default.stat("a")["holders"] == [os.getpid()], "the parent's pin stays"


def test_children_and_their_parent_at_once(shm, tmp_path):
    """Nobody reads anybody else's answers."""
    path = tiny_png(tmp_path / "a.png")

    def work():
        for number in range(100):
            name = f"{os.getpid()} {number}"
            assert shm.load(path, name=name).name == name

    pids = []
    for _ in range(4):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work()
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    work()
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 4


def test_a_fork_while_another_thread_waits(default, shm, tmp_path):
    """A lock that nobody in the child will ever give back is none of the child's."""
    client = default.default_client()
    client._session._lock.acquire()
    held = threading.Thread(target=lambda: default.shared._holder._lock.acquire())
    held.start()
    held.join()

    def child():
        signal.alarm(60)
        assert default.stats()["images"] == 0

    try:
        assert in_child(child) == 0
    finally:
        default.shared._holder._lock.release()
        client._session._lock.release()


def test_a_thread_that_waits_does_not_keep_its_process(folder):
    never = threading.Event()
    program = (
        "import shmimg, sys, threading; client = shmimg.connect(sys.argv[1])\n"
        "threading.Thread(target=client.stats, daemon=True).start()\n"
        "sys.stdin.read(1)\n"
    )
    path = os.path.join(folder, "socket")
    asked = threading.Event()
    daemon = LyingDaemon(path, lambda *_: asked.set() or never)
    command = [sys.executable, "-c", program, path]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(shmimg.__file__))}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE) as process:
        assert asked.wait(60)
        process.communicate(b".", timeout=60)
    assert process.returncode == 0
    never.set()
    daemon.close()


def test_two_programs(daemon, tmp_path):
    """The second one's pixels are the first one's, and no resource tracker takes them away."""
    program = (
        "import shmimg, sys; image = shmimg.fetch('a')\n"
        "print(image.segment, int(image.array.sum()))\n"
    )
    environment = {
        **os.environ,
        "SHMIMG_SOCKET": daemon.path,
        "PYTHONPATH": os.path.dirname(os.path.dirname(shmimg.__file__)),
    }
    with shmimg.connect(daemon.path) as client:
        image = client.load(write_png(tmp_path / "a.png", noise(50, 60, 4)), name="a")
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", program],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout.split() == [image.segment, str(image.array.sum())]
            assert done.stderr == ""
        assert os.path.exists("/dev/shm" + image.segment)
