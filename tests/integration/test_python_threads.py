"""The Python package: requests with ids, of several threads, that are late or interrupted."""

import contextlib
import os
import pickle
import subprocess
import sys
import threading

import numpy
import pytest
import shmimg
from client import TIMEOUT, eventually
from lying_daemon import FakeSegment, LyingDaemon
from pictures import noise, tiny_png, write_png
from server import TOP

FEATURES = "id,quiet,cancel,cursor"


@pytest.fixture
def lie(folder):
    """Starts a daemon that lies and has ids."""
    with contextlib.ExitStack() as stack:

        def start(answer, features=FEATURES):
            path = os.path.join(folder, "socket")
            daemon = LyingDaemon(path, answer, features=features)
            return stack.enter_context(contextlib.closing(daemon))

        yield start


@pytest.fixture
def shm(daemon):
    with shmimg.connect(daemon.path, 60) as client:
        yield client


def in_thread(work):
    """Runs it in a thread; the list that is returned gets the result or the error."""
    told = []

    def run():
        try:
            told.append(work())
        except shmimg.Error as error:
            told.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, told


def test_a_request_during_a_slow_one(lie):
    slow = []
    heard = threading.Event()

    def answer(verb, values):
        if verb == "DROP":
            slow.append(values["id"])
            heard.set()
            return b""
        if verb == "STAT":
            return f"OK id={slow[0]}\nOK id={values['id']} width=3\n".encode()
        return f"OK id={values['id']} images=4\n".encode()

    with shmimg.connect(lie(answer).path, 60) as client:
        thread, told = in_thread(lambda: client.drop("a"))
        assert heard.wait(TIMEOUT)
        assert client.stats() == {"images": 4} and not told
        assert client.stat("a") == {"width": 3}
        thread.join(TIMEOUT)
        assert told == [None]


def test_a_thread_that_reads_hands_over(lie):
    """The one that reads for all is answered first, and the other one reads on."""
    ids = []
    heard, last = threading.Event(), threading.Event()

    def answer(verb, values):
        ids.append(values["id"])
        heard.set()
        if verb == "STATS":
            return f"OK id={ids[0]}\n".encode()
        if verb == "LIST":
            assert last.wait(TIMEOUT)
            return f"OK id={ids[2]} count=0\nOK id={ids[1]} images=1\n".encode()
        return b""

    with shmimg.connect(lie(answer).path, 60) as client:
        first, gone = in_thread(lambda: client.drop("a"))
        assert heard.wait(TIMEOUT)
        second, stats = in_thread(client.stats)
        first.join(TIMEOUT)
        assert gone == [None]
        third, listed = in_thread(lambda: list(client.list()))
        last.set()
        second.join(TIMEOUT)
        third.join(TIMEOUT)
        assert (stats, listed) == ([{"images": 1}], [[]])


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("OK id={id} images=1\n", True),
        ("OK id={id} images=1 new=2\n", True),
        ("ERR id=q code=not-found message=x\nOK id={id} images=1\n", True),
        ("OK images=1\n", False),
        ("OK id=0 images=1\n", False),
        ("OK id= images=1\n", False),
        ("OK id=x images=1\n", False),
        ("OK id=99999999999999999999999 images=1\n", False),
        ("WHAT id={id}\n", False),
        ("WHAT id=77\n", False),
        ("ITEM id={id}\n", False),
        ("EVENT type=strange\n", False),
        ("EVENT type=strange\nOK id={id} images=1\n", False),
        ("ERR id={id} code=strange message=x\n", False),
        ("ERR id={id} code=protocol retry-ms=1 message=x\n", False),
        ("ERR code=protocol message=x\n", False),
        ("OK id={id} id={id}\n", False),
        ("\n", False),
    ],
)
def test_strange_lines(lie, text, good):
    answers = iter([text, "OK id={id} images=2\n"])
    daemon = lie(lambda _, values: next(answers).format(**values).encode())
    with shmimg.connect(daemon.path, 60) as client:
        if good:
            assert client.stats()["images"] == 1
        else:
            with pytest.raises(shmimg.ProtocolError):
                client.stats()
        assert client.stats() == {"images": 2}


def test_an_answer_that_comes_twice(lie):
    daemon = lie(lambda _, values: b"OK id=%d images=1\n" % int(values["id"]) * 2)
    with shmimg.connect(daemon.path, 60) as client:
        assert client.stats() == {"images": 1}
        with pytest.raises(shmimg.ProtocolError):
            client.stats()
        assert client.stats() == {"images": 1}


def open_on(path):
    count = 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{number}") == path
    return count


def test_a_late_answer(lie):
    """Its request is cancelled; its pin and its descriptor do not stay, and the connection does."""
    with contextlib.closing(FakeSegment()) as segment, open(os.devnull, "rb") as null:
        before = open_on(os.devnull)
        late = []

        def answer(verb, values):
            if verb == "FETCH" and "fd" in values:
                late.append(values["id"])
                return b""
            if verb == "FETCH":
                there = segment.reply(segment="/shmimg-none")
                return there.replace(b"OK ", b"OK id=%d " % int(values["id"]))
            if verb in ("CANCEL", "RELEASE"):
                return b""
            if len(late) == 1:
                said = segment.reply().replace(b"OK ", b"OK id=%d " % int(late[0]))
                late.append(None)
                refused = f"ERR id={late[0]} code=not-found what=request message=x\n"
                return said + (refused + f"OK id={values['id']} images=1\n").encode(), null.fileno()
            return f"OK id={values['id']} images=1\n".encode()

        daemon = lie(answer)
        with shmimg.connect(daemon.path, 0.1) as client:
            with pytest.raises(shmimg.Timeout):
                client.fetch("a")
            client.timeout = 60
            assert client.stats() == client.stats() == {"images": 1}
            assert open_on(os.devnull) == before
        heard = [(verb, values.get("id")) for verb, values in daemon.heard]
        assert [verb for verb, _ in heard].count("HELLO") == 1
        assert ("CANCEL", late[0]) in heard
        released = [values for verb, values in daemon.heard if verb == "RELEASE"]
        assert [each["quiet"] for each in released] == ["ok"] * 2
        assert released[-1]["generation"] == "77"


