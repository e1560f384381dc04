"""What one user keeps private from another, by every way that there is to it."""

import contextlib
import os
import pty
import socket
import stat
import struct

import pytest
import semaphore
from client import Client, Refused
from pictures import tiny_png
from segment import shm_path
from users import as_user, connect_as

ANNA, BERT = 1234, 65534

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")


@pytest.fixture
def shared(start_daemon, folder):
    """A daemon, and a picture that everybody may read."""
    daemon = start_daemon(folder=folder)
    daemon.picture = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(daemon.picture, 0o644)
    return daemon


@pytest.fixture
def users(shared):
    """A connection of each user's."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(connect_as(uid, shared.connect)) for uid in (ANNA, BERT)]


def refused(function, *arguments):
    """Whether the kernel refuses something to this process, and to nobody's harm."""
    try:
        function(*arguments)
    except PermissionError:
        return True
    return False


# By name, descriptor and semaphore.


def test_segments_by_name_and_descriptor(shared, users):
    anna, bert = users
    reply = anna.ask("LOAD", path=shared.picture, name="n", fd="yes")
    path, fd = shm_path(reply["segment"]), anna.fds[0]

    def reopen(flags):
        os.close(os.open(f"/proc/self/fd/{fd}", flags))

    for flags in (os.O_RDONLY, os.O_RDWR, os.O_WRONLY):
        assert as_user(BERT, refused, lambda flags=flags: os.close(os.open(path, flags)))
        assert as_user(BERT, refused, reopen, flags)
        assert as_user(ANNA, refused, reopen, flags) == (flags != os.O_RDONLY)
    assert as_user(BERT, refused, os.unlink, path)
    assert as_user(BERT, refused, os.chmod, path, 0o666)
    assert as_user(ANNA, refused, os.chmod, path, 0o666)
    assert as_user(BERT, refused, os.rename, path, path + "-b")
    for verb in ("FETCH", "STAT", "DROP", "RELEASE"):
        assert bert.error(verb, name="n") == "not-found"
        assert bert.error(verb, name="n", owner=ANNA) == "not-found"
    assert bert.items() == []


def test_semaphores_by_number(shared, users):
    """Neither taken, looked at, set nor removed, with the number known."""
    anna, _ = users
    lock = anna.ask("LOAD", path=shared.picture, name="n")["semaphore"]
    semid = int(lock.split(":")[0])

    def control(command):
        semaphore.check(semaphore.libc.semctl(semid, 0, command, None))

    def take():
        semaphore.Semaphore(lock).lock(0)

    assert as_user(BERT, refused, take)
    for command in (semaphore.GETVAL, semaphore.GETPID, semaphore.IPC_RMID, 16, 17):
        assert as_user(BERT, refused, control, command), command
    assert semaphore.exists(semid)
    assert as_user(ANNA, refused, take) is False


# By what is told.


def test_events(shared, users):
    """Of another's private images none is told: not loaded, changed, dropped or evicted."""
    anna, bert = users
    bert.ask("WATCH")
    anna.ask("LOAD", path=shared.picture, name="n")
    os.utime(shared.picture)
    anna.ask("LOAD", path=shared.picture, name="n")
    anna.ask("LOAD", path=shared.picture, name="m", keep="attached")
    anna.ask("RELEASE", name="m")
    anna.ask("DROP", name="n")
    anna.ask("LOAD", path=shared.picture, name="n", share="all")
    anna.ask("LOAD", path=shared.picture, name="n", share="private")
    anna.ask("LOAD", path=shared.picture, name="end", share="all")
    told = []
    while not told or told[-1][1] != "end":
        verb, values = bert.reply()
        assert verb == "EVENT"
        told.append((values["type"], values["name"]))
    # What was public was told of, and that it is not there any more for this user.
    assert set(told) <= {("loaded", "n"), ("dropped", "n"), ("loaded", "end")}
    assert told[0] == ("loaded", "n") and told.count(("loaded", "n")) == 1


