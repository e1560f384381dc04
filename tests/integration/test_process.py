"""The daemon as a process: its command line, its start and its end."""

import contextlib
import os
import signal
import socket
import subprocess
import threading

import pytest
import semaphore
from client import TIMEOUT, Client, Closed
from pictures import tiny_png
from server import SHMIMGD, Daemon


def run(*options, **settings):
    return subprocess.run(
        [SHMIMGD, *options], capture_output=True, text=True, timeout=60, check=False, **settings
    )


def test_help():
    done = run("--help")
    assert done.returncode == 0 and not done.stderr
    for option in ("socket", "decoders", "max-pixels", "decode-timeout", "memory-max", "help"):
        assert f"--{option}" in done.stdout


def test_version(daemon):
    done = run("--version")
    assert done.returncode == 0
    assert done.stdout.split()[0] == "shmimgd"
    assert daemon.hello["version"] in done.stdout.split()


BAD_OPTIONS = {
    "unknown": ["--no-such-option"],
    "unknown letter": ["-Z"],
    "argument": ["something"],
    "no value": ["--socket"],
    "no number": ["--decoders", "many"],
    "no decoders": ["--decoders", "0"],
    "negative": ["--decoders", "-1"],
    "too many": ["--decoders", "99999999999999999999"],
    "no pixels": ["--max-pixels", "0"],
    "pixels with junk": ["--max-pixels", "10x"],
    "no time": ["--decode-timeout", "0"],
    "no idle time": ["--decoder-idle", "0"],
    "time with junk": ["--decode-timeout", "1s1"],
    "no size": ["--memory-max", "lots"],
    "size of overflow": ["--memory-max", "99999999999999999999G"],
    "empty size": ["--memory-max", ""],
    "neither yes nor no": ["--memory-pressure", "maybe"],
    "no images": ["--user-images", "0"],
    "too many pins": ["--user-pins", "1000000001"],
    "no size of a user": ["--user-bytes", "1Q"],
    "empty socket": ["--socket", ""],
    "relative socket": ["--socket", "socket"],
    "no mode": ["--socket-mode", "999"],
    "mode beyond permissions": ["--socket-mode", "01777"],
    "path too long": ["--socket", "/tmp/" + "s" * 200],
}


