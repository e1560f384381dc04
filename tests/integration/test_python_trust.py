"""What the Python package believes: nothing that a daemon or a segment says unchecked."""

import contextlib
import os
import struct
import subprocess
import sys
import threading

import numpy
import pytest
import shmimg
from lying_daemon import FakeSegment, LyingDaemon
from pictures import noise, write_png


@pytest.fixture
def lie(folder):
    """Starts daemons that lie, and makes segments of theirs."""
    with contextlib.ExitStack() as stack:

        def start(answer, **options):
            path = os.path.join(folder, "socket")
            return stack.enter_context(contextlib.closing(LyingDaemon(path, answer, **options)))

        def segment(*arguments, **wrong):
            made = FakeSegment(*arguments, **wrong)
            return stack.enter_context(contextlib.closing(made))

        start.segment = segment
        start.keep = stack.enter_context
        yield start


def serve(lie, segment, /, **changes):
    """A daemon that promises a segment in answer to FETCH."""
    return lie(lambda verb, _: segment.reply(**changes) if verb == "FETCH" else b"OK\n")


def open_on(path):
    """How many descriptors of this process there are on a file."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            count += os.readlink(f"/proc/self/fd/{number}") == path
    return count


def refused(daemon, error):
    """Has a client fetch, which must fail and give the pin back; returns what is said."""
    with shmimg.connect(daemon.path, 60) as client:
        with pytest.raises(error) as told:
            client.fetch("a")
        if error is shmimg.BadSegment:
            assert client.stats() == {}
            assert [verb for verb, _ in daemon.heard[-2:]] == ["RELEASE", "STATS"]
    return str(told.value)


def test_the_truth_is_believed(lie):
    daemon = serve(lie, lie.segment())
    with shmimg.connect(daemon.path, 60) as client:
        image = client.fetch("a")
    assert image.array[0].ravel().tolist() == list(range(20))
    assert image.array.shape == (3, 5, 4)


@pytest.mark.parametrize(
    "key, value",
    [
        ("magic", b"SHMIMG\n\n"),
        ("version", 2),
        ("header_size", 8192),
        ("segment_size", 4096),
        ("segment_size", 1 << 40),
        ("pixel_offset", 0),
        ("pixel_size", 64),
        ("stride", 128),
        ("width", 6),
        ("height", 2),
        ("format", 2),
        ("fourcc", 1),
        ("colour", 3),
        ("orientation", 8),
        ("generation", 78),
        ("slot", 5),
        ("semaphore_id", 2),
        ("semaphore_index", 3),
        ("name_offset", 0),
        ("name_offset", 4095),
        ("name_offset", 2**64 - 1),
        ("name_length", 2),
        ("block_count", 9),
        ("checksum", 1),
    ],
)
def test_a_header_that_is_not_as_said(lie, key, value):
    segment = lie.segment(**{key: value})
    assert refused(serve(lie, segment), shmimg.BadSegment)
    assert open_on(segment.path) == 0


@pytest.mark.parametrize(
    "wrong, changes",
    [
        ({"width": 17}, {"width": 17}),
        ({"width": 0}, {"width": 0}),
        ({"height": 0, "pixel_size": 0}, {"height": 0}),
        ({"height": 100, "pixel_size": 6400}, {"height": 100}),
        ({"stride": 20, "pixel_size": 60}, {"stride": 20}),
        ({"pixel_offset": 4160}, {"offset": 4160}),
        ({"pixel_offset": 0}, {"offset": 0}),
        ({"segment_size": 4096}, {"size": 4096}),
        ({"segment_size": 1 << 40}, {"size": 1 << 40}),
        ({"orientation": 0}, {"orientation": 0}),
        ({"height": 2**32 - 1, "pixel_size": 2**38 - 64}, {"height": 2**32 - 1}),
    ],
)
def test_a_lie_that_both_tell(lie, wrong, changes):
    assert refused(serve(lie, lie.segment(**wrong), **changes), shmimg.BadSegment)


@pytest.mark.parametrize("offset, size", [(8192, 1), (0, 10), (4200, 8), (2**63, 2**63), (8191, 2)])
def test_a_metadata_block_outside(lie, offset, size):
    block = struct.pack("=4sIQQ", b"ICC ", 0, offset, size)
    assert "metadata" in refused(serve(lie, lie.segment("a", block)), shmimg.BadSegment)


def test_another_name(lie):
    segment = lie.segment("b")
    assert "another name" in refused(serve(lie, segment), shmimg.BadSegment)
    segment.close()


def test_what_others_may_write(lie):
    segment = lie.segment()
    os.chmod(segment.path, 0o664)
    assert "users other" in refused(serve(lie, segment), shmimg.BadSegment)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_somebody_else(lie):
    segment = lie.segment()
    os.chown(segment.path, 1234, 0)
    assert "belong" in refused(serve(lie, segment), shmimg.BadSegment)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_whom_root_calls_the_daemon(lie):
    """As with a socket that systemd has made."""
    segment = lie.segment()
    os.chown(segment.path, 1234, 0)
    daemon = lie(lambda verb, _: segment.reply() if verb == "FETCH" else b"OK\n", uid=1234)
    with shmimg.connect(daemon.path, 60) as client:
        assert client.fetch("a").width == 5


def test_what_is_no_memory(lie):
    segment = lie.segment()
    os.rename(segment.path, segment.path + "-real")
    os.symlink(segment.path + "-real", segment.path)
    try:
        refused(serve(lie, segment), OSError)
    finally:
        os.unlink(segment.path + "-real")
    os.unlink(segment.path)


def test_a_fifo(lie):
    segment = lie.segment()
    segment.close()
    os.mkfifo(segment.path)
    assert "not shared memory" in refused(serve(lie, segment), shmimg.BadSegment)


@pytest.mark.parametrize(
    "changes",
    [
        {"segment": "/../etc/passwd"},
        {"segment": "etc"},
        {"segment": "/"},
        {"segment": "/.x"},
        {"segment": "/" + "x" * 255},
        {"segment": None},
        {"name": "b"},
        {"name": None},
        {"size": "-1"},
        {"size": 2**63},
        {"width": "0x5"},
        {"width": "٣"},
        {"height": None},
        {"format": "RGBA9"},
        {"format": "native"},
        {"generation": 2**64},
        {"semaphore": "1"},
        {"semaphore": "1:2:3"},
        {"orientation": 9},
    ],
)
def test_an_answer_that_makes_no_sense(lie, changes):
    assert refused(serve(lie, lie.segment(), **changes), shmimg.ProtocolError)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\n",
        b"ITEM name=a\n",
        b"OK name\n",
        b"OK  name=a\n",
        b"OK name=a name=a\n",
        b"OK name=%\n",
        b"OK name=%00\n",
        b"OK name=%FF\n",
        b"OK name=a\r\n",
        b"ERR code=strange message=x\n",
        b"ERR\n",
        b"\n",
        b"OK " + b" ".join(b"a%d=" % number for number in range(60)) + b"\n",
        b"x" * 20000,
    ],
)
def test_what_is_no_answer(lie, answer):
    daemon = lie(lambda *_: answer)
    assert refused(daemon, shmimg.ProtocolError)


def test_after_nonsense_comes_a_new_connection(lie):
    answers = iter([b"nonsense\n", b"OK images=1\nOK unasked=1\n", b"OK images=2\n"])
    daemon = lie(lambda *_: next(answers))
    with shmimg.connect(daemon.path, 60) as client:
        with pytest.raises(shmimg.ProtocolError):
            client.stats()
        assert client.stats() == {"images": 1}
        with pytest.raises(shmimg.ProtocolError):
            client.stats()
        assert client.stats() == {"images": 2}
    assert [verb for verb, _ in daemon.heard].count("HELLO") == 3


def test_a_daemon_that_says_nothing(lie):
    silence = threading.Event()
    answers = iter([silence, b"OK images=3\n"])
    daemon = lie(lambda *_: next(answers))
    with shmimg.connect(daemon.path, 0.05) as client:
        with pytest.raises(shmimg.Timeout):
            client.stats()
        silence.set()
        client.timeout = 60
        assert client.stats() == {"images": 3}


def test_descriptors_that_nobody_asked_for(lie):
    with open(os.devnull, "rb") as null:
        before = open_on(os.devnull)
        daemon = lie(lambda verb, _: (b"OK\n", *[null.fileno()] * (9 if verb == "DROP" else 2)))
        with shmimg.connect(daemon.path, 60) as client:
            assert [client.stats() for _ in range(5)] == [{}] * 5
            assert open_on(os.devnull) == before
            with pytest.raises(shmimg.ProtocolError, match="too many"):
                client.drop("a")
        assert open_on(os.devnull) == before


def test_the_descriptor_when_the_name_is_not_there(lie):
    segment = lie.segment()
    file = lie.keep(open(segment.path, "rb"))

    def answer(verb, values):
        if verb != "FETCH":
            return b"OK\n"
        if "fd" not in values:
            return segment.reply(segment="/shmimg-elsewhere", generation=76)
        return segment.reply(segment="/shmimg-elsewhere"), file.fileno()

    daemon = lie(answer)
    with shmimg.connect(daemon.path, 60) as client:
        image = client.fetch("a")
        assert (image.generation, image.array[0, 0, 1]) == (77, 1)
        assert open_on(segment.path) == 1
        client.stats()
        released = [values["generation"] for verb, values in daemon.heard if verb == "RELEASE"]
        assert released == ["76"], "the older pin goes back"


def test_a_descriptor_that_does_not_come(lie):
    segment = lie.segment()
    daemon = serve(lie, segment, segment="/shmimg-elsewhere")
    assert "did not send the segment's descriptor" in refused(daemon, shmimg.BadSegment)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can take /dev/shm away")
def test_a_container(daemon, tmp_path):
    """With the socket and a /dev/shm of its own."""
    pixels = noise(6, 7, 4)
    path = write_png(tmp_path / "a.png", pixels)
    program = (
        "import shmimg, sys; client = shmimg.connect(sys.argv[1])\n"
        "image = client.load(sys.argv[2])\n"
        "print(client.load(sys.argv[2]).cached, *image.array.ravel())"
    )
    mount = 'mount -t tmpfs none /dev/shm && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", mount, "sh", sys.executable, "-c", program]
    folder = os.path.dirname(os.path.dirname(shmimg.__file__))
    done = subprocess.run(
        [*command, daemon.path, path],
        env={**os.environ, "PYTHONPATH": folder},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    cached, *values = done.stdout.split()
    assert cached == "True" and numpy.array_equal(list(map(int, values)), pixels.ravel())