def test_stats_tell_of_ones_own_account(shared, users):
    anna, bert = users
    anna.ask("LOAD", path=shared.picture, name="n")
    keys = ("user-images", "user-bytes", "user-loads", "user-pins")
    assert [bert.stats()[key] for key in keys] == [0, 0, 0, 0]
    assert anna.stats()["user-images"] == anna.stats()["user-pins"] == 1
    assert "n" not in bert.ask("STATS").values()


def test_a_name_in_use_by_another_looks_free(shared, users):
    anna, bert = users
    theirs = anna.ask("LOAD", path=shared.picture, name="n")
    mine = bert.ask("LOAD", path=shared.picture, name="n")
    assert mine["cached"] == "no" and mine["segment"] != theirs["segment"]
    bert.ask("RELEASE", name="n")
    bert.ask("DROP", name="n")
    assert anna.ask("FETCH", name="n")["segment"] == theirs["segment"]


def test_one_that_takes_all_memory_does_not_starve_another(start_daemon, folder):
    """With a bound for each user there is room for the next, whatever the first one pins."""
    daemon = start_daemon("--memory-max", "64K", "--user-bytes", "32K", folder=folder)
    picture = tiny_png(os.path.join(folder, "picture.png"))
    with connect_as(ANNA, daemon.connect) as anna, connect_as(BERT, daemon.connect) as bert:
        with pytest.raises(Refused) as refusal:
            for number in range(100):
                anna.load_fd(picture, name=str(number))
        assert refusal.value.code == "over-quota"
        assert bert.load_fd(picture, name="n")["cached"] == "no"


# The daemon as a deputy: what it may open, and a client may not.


def acl_without(uid):
    """An access control list (acl(5)) that lets everybody read but one user."""
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), (2, 0, uid), (4, 4, nobody), (0x10, 4, nobody), (0x20, 4, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def make_deputy_cases(place, secret):
    """Things that a client names to the daemon, each by what it is."""
    os.symlink(secret, os.path.join(place, "link to a secret"))
    os.link(secret, os.path.join(place, "hard link to a secret"))
    os.symlink("/proc/self/fd", os.path.join(place, "link to descriptors"))
    os.mkfifo(os.path.join(place, "fifo"), 0o666)
    os.mkdir(os.path.join(place, "folder"))
    os.mknod(os.path.join(place, "device"), stat.S_IFCHR | 0o666, os.makedev(1, 5))
    for name, mode in (("group alone", 0o640), ("others alone", 0o604), ("nobody", 0o000)):
        path = tiny_png(os.path.join(place, name))
        os.chmod(path, mode)
    path = tiny_png(os.path.join(place, "not for Anna"))
    os.setxattr(path, "system.posix_acl_access", acl_without(ANNA))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(place, "socket"))
    return sorted(os.listdir(place))


def test_paths(shared, users, folder):
    anna, _ = users
    place = os.path.join(folder, "place")
    os.mkdir(place)
    secret = tiny_png(os.path.join(folder, "secret.png"))
    os.chmod(secret, 0o600)
    names = make_deputy_cases(place, secret)
    assert len(names) == 11
    before = shared.settled_files(anna)
    for name in names + ["link to descriptors/0", "../secret.png"]:
        code = anna.error("LOAD", path=os.path.join(place, name), name="n")
        assert code in ("no-permission", "invalid-argument"), name
    for path in ("/proc/self/mem", "/proc/1/environ", f"/proc/{shared.pid}/fd/0", "/dev/mem"):
        assert anna.error("LOAD", path=path, name="n") != "internal"
    assert shared.settled_files(anna) == before
    assert shared.decoders() == [], "something was read"


