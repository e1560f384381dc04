"""Each allocation and each system call of a running daemon fails in turn.

Every request ends in success or in an error that says why; afterwards the balances are as
before, and the daemon serves those who were there and those who come.
"""

import contextlib
import itertools
import os
import signal

import numpy
import pytest
from client import Client, Closed, Refused, eventually, line
from faults import CALLS_MAX, CLASSES, CODES, SYSTEM, Faults
from pictures import noise, write_png
from segment import check_reply
from server import children
from users import connect_as

KEPT = ("images", "renditions", "bytes", "pinned-bytes", "connections", "watches", "loading")
KEPT += ("users", "user-connections", "user-images", "user-bytes", "user-loads", "user-pins")

# What a connection cannot live without: it may end, as one to a daemon that dies does.
ENDS = {"recvmsg", "send", "sendmsg", "epoll_ctl"}

OTHER = 4711  # a user
PIXELS = [noise(20, 30, seed=seed) for seed in range(4)]


class Patient(Client):
    """Reads what the daemon said before it closed the connection."""

    def raw(self, data, fds=()):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().raw(data, fds)


class Bench:
    """A daemon with faults, one client that is always there, and files to load."""

    def __init__(self, daemon, faults, folder):
        self.daemon = daemon
        self.faults = faults
        self.control = daemon.connect()
        self.folder = folder
        self.paths = [write_png(folder / f"{i}.png", PIXELS[i]) for i in range(len(PIXELS))]
        self.beginning = self.state()

    def connect(self):
        return Patient(self.daemon.path)

    def state(self):
        stats = self.control.stats()
        pid = self.daemon.pid
        kept = {key: stats[key] for key in KEPT}
        kept["segments"] = len(self.daemon.segments())
        kept["sets"] = len(self.daemon.board.set_keys())
        # The daemon has two for each child: the channel and the pidfd.
        kept["descriptors"] = self.daemon.open_files() - 2 * len(children(pid))
        return kept

    def settle(self, what):
        """Waits until all is as in the beginning: what is given back in the background too."""
        last = {}
        before = self.beginning

        def same():
            last.update(self.state())
            return last == before

        try:
            eventually(same)
        except AssertionError:
            changed = {key: (before[key], last[key]) for key in before if last[key] != before[key]}
            open_files = [os.readlink(entry) for entry in os.scandir(f"/proc/{self.daemon.pid}/fd")]
            told = f"{what}: {changed}\n{open_files}\n{self.daemon.log()[-2000:]}"
            raise AssertionError(told) from None

    def end_children(self):
        """The next load finds no decoder, and the next removal no releaser."""
        for pid in children(self.daemon.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        eventually(lambda: not children(self.daemon.pid) and not self.control.stats()["decoders"])

    def load(self, client, number=0, **values):
        return client.load_fd(self.paths[number], **{"name": "a", **values})


class Operation:
    """What a client does: made ready without faults, then run with one."""

    cold = False
    allocates = True

    def __init__(self, bench):
        self.bench = bench

    def prepare(self, client):
        if self.cold:
            self.bench.end_children()

    def run(self, client):
        raise NotImplementedError

    def check(self, client):
        """What must be so afterwards, whatever was answered."""


def same_pixels(reply, number):
    assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], PIXELS[number])


class Connect(Operation):
    def run(self, client):
        with self.bench.connect() as other:
            assert other.ask("STATS")


class Load(Operation):
    values = {"share": "private", "fd": "yes"}

    def run(self, client):
        reply = self.bench.load(client, **self.values)
        assert reply["cached"] == "no"
        same_pixels(reply, 0)


class LoadShared(Load):
    values = {"share": "group", "keep": "pinned", "name": "n" * 2000}


class LoadCold(Load):
    cold = True


class LoadAgain(Load):
    """The file has changed: either the new generation is there or the old one."""

    def prepare(self, client):
        self.old = self.bench.load(client)

    def run(self, client):
        reply = self.bench.load(client, 1)
        assert int(reply["generation"]) > int(self.old["generation"])
        same_pixels(reply, 1)

    def check(self, client):
        reply = self.bench.control.ask("FETCH", name="a")
        same_pixels(reply, int(reply["generation"]) > int(self.old["generation"]))
        self.bench.control.ask("RELEASE", name="a")


class LoadOther(LoadAgain):
    """A second rendition of the same picture."""

    def run(self, client):
        reply = self.bench.load(client, format="GRAY8", fd="yes")
        assert reply["format"] == "GRAY8" and reply["generation"] == self.old["generation"]
        check_reply(reply)


class LoadCached(LoadAgain):
    allocates = False

    def run(self, client):
        reply = self.bench.load(client, fd="yes")
        assert reply["cached"] == "yes"
        same_pixels(reply, 0)


class Fetch(LoadAgain):
    def prepare(self, client):
        self.old = self.bench.load(self.bench.control, pin="no")

    def run(self, client):
        same_pixels(client.ask("FETCH", name="a", fd="yes"), 0)


class Look(Fetch):
    def run(self, client):
        assert client.ask("STAT", name="a")["name"] == "a"
        assert [item["name"] for item in client.items()] == ["a"]