def test_a_load_is_cancelled(shm, client, tmp_path):
    """The real daemon ends it, and has no pin of it."""
    path = write_png(tmp_path / "big.png", noise(3000, 3000))
    shm.timeout = 0.02
    for number in range(4):
        with pytest.raises(shmimg.Timeout):
            shm.load(path, name=f"a{number}")
    shm.timeout = 60
    connections = shm.stats()["connections"]
    eventually(lambda: shm.stats()["user-loads"] == 0)
    eventually(lambda: shm.stats()["user-pins"] == 0)
    assert client.ask("STATS")["connections"] == str(connections)


def test_threads_load_and_fetch(shm, tmp_path):
    pictures = {f"n{side}": noise(side, side) for side in range(20, 24)}
    paths = {name: write_png(tmp_path / name, pixels) for name, pixels in pictures.items()}

    def work():
        for number in range(40):
            name = f"n{20 + number % 4}"
            image = shm.load(paths[name], name=name, format="RGB8")
            assert numpy.array_equal(image.array, pictures[name])
            again = shm.fetch(name)
            assert (again.generation, len(list(shm.list("n*"))) > 0) == (image.generation, True)
        return "done"

    threads = [in_thread(work) for _ in range(5)]
    for thread, _ in threads:
        thread.join(TIMEOUT)
    assert [told for _, told in threads] == [["done"]] * 5
    eventually(lambda: shm.stats()["user-pins"] == 0)


def test_a_list_in_parts(shm, client, tmp_path, monkeypatch):
    monkeypatch.setattr(shmimg.client, "LIST_PART", 3)
    path = tiny_png(tmp_path / "a.png")
    names = [f"a{number}" for number in range(10)]
    for name in names:
        shm.load(path, name=name, keep="pinned")
    assert [record["name"] for record in shm.list()] == names
    assert [record["name"] for record in shm.list("a[0-5]")] == names[:6]
    assert not list(shm.list("b*"))
    found = shm.list()
    assert next(found)["name"] == "a0"
    for name in names[3:]:
        client.ask("DROP", name=name)
    assert [record["name"] for record in found] == ["a1", "a2"], "the rest was asked for later"


@pytest.mark.parametrize(
    "items", [[], ["name=a owner=1"], ["name=a"], ["owner=1"], ["name=b owner=2", "name=a owner=1"]]
)
def test_a_list_that_never_ends(lie, items):
    def answer(_, values):
        lines = [f"ITEM id={values['id']} {item}\n" for item in items]
        end = f"OK id={values['id']} count={len(items)} more=yes\n"
        return "".join([*lines, end]).encode()

    daemon = lie(answer)
    with shmimg.connect(daemon.path, 60) as client, pytest.raises(shmimg.ProtocolError):
        list(client.list())


INTERRUPTS = """
import shmimg, signal, sys
class Stop(Exception):
    pass
count = done = 0
def handler(*_):
    global count
    count += 1
    raise Stop
sys.unraisablehook = lambda _: None
client = shmimg.connect(sys.argv[1], 60)
signal.signal(signal.SIGVTALRM, handler)
period = float(sys.argv[2])
try:
    signal.setitimer(signal.ITIMER_VIRTUAL, period, period)
    while count < 300:
        try:
            client.load(sys.argv[3 + done % 2], name=f"q{done % 2}")
            done += 1
        except Stop:
            pass
except Stop:
    pass
signal.signal(signal.SIGVTALRM, signal.SIG_IGN)
assert client.stats()["images"] <= 2
assert client.load(sys.argv[3], name="q0").name == "q0"
print("good")
"""


@pytest.mark.parametrize("period", [0.0005, 0.004])
def test_interrupts(daemon, client, tmp_path, period):
    """Exceptions out of a signal handler, anywhere, leave nothing that hangs or stays pinned."""
    paths = [tiny_png(tmp_path / "a.png"), write_png(tmp_path / "b.png", noise(9, 9))]
    program = [sys.executable, "-c", INTERRUPTS, daemon.path, str(period), *map(str, paths)]
    done = subprocess.run(
        program,
        env={**os.environ, "PYTHONPATH": os.path.join(TOP, "client", "python")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("good\n", 0), done.stderr
    eventually(lambda: client.ask("STATS")["user-pins"] == "0")


def test_a_watch_that_begins_with_what_is_there(shm, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    for name in ("a", "b", "other"):
        shm.load(path, name=name, keep="pinned")
    with shm.watch("?", initial=True) as events:
        assert [next(events)[:2] for _ in range(3)] == [
            ("loaded", "a"),
            ("loaded", "b"),
            ("listed", None),
        ]
        assert events.wait(0) is None
        shm.drop("a")
        assert next(events)[:2] == ("dropped", "a")


def test_the_details_of_an_error(shm, tmp_path):
    with pytest.raises(shmimg.NotFound) as told:
        shm.fetch("a")
    assert told.value.details == {"what": "image"}
    with pytest.raises(shmimg.InvalidArgument) as told:
        shm.load(tiny_png(tmp_path / "a.png"), keep="never")
    assert pickle.loads(pickle.dumps(told.value)).details == {"key": "keep"}