@pytest.mark.parametrize("options", BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_bad_options(folder, options):
    done = run("--socket", os.path.join(folder, "socket"), *options)
    assert done.returncode == 2
    assert "shmimgd: " in done.stderr
    assert not done.stdout
    assert os.listdir(folder) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_clean_stop_removes_everything(daemon, client, tmp_path, signum):
    for number in range(20):
        client.ask("LOAD", path=tiny_png(tmp_path / f"{number}.png", number))
    client.ask("DROP", name=str(tmp_path / "3.png"))
    assert len(daemon.segments()) >= 20
    daemon.note_sets()
    assert daemon.semids
    daemon.stop(signum)
    assert client.at_end()


def test_a_signal_among_requests(daemon, client, tmp_path):
    """However many requests are there to be answered, what else there is is heard of."""
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    answered = threading.Semaphore(0)

    def flood():
        with Client(daemon.path) as flooder, contextlib.suppress(Closed, OSError):
            while True:
                flooder.ask("FETCH", name="a")
                answered.release()

    flooders = [threading.Thread(target=flood) for _ in range(4)]
    for flooder in flooders:
        flooder.start()
    for _ in range(200):
        assert answered.acquire(timeout=TIMEOUT)
    with Client(daemon.path) as another:
        another.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")
    daemon.stop()
    for flooder in flooders:
        flooder.join(TIMEOUT)
        assert not flooder.is_alive()


def test_what_the_kernel_says_of_leases_ends_nothing(daemon, client, tmp_path):
    """Whoever opens a segment while it is removed can have the kernel send this."""
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a", pin="no")
    os.kill(daemon.pid, signal.SIGIO)
    client.ask("DROP", name="a")
    assert int(client.ask("STATS")["images"]) == 0


def test_a_second_daemon_on_the_socket(daemon, client):
    done = run("--socket", daemon.path)
    assert done.returncode == 1
    assert f"another shmimgd serves {daemon.path}" in done.stderr
    assert client.ask("STATS")
    with daemon.connect() as other:
        assert other.ask("STATS")


def test_what_is_no_socket_is_not_replaced(folder):
    path = os.path.join(folder, "socket")
    with open(path, "w", encoding="ascii") as file:
        file.write("mine")
    done = run("--socket", path)
    assert done.returncode == 1 and path in done.stderr
    with open(path, encoding="ascii") as file:
        assert file.read() == "mine"


def test_a_folder_that_is_not_there(folder):
    path = os.path.join(folder, "none", "none", "socket")
    done = run("--socket", path)
    assert done.returncode == 1 and path in done.stderr


def test_the_folder_of_the_socket_is_made(start_daemon, folder):
    daemon = start_daemon(folder=folder, socket="made/socket")
    assert daemon.path == os.path.join(folder, "made", "socket")
    assert os.stat(os.path.join(folder, "made")).st_mode & 0o777 in (0o755, 0o700)


def test_the_mode_of_the_socket(start_daemon, folder):
    usual = start_daemon(folder=folder)
    assert os.stat(usual.path).st_mode & 0o777 == (0o666 if os.getuid() == 0 else 0o600)
    chosen = start_daemon("--socket-mode", "0640", folder=folder, socket="other")
    assert os.stat(chosen.path).st_mode & 0o777 == 0o640


def test_a_stale_socket_is_replaced(start_daemon, folder):
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    daemon = start_daemon(folder=folder)
    with daemon.connect() as client:
        assert client.ask("STATS")


def test_after_a_kill(start_daemon, folder, tmp_path):
    """Killed with images, pins and locks about; the next one on the socket clears up."""
    first = start_daemon(folder=folder)
    with first.connect() as client:
        held = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
        for number in range(5):
            client.ask("LOAD", path=tiny_png(tmp_path / f"{number}.png", number), pin="no")
        first.note_sets()
        assert semaphore.exists(int(held["semaphore"].split(":")[0]))
        first.kill()
        assert client.at_end()
    assert os.path.exists(first.path)
    second = start_daemon(folder=folder)
    with second.connect() as client:
        new = client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")
        assert new["segment"] in ["/" + os.path.basename(path) for path in second.segments()]
    second.stop()
    assert first.left_over() == []


def test_killed_again_and_again(start_daemon, folder, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    daemons = []
    for _ in range(5):
        daemons.append(start_daemon(folder=folder))
        with daemons[-1].connect() as client:
            client.ask("LOAD", path=path)
        daemons[-1].kill()
    start_daemon(folder=folder).stop()
    assert [daemon.left_over() for daemon in daemons] == [[]] * 5


def test_daemons_on_other_sockets_are_left_alone(start_daemon, tmp_path):
    first = start_daemon()
    with first.connect() as client:
        reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
        killed = Daemon()
        killed.start().kill()
        start_daemon().stop()
        assert client.ask("FETCH", name=reply["name"])["segment"] == reply["segment"]
        successor = Daemon(folder=killed.folder).start()
        successor.stop()
        killed.close()
        assert client.ask("FETCH", name=reply["name"])["segment"] == reply["segment"]


def test_the_socket_by_environment(start_daemon, folder):
    """Without --socket the daemon listens where SHMIMG_SOCKET says."""
    path = os.path.join(folder, "other")
    environment = {**os.environ, "SHMIMG_SOCKET": path}
    with start_daemon_at(path, environment) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert os.listdir(folder) == []


def start_daemon_at(path, environment):
    """Starts a daemon without options and waits for its readiness."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(path + ".notify")
        ready.settimeout(60)
        process = subprocess.Popen(
            [SHMIMGD],
            env={**environment, "NOTIFY_SOCKET": path + ".notify"},
            stderr=subprocess.DEVNULL,
        )
        while b"READY=1" not in ready.recv(4096):
            pass
    os.unlink(path + ".notify")
    assert os.path.exists(path)
    return process


@contextlib.contextmanager
def activated(listener, *options):
    """A daemon that is started as systemd does: the socket comes as descriptor 3."""
    with subprocess.Popen(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0" "$@"', SHMIMGD, *options],
        env={**os.environ, "LISTEN_FDS": "1"},
        preexec_fn=lambda: os.dup2(listener.fileno(), 3, inheritable=True),
        close_fds=False,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
        assert process.wait(TIMEOUT) == 0


def test_socket_activation(folder):
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with activated(listener, "--socket", path), Client(path) as client:
            assert client.ask("STATS")
    assert os.listdir(folder) == ["socket"], "the socket is systemd's to remove"


def test_a_given_socket_goes_before_the_option(folder):
    path = os.path.join(folder, "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with activated(listener, "--socket", path + "2"), Client(path) as client:
            assert client.ask("STATS")
            assert os.path.exists(path + ".lock") and not os.path.exists(path + "2.lock")


@pytest.mark.parametrize("what", ["folder", "datagrams"])
def test_given_what_is_no_listening_socket(folder, what):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(os.path.join(folder, "socket"))
        given = datagrams.fileno() if what == "datagrams" else os.open(folder, os.O_RDONLY)
        done = subprocess.run(
            ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0"', SHMIMGD],
            env={**os.environ, "LISTEN_FDS": "1"},
            preexec_fn=lambda: os.dup2(given, 3, inheritable=True),
            close_fds=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        if what == "folder":
            os.close(given)
    assert done.returncode == 1 and "shmimgd: " in done.stderr
