"""No descriptors left, and clients that stop, never read, or die in the middle: others go on,
nothing spins, and nothing is kept for those who are gone.
"""

import array
import contextlib
import os
import resource
import select
import signal
import socket
import time

import numpy
import pytest
from client import Client, Refused, eventually, line
from faults import SYSTEM, Faults
from pictures import noise, tiny_png, write_png
from segment import check_reply
from server import cpu_ticks, ended, memory, suspend

FOREVER = 1 << 31
QUIET = 1.0  # seconds of looking on
TICKS = os.sysconf("SC_CLK_TCK")


def assert_quiet(daemon, *sockets):
    """For a while nothing comes, and the daemon uses less than a tenth of a processor."""
    before = cpu_ticks(daemon.pid)
    began = time.monotonic()
    assert not select.select(sockets, [], [], QUIET)[0]
    used = (cpu_ticks(daemon.pid) - before) / TICKS
    assert used < 0.1 * (time.monotonic() - began) + 0.02, f"{used} s of processor time"


def assert_serves(client, name, path=None):
    """What a client may want; without a path what needs no descriptor of the daemon's."""
    assert client.ask("FETCH", name=name)["name"] == name
    assert client.ask("STAT", name=name)["name"] == name
    if path:
        assert client.ask("LOAD", path=path, name=name, format="RGBA8")["cached"] == "yes"
    client.ask("RELEASE", name=name)


def leave_descriptors(daemon, count):
    """Lowers the daemon's limit so that so many are left. Returns the limit that it had."""
    limit = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    used = {int(name) for name in os.listdir(f"/proc/{daemon.pid}/fd")}
    free = [number for number in range(len(used) + count + 1) if number not in used]
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (free[count], limit[1]))
    return limit


@contextlib.contextmanager
def out_of_descriptors(daemon, faults, kind):
    """Accepting fails, as the kernel has it (EMFILE) or as it would (ENFILE)."""
    if kind == "ENFILE":
        faults.arm(SYSTEM, 1, FOREVER, "accept4")
        yield
        faults.disarm()
        return
    limit = leave_descriptors(daemon, 4)
    yield
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)


@pytest.mark.parametrize("kind", ["EMFILE", "ENFILE"])
def test_accepting_pauses(start_daemon, folder, tmp_path, kind):
    faults = Faults(folder)
    daemon = start_daemon(environment=faults.environment)
    path = tiny_png(tmp_path / "a.png")
    with contextlib.ExitStack() as stack:
        old = stack.enter_context(daemon.connect())
        old.ask("LOAD", path=path, name="a", pin="no")
        before = daemon.settled_files(old)
        with out_of_descriptors(daemon, faults, kind):
            waiting = [stack.enter_context(Client(daemon.path, hello=False)) for _ in range(9)]
            for client in waiting:
                client.send("HELLO", protocol=1)
            eventually(lambda: "accepting is paused" in daemon.log())
            late = [client.socket for client in waiting]
            while served := select.select(late, [], [], 0.5)[0]:
                late = [each for each in late if each not in served]
            late = [client for client in waiting if client.socket in late]
            assert late
            assert_quiet(daemon, *[client.socket for client in late])
            for _ in range(50):
                assert_serves(old, "a")
            assert daemon.log().count("accepting is paused") == 1, "said again and again"
            for client in waiting:
                if client not in late:
                    client.close()
        for client in late:
            assert client.answer()["protocol"] == "1"
            assert_serves(client, "a", path)
            client.close()
        eventually(lambda: daemon.open_files() == before)
        assert old.stats()["connections"] == 1


def test_places_that_become_free_are_taken(daemon, tmp_path):
    """Not only a higher limit: the end of another connection too lets the next one in."""
    path = tiny_png(tmp_path / "a.png")
    with daemon.connect() as first, daemon.connect() as second:
        first.ask("LOAD", path=path, name="a")
        leave_descriptors(daemon, 0)
        with Client(daemon.path, hello=False) as waiting:
            waiting.send("HELLO", protocol=1)
            eventually(lambda: "accepting is paused" in daemon.log())
            second.close()
            assert waiting.answer()["protocol"] == "1"
            assert_serves(waiting, "a")
            assert_serves(first, "a")


def test_requests_without_descriptors(daemon, tmp_path):
    """What needs a descriptor is refused with busy, or its connection ends with an error."""
    pixels = noise(20, 30)
    path = write_png(tmp_path / "a.png", pixels)
    with daemon.connect() as client, daemon.connect() as sender:
        client.ask("LOAD", path=path, name="a")
        daemon.settled_files(client)
        stats = client.stats()
        limit = leave_descriptors(daemon, 0)
        assert client.error("FETCH", name="a", fd="yes") == "busy"
        assert client.error("LOAD", path=path, name="b") == "busy"
        with pytest.raises(Refused) as refusal:
            sender.load_fd(path, name="c")
        assert refusal.value.code == "busy"
        assert sender.at_end()
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limit)
        reply = client.ask("FETCH", name="a", fd="yes")
        assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], pixels)
        assert client.load_fd(path, name="b")["cached"] == "no"
        client.ask("DROP", name="b")
        client.ask("RELEASE", name="b")
        eventually(lambda: client.stats()["connections"] == 1)
        assert client.stats()["pinned-bytes"] == stats["pinned-bytes"]


