"""Files whose file system is served by a program that may not answer."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest
from client import TIMEOUT, Client, Refused, eventually, line
from fuse import FLUSH, GETATTR, GETXATTR, LOOKUP, OPEN, READ, STATFS, FileSystem
from pictures import tiny_png
from users import connect_as

ANNA, BERT = 1234, 65534
FILES_MAX = 64  # of a user that are not closed


@pytest.fixture
def mount(folder):
    """Mounts one, with a picture as its file."""
    systems = []

    def begin(*silent, within="", **options):
        place = os.path.join(folder, within, "mounted")
        os.makedirs(place)
        with open(tiny_png(os.path.join(folder, "inside.png")), "rb") as picture:
            try:
                systems.append(FileSystem(place, picture.read(), silent, **options))
            except OSError as error:
                pytest.skip(f"no FUSE file system here: {error}")
        return systems[-1]

    yield begin
    for system in systems:
        system.close()


def test_one_that_answers(client, mount):
    system = mount()
    assert client.load_fd(system.path, name="a")["cached"] == "no"
    assert client.load_fd(system.path, name="a")["cached"] == "yes"
    assert client.ask("LOAD", path=system.path, name="b")["width"] == "3"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_a_decoder_that_the_kernel_cannot_end(start_daemon, folder, mount):
    """It is of its user's decoders; other users get another in its place."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    system = mount(READ)
    daemon = start_daemon("--decoders", "1", "--decode-timeout", "1", folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        with pytest.raises(Refused) as refusal:
            anna.load_fd(system.path, name="a")
        assert refusal.value.code == "decoder-failed"
        assert bert.load_fd(picture, name="b")["cached"] == "no"
        assert anna.error("LOAD", path=picture, name="c") == "busy"
        assert bert.load_fd(picture, name="c")["cached"] == "no"
        assert "hangs in the kernel" in daemon.log()
        system.kill()
        eventually(lambda: len(daemon.decoders()) == 1)
        assert anna.load_fd(picture, name="c")["cached"] == "no"


@pytest.fixture
def disk(folder):
    """A block device, for a file system that a program serves from it."""
    image = os.path.join(folder, "disk.img")
    with open(image, "wb") as file:
        file.truncate(1 << 20)
    found = subprocess.run(
        ["losetup", "-f", "--show", image], stdout=subprocess.PIPE, text=True, check=False
    )
    if found.returncode:
        pytest.skip("no loop device here")
    yield found.stdout.strip()
    subprocess.run(["losetup", "-d", found.stdout.strip()], check=True)


@pytest.fixture(params=["of no device", "of a disk"])
def silent(request, disk, mount):
    """A file system that answers nothing; of a disk, its device number is that of the disk."""
    options = {"disk": disk} if request.param == "of a disk" else {}
    return mount(LOOKUP, GETATTR, OPEN, READ, STATFS, FLUSH, GETXATTR, **options)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_one_that_is_asked_nothing(start_daemon, folder, silent):
    """By path, for somebody else: the daemon's thread would wait for the answer."""
    system = silent
    assert (os.major(device_of(system.folder)) != 0) == (system.disk is not None)
    daemon = start_daemon(folder=folder)
    os.chmod(folder, 0o755)
    with connect_as(ANNA, daemon.connect) as anna:
        for path in (system.path, system.folder, os.path.join(system.path, "x")):
            for values in ({}, {"watch": "yes"}):
                with pytest.raises(Refused) as refusal:
                    anna.ask("LOAD", path=path, name="a", **values)
                assert refusal.value.code == "no-permission"
                assert "machine serves" in refusal.value.message
        assert anna.stats()["user-follows"] == 0
        picture = tiny_png(os.path.join(folder, "picture.png"))
        assert anna.ask("LOAD", path=picture, name="a", watch="yes")["cached"] == "no"


def device_of(folder):
    """By the list of mounts, which asks no file system."""
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        numbers = next(words[2] for words in map(str.split, mounts) if words[4] == folder)
    return os.makedev(*map(int, numbers.split(":")))


def opened_by(uid, path):
    """A descriptor that a process of this user has opened."""
    near, far = socket.socketpair()
    with near, far:
        pid = os.fork()
        if pid == 0:
            try:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                socket.send_fds(far, [b"x"], [os.open(path, os.O_RDONLY)])
            finally:
                os._exit(0)
        os.waitpid(pid, 0)
        far.close()
        return socket.recv_fds(near, 1, 1)[1][0]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_one_that_is_its_users_alone(start_daemon, folder, mount):
    """The kernel refuses to tell the daemon what file it is, and the user learns what to do."""
    os.chmod(folder, 0o755)
    system = mount(user=ANNA)
    daemon = start_daemon(folder=folder)
    fd = opened_by(ANNA, system.path)
    with connect_as(ANNA, daemon.connect) as anna:
        with pytest.raises(Refused) as refusal:
            anna.ask("LOAD source=fd", name="a", fds=[fd])
        assert refusal.value.code == "no-permission"
        assert "allow_other" in refusal.value.message
        copy = os.path.join(folder, "copy.png")
        with open(copy, "wb") as file:
            file.write(os.pread(fd, 1 << 16, 0))
        assert anna.load_fd(copy, name="a")["cached"] == "no"
    os.close(fd)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_one_that_comes_in_the_way(start_daemon, folder, mount):
    """A file that is followed goes behind such a file system, and comes back."""
    way, away, other = (os.path.join(folder, name) for name in ("way", "away", "other"))
    daemon = start_daemon(folder=folder)
    os.chmod(folder, 0o755)
    os.makedirs(os.path.join(way, "mounted"))
    picture = tiny_png(os.path.join(way, "mounted", "file"))
    mount(LOOKUP, GETATTR, OPEN, READ, STATFS, FLUSH, within="other")
    with connect_as(ANNA, daemon.connect) as anna:
        first = anna.ask("LOAD", path=picture, name="a", watch="yes")
        os.rename(way, away)
        os.rename(other, way)
        try:
            eventually(lambda: "machine serves" in daemon.log())
            assert anna.ask("FETCH", name="a")["generation"] == first["generation"]
        finally:
            os.rename(way, other)
        os.rename(away, way)
        tiny_png(picture, 2)
        eventually(
            lambda: anna.ask("FETCH", name="a")["generation"] != first["generation"]
        )


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_a_file_that_cannot_be_closed_and_new_decoders(start_daemon, folder, mount):
    """What the daemon holds for one user is not in what it starts for another."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    system = mount(READ, FLUSH)
    daemon = start_daemon("--decoders", "3", folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        fd = os.open(system.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            anna.send("LOAD", fds=[fd], source="fd", name="a")
            eventually(lambda: bert.stats()["decoders"] == 1)
            assert bert.load_fd(picture, name="b")["cached"] == "no"
            assert bert.stats()["decoders"] == 2
        finally:
            system.kill()
            with contextlib.suppress(OSError):  # the server has gone
                os.close(fd)
        assert anna.reply()[0] == "ERR"


class Unclosable:
    """A file of which nobody can close a copy while its server lives; others have it open."""

    def __init__(self, system):
        self.system = system
        self.holders = []

    def _hold(self, client, text, count, ready):
        file = os.open(self.system.path, os.O_RDONLY)
        client.send(text, fds=[file] * count)
        os.write(ready, b".")
        while True:
            signal.pause()

    def send(self, client, text, count=1):
        """Sends a request with so many copies of it, from a process that keeps it open."""
        sent, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self._hold(client, text, count, ready)
            finally:
                os._exit(1)
        self.holders.append(pid)
        os.close(ready)
        assert os.read(sent, 1) == b"."
        os.close(sent)

    def give(self, client, count):
        """Has so many closed that nobody asked for."""
        for begin in range(0, count, 32):
            self.send(client, "STATS", min(32, count - begin))
            client.answer()

    def release(self):
        self.system.kill()
        for pid in self.holders:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        self.holders = []


@pytest.fixture
def unclosable(mount):
    file = Unclosable(mount(FLUSH))
    yield file
    file.release()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_closing_that_hangs(start_daemon, folder, unclosable):
    """A user's files hang, and in the end the user has to wait; nobody else does."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    daemon = start_daemon("--decoders", "2", folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        assert bert.load_fd(picture, name="first")["cached"] == "no"
        before = daemon.settled_files(bert)
        unclosable.give(anna, FILES_MAX - 1)
        assert bert.load_fd(picture, name="second")["cached"] == "no"
        assert anna.stats()["files-closing"] >= FILES_MAX - 1
        unclosable.give(anna, 1)
        assert anna.error("STATS") == "busy"
        assert anna.at_end()
        assert f"files of user {ANNA} are not closed" in daemon.log()
        with connect_as(ANNA, lambda: daemon.connect(hello=False)) as refused:
            with pytest.raises(Refused, match="^busy: files of this user are not closed"):
                refused.answer()
            assert refused.at_end()
        for name in ("third", "fourth"):
            assert bert.load_fd(picture, name=name)["cached"] == "no"
            assert bert.ask("FETCH", name=name)["name"] == name
        assert bert.stats()["files-closing"] >= FILES_MAX
        unclosable.release()
        eventually(lambda: bert.stats()["files-closing"] == 0)
        with connect_as(ANNA, daemon.connect) as again:
            assert again.stats()["files-closing"] == 0
            eventually(lambda: daemon.open_files() == before)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_a_load_that_cannot_be_closed(start_daemon, folder, unclosable):
    """Its decoder hangs as well; others have theirs."""
    picture = tiny_png(os.path.join(folder, "picture.png"))
    daemon = start_daemon("--decoders", "2", folder=folder)
    anna, bert = (connect_as(uid, daemon.connect) for uid in (ANNA, BERT))
    with anna, bert:
        assert bert.load_fd(picture, name="a")["cached"] == "no"
        unclosable.send(anna, line("LOAD", source="fd", name="a"))
        unclosable.send(anna, line("LOAD", source="fd", name="a", format="GRAY8"))
        for name in ("b", "c", "d"):
            assert bert.load_fd(picture, name=name)["cached"] == "no"
        unclosable.release()
        for _ in range(2):
            with contextlib.suppress(Refused):
                anna.answer()
        eventually(lambda: bert.stats()["files-closing"] == 0)
        assert anna.load_fd(picture, name="b")["cached"] == "no"


def test_a_daemon_that_ends_while_one_hangs(start_daemon, folder, unclosable):
    """The next one takes its place, although the kernel cannot end the first one."""
    leaks = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # looks into all threads
    first = start_daemon(folder=folder, environment={"ASAN_OPTIONS": leaks})
    with first.connect() as client:
        unclosable.give(client, 2)
        assert client.stats()["files-closing"] == 2
        first.process.send_signal(signal.SIGTERM)
        assert client.at_end()
    eventually(lambda: not os.path.exists(first.path + ".lock"))
    first.was_ended = True
    assert not first.left_over()
    second = start_daemon(folder=folder)
    with Client(second.path) as client:
        assert client.stats()["files-closing"] == 0
    assert first.process.poll() is None
    unclosable.release()
    assert first.process.wait(TIMEOUT) == 0
    os.close(first.pidfd)