class Watch(Fetch):
    def run(self, client):
        client.ask("WATCH", match="a*")
        client.send("DROP", name="a")
        answers = dict(client.reply() for _ in range(2))
        assert "OK" in answers and answers["EVENT"]["type"] in ("dropped", "overflow")

    def check(self, client):
        pass


class Drop(Fetch):
    """What gives back cannot fail."""

    cold = True

    def run(self, client):
        client.ask("FETCH", name="a")
        client.ask("RELEASE", name="a")
        client.ask("DROP", name="a")

    def check(self, client):
        pass


class LoadPublic(Operation):
    """By path, for another user: what cannot be looked at is not read for them."""

    def __init__(self, bench):
        if os.geteuid() != 0:
            pytest.skip("only root can connect as another user")
        super().__init__(bench)
        self.path = write_png(os.path.join(os.path.dirname(bench.daemon.path), "p"), PIXELS[0])

    def prepare(self, client):
        self.other = connect_as(OTHER, self.bench.connect)

    def run(self, client):
        same_pixels(self.other.ask("LOAD", path=self.path, name="p"), 0)

    def check(self, client):
        self.other.close()
        with connect_as(OTHER, self.bench.connect) as again, contextlib.suppress(Refused):
            again.ask("DROP", name="p")


class Pipeline(Operation):
    """Several loads side by side, and what must wait for them; each is answered in its turn."""

    def run(self, client):
        fds = [os.open(path, os.O_RDONLY) for path in self.bench.paths[:3]]
        try:
            for number, fd in enumerate(fds):
                client.send("LOAD", fds=[fd], source="fd", name=f"b{number}")
        finally:
            for fd in fds:
                os.close(fd)
        client.raw(line("FETCH", name="b0") + b"\nSTATS\n")
        answers = [client.reply() for _ in range(5)]
        refused = [values for verb, values in answers if verb == "ERR"]
        for number, (verb, reply) in enumerate(answers[:3]):
            if verb == "OK":
                assert reply["name"] == f"b{number}"
                same_pixels(reply, number)
        assert answers[4][0] == "OK"
        for values in refused:
            if values["code"] != "not-found" or answers[0][0] == "OK":
                raise Refused(values)


class Together(Operation):
    """Two clients wait for one decode."""

    def run(self, client):
        with self.bench.connect() as other:
            fd = os.open(self.bench.paths[2], os.O_RDONLY)
            client.send("LOAD", fds=[fd], source="fd", name="c")
            other.send("LOAD", fds=[fd], source="fd", name="c")
            os.close(fd)
            failures = []
            for each in (client, other):
                try:
                    same_pixels(each.answer(), 2)
                except (Refused, Closed) as failure:
                    failures.append(failure)
            if failures:
                raise failures[0]


class Leave(Operation):
    """A client goes with pins and a load under way; who stays hears nothing of it."""

    def run(self, client):
        other = self.bench.connect()
        fd = os.open(self.bench.paths[2], os.O_RDONLY)
        other.send("LOAD", fds=[fd], source="fd", name="d")
        os.close(fd)
        other.close()
        client.ask("STATS")


OPERATIONS = (Connect, Load, LoadShared, LoadCold, LoadAgain, LoadOther, LoadCached, Fetch)
OPERATIONS += (Look, Watch, Drop, LoadPublic, Pipeline, Together, Leave)


@pytest.fixture
def bench(start_daemon, folder, tmp_path):
    faults = Faults(folder)
    daemon = start_daemon(
        "--decoders", "2", folder=folder, environment=faults.environment
    )
    bench = Bench(daemon, faults, tmp_path)
    yield bench
    bench.control.close()


def attempt(bench, operation, client, classes, number, count):
    """Runs an operation with a fault. Returns its name (or nothing) and how it ended."""
    operation.prepare(client)
    ended = "done"
    bench.faults.arm(classes, number, count)
    try:
        operation.run(client)
    except Refused as refusal:
        ended = refusal
    except (Closed, TimeoutError) as failure:
        ended = failure
    finally:
        name = bench.faults.disarm()
    return name, ended


def judge(name, ended, count, what):
    """Only what a fault stands for may go wrong, and never without a word."""
    if ended == "done":
        return
    assert name, f"{what}: {ended} without a fault"
    if isinstance(ended, Refused):
        assert ended.code in CODES and ended.message, f"{what}: {ended}"
    else:
        assert not isinstance(ended, TimeoutError), f"{what}: no answer"
        assert count > 1 or name in ENDS, f"{what}: {ended}"


def once(bench, operation, classes, number, count):
    with bench.connect() as client:
        name, ended = attempt(bench, operation, client, classes, number, count)
        what = f"{type(operation).__name__}, call {number} ({name})"
        judge(name, ended, count, what)
        operation.check(client)
        try:
            assert client.ask("STATS")
        except Closed as closed:
            judge(name, closed, count, what)
    for item in bench.control.items():
        bench.control.ask("DROP", name=item["name"])
    bench.settle(what)
    return name


@pytest.mark.parametrize("count", [1, 15])
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request(bench, record_property, operation, kind, count):
    operation = operation(bench)
    for number in itertools.count(1):
        assert number < CALLS_MAX
        if not once(bench, operation, CLASSES[kind], number, count):
            break
    assert number > 1 or not operation.allocates
    record_property("faults", bench.faults.injected)