def flood(client, request):
    """Sends requests until the daemon takes no more; returns how many whole ones it has."""
    client.socket.setblocking(False)
    sent = 0
    while select.select([], [client.socket], [], 0.5)[1]:
        sent += client.socket.send(request * 64)
    client.socket.setblocking(True)
    rest = -sent % len(request)
    return sent // len(request), request[len(request) - rest :] if rest else b""


def stopped_client(path, name):
    """Floods the daemon with requests and stops; goes on, reads all and checks it."""
    with Client(path) as client:
        client.ask("WATCH", match="b*")
        count, rest = flood(client, line("FETCH", name=name) + b"\n")
        os.kill(os.getpid(), signal.SIGSTOP)
        answers = changes = 0
        while answers < count:
            verb, values = client.reply()
            answers += verb == "OK"
            changes += verb == "EVENT" and values["type"] in ("loaded", "overflow")
        client.raw(rest)
        while not changes:
            changes += client.reply()[0] == "EVENT"


def spawn(function, *arguments):
    """Runs a function in a child; returns its pid. It ends with 0 when all was well."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            function(*arguments)
            code = 0
        finally:
            os._exit(code)
    return pid


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL])
def test_stopped_clients(daemon, tmp_path, end):
    path = tiny_png(tmp_path / "a.png")
    with daemon.connect() as client:
        client.ask("LOAD", path=path, name="a", pin="no")
        before, private = daemon.settled_files(client), memory(daemon.pid)
        pids = [spawn(stopped_client, daemon.path, "a") for _ in range(8)]
        for pid in pids:
            assert os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED)[1])
        assert_quiet(daemon)
        for number in range(100):
            assert_serves(client, "a", path)
            client.ask("LOAD", path=path, name=f"b{number}", pin="no")
        assert client.stats()["watches"] == len(pids)
        assert memory(daemon.pid) - private < 16 << 20
        for pid in pids:
            os.kill(pid, end)
        for pid in pids:
            status = os.waitpid(pid, 0)[1]
            assert status == (0 if end == signal.SIGCONT else signal.SIGKILL)
        eventually(lambda: client.stats()["connections"] == 1)
        assert client.stats()["watches"] == client.stats()["user-pins"] == 0
        eventually(lambda: daemon.open_files() == before)


NEVER_READ = {
    "fetch": line("FETCH", name="a") + b"\n",
    "descriptors": line("FETCH", name="a", fd="yes") + b"\n",
    "list": b"LIST\n",
    "load": line("LOAD", name="a", path="{path}", format="GRAY8") + b"\n",
    "errors": b"nonsense\n",
}


@pytest.mark.parametrize("kind", NEVER_READ)
def test_clients_that_never_read(daemon, tmp_path, kind):
    path = tiny_png(tmp_path / "a.png")
    request = NEVER_READ[kind].replace(b"{path}", path.encode())
    with daemon.connect() as client:
        client.ask("LOAD", path=path, name="a", pin="no")
        client.ask("LOAD", path=path, name="a", pin="no", format="GRAY8")
        before, private = daemon.settled_files(client), memory(daemon.pid)
        with daemon.connect() as silent:
            flood(silent, request)
            assert_quiet(daemon)
            assert daemon.open_files() - before < 100
            assert memory(daemon.pid) - private < 16 << 20
            assert_serves(client, "a", path)
        eventually(lambda: client.stats()["connections"] == 1)
        assert client.stats()["user-pins"] == 0
        eventually(lambda: daemon.open_files() == before)
        assert_serves(client, "a", path)


def send_with(client, data, fds):
    rights = array.array("i", fds).tobytes()
    client.socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


def test_death_within_a_line_with_descriptors(daemon, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    text = line("LOAD", source="fd", name="b")
    fds = [os.open(path, os.O_RDONLY) for _ in range(3)]
    with daemon.connect() as client:
        client.ask("LOAD", path=path, name="a", pin="no")
        before = daemon.settled_files(client)
        for length in range(1, len(text) + 1):
            with daemon.connect() as dying:
                send_with(dying, text[:length], fds)
        eventually(lambda: client.stats()["connections"] == 1)
        eventually(lambda: daemon.open_files() == before)
        assert client.stats()["images"] == 1
        assert_serves(client, "a", path)
    for fd in fds:
        os.close(fd)


def test_death_with_descriptors_on_their_way(daemon, tmp_path):
    """To a daemon that has not looked yet, and from one to a client that never did."""
    path = tiny_png(tmp_path / "a.png")
    with daemon.connect() as client, open(path, "rb") as file:
        client.ask("LOAD", path=path, name="a", pin="no")
        before = daemon.settled_files(client)
        dying = [daemon.connect() for _ in range(20)]
        suspend(daemon.pid)
        for number, each in enumerate(dying):
            text = line("LOAD", source="fd", name=f"b{number}") + b"\n"
            send_with(each, text if number % 2 else text[:-1], [file.fileno()])
            each.raw(line("FETCH", name="a", fd="yes") + b"\n")
            each.close()
        os.kill(daemon.pid, signal.SIGCONT)
        eventually(lambda: client.stats()["connections"] == 1)
        eventually(lambda: client.stats()["loading"] == 0 and client.stats()["user-pins"] == 0)
        for _ in range(20):
            with daemon.connect() as each:
                each.raw((line("FETCH", name="a", fd="yes") + b"\n") * 10)
                select.select([each.socket], [], [])
        eventually(lambda: client.stats()["connections"] == 1)
        assert_serves(client, "a", path)
        children = 2 * len(daemon.decoders())
        assert daemon.settled_files(client) - children <= before
    assert not ended(daemon.pidfd, 0)