def open_all(folder, secret):
    """Descriptors that a client might send, by what they are; what they keep open too."""
    pipe, pair, terminal = os.pipe(), socket.socketpair(), pty.openpty()
    with contextlib.suppress(FileExistsError):
        os.mkfifo(os.path.join(folder, "fifo"))
    file = os.path.join(folder, "picture.png")
    fds = {
        "a path to a secret": os.open(secret, os.O_PATH),
        "a path": os.open(file, os.O_PATH),
        "for writing": os.open(file, os.O_WRONLY),
        "a folder": os.open(folder, os.O_RDONLY),
        "a fifo": os.open(os.path.join(folder, "fifo"), os.O_RDWR),
        "a fifo for reading": os.open(
            os.path.join(folder, "fifo"), os.O_RDONLY | os.O_NONBLOCK
        ),
        "a pipe": pipe[0],
        "a pipe's other end": pipe[1],
        "a socket": pair[0].detach(),
        "a terminal": terminal[1],
        "a terminal's master": terminal[0],
        "a device": os.open("/dev/zero", os.O_RDONLY),
        "a process": os.open("/proc/self/status", os.O_RDONLY),
        "kernel messages": os.open("/proc/self/mountinfo", os.O_RDONLY),
        "a pidfd": os.pidfd_open(os.getpid()),
        "an event": os.eventfd(0) if hasattr(os, "eventfd") else os.dup(pipe[0]),
        "an empty file": os.memfd_create("empty"),
    }
    pair[1].close()
    return fds


def test_descriptors(shared, users, folder):
    """What is no regular file with something in it is refused before anything reads it."""
    anna, _ = users
    secret = tiny_png(os.path.join(folder, "secret.png"))
    os.chmod(secret, 0o600)
    fds = open_all(folder, secret)
    before = shared.settled_files(anna)
    for what, fd in fds.items():
        code = anna.error("LOAD", fds=[fd], source="fd", name="n")
        assert code in ("invalid-argument", "not-an-image"), what
        os.close(fd)
    assert shared.settled_files(anna) == before
    assert shared.decoders() == [], "something was read"
    with open(shared.picture, "r+b") as file:
        assert anna.ask("LOAD", fds=[file.fileno()], source="fd", name="n")["width"] == "3"


# What others leave at the daemon's names.


def test_what_others_plant(start_daemon, folder):
    first = start_daemon(folder=folder)
    picture = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(picture, 0o644)
    with first.connect() as client:
        reply = client.ask("LOAD", path=picture, name="n")
        first.kill()
    prefix = shm_path(reply["segment"]).rsplit("-", 1)[0]

    def plant():
        os.mkfifo(prefix + "-fifo")
        os.mkdir(prefix + "-folder")
        os.symlink(picture, prefix + "-link")
        with open(prefix + "-file", "wb") as file:
            file.write(bytes(8192))

    as_user(ANNA, plant)
    try:
        second = start_daemon(folder=folder)
        with second.connect() as client:
            assert [item["name"] for item in client.items()] == ["n"]
            assert client.ask("FETCH", name="n")["segment"] == reply["segment"]
            assert client.stats()["images"] == 1
            assert os.path.exists(picture)
            client.ask("RELEASE", name="n")
            client.ask("DROP", name="n")
        second.process.terminate()
        assert second.process.wait() == 0
        second.was_ended = True
        assert not os.path.exists(shm_path(reply["segment"]))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.rmdir(prefix + "-folder")
        for name in ("-fifo", "-link", "-file"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(prefix + name)


def test_a_connection_is_of_who_made_it(shared, folder):
    """Passed on to another user, it acts for the one that it was made by, in both ways."""
    with connect_as(ANNA, lambda: Client(shared.path)) as anna:
        anna.ask("LOAD", path=shared.picture, name="n")
        fetched = as_user(BERT, lambda: anna.ask("FETCH", name="n")["segment"])
        assert as_user(BERT, refused, lambda: os.close(os.open(shm_path(fetched), os.O_RDONLY)))
