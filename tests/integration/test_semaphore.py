"""The semaphore of an image: locked and unlocked, and let go of by the dead."""

import errno
import os
import signal

import pytest
import semaphore
from client import eventually
from pictures import noise, tiny_png, write_png
from semaphore import Semaphore
from users import as_user


@pytest.fixture
def lock(client, tmp_path):
    reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    return Semaphore(reply["semaphore"])


only_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as other users")


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


def gone(lock):
    with pytest.raises(OSError) as caught:
        lock.try_lock()
    return caught.value.errno in (errno.EIDRM, errno.EINVAL)


def wait_in_a_child(lock):
    """Waits for the lock in a child, whose exit status is the errno of the wait."""

    def run(report):
        report()
        try:
            lock.lock()
        except OSError as error:
            os._exit(error.errno)

    pid, reading = fork(run)
    assert os.read(reading, 1) == b"."
    os.close(reading)
    return pid


def wait_for_waiters(lock, count):
    eventually(lambda: lock.waiters == count)


def status_of(pid):
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("order", [("DROP", "RELEASE"), ("RELEASE", "DROP")])
def test_a_dropped_images_lock_is_never_another_images(client, connect, lock, tmp_path, order):
    """Who waits gets EIDRM; who holds cannot give it back; the next image has one holder."""
    pid, reading = hold(lock)
    waiting = [wait_in_a_child(lock) for _ in range(3)]
    wait_for_waiters(lock, 3)
    for verb in order:
        client.ask(verb, name="a")
    assert [status_of(child) for child in waiting] == [errno.EIDRM] * 3
    assert gone(lock)
    path = tiny_png(tmp_path / "b.png", 1)
    following = Semaphore(client.ask("LOAD", path=path, name="b")["semaphore"])
    assert (following.semid, following.index) != (lock.semid, lock.index)
    assert following.value == 1
    following.lock(5)
    end(pid, reading)
    assert following.value == 0
    assert not following.try_lock()
    following.unlock()
    assert following.value == 1


def test_a_dropped_image_that_is_pinned_has_no_lock(client, connect, lock, tmp_path):
    lock.lock(5)
    connect().ask("DROP", name="a")
    assert gone(lock)
    taken = {
        connect().ask("LOAD", path=tiny_png(tmp_path / f"{n}.png", n))["semaphore"]
        for n in range(50)
    }
    assert f"{lock.semid}:{lock.index}" not in taken


def test_an_image_that_changes_its_share_gets_another_lock(client, lock, tmp_path):
    waiting_for = hold(lock)
    waiting = wait_in_a_child(lock)
    wait_for_waiters(lock, 1)
    path = str(tmp_path / "a.png")
    shared = Semaphore(client.ask("LOAD", path=path, name="a", share="all")["semaphore"])
    assert status_of(waiting) == errno.EIDRM
    assert shared.value == 1
    end(*waiting_for)
    assert shared.value == 1


def test_a_held_lock_survives_the_daemon(restart, folder):
    """Through a crash and a takeover: held, waited for, and given back to who waits."""
    first = restart()
    path = tiny_png(os.path.join(folder, "a.png"))
    with first.connect() as client:
        lock = Semaphore(client.ask("LOAD", path=path, name="a", keep="pinned")["semaphore"])
    pid, reading = hold(lock)
    waiting = wait_in_a_child(lock)
    wait_for_waiters(lock, 1)
    first.kill()
    with restart().connect() as client:
        again = client.ask("FETCH", name="a")["semaphore"]
        assert again == f"{lock.semid}:{lock.index}"
        assert (lock.value, lock.waiters) == (0, 1)
        assert client.ask("STAT", name="a")["lock"] == str(pid)
        end(pid, reading)
        assert status_of(waiting) == 0
        eventually(lambda: lock.value == 1)


@pytest.fixture
def public(folder):
    """A picture that every user may read."""
    path = tiny_png(os.path.join(folder, "a.png"))
    os.chmod(path, 0o644)
    return path


def load_open_file(path, daemon, names, remove=False, **values):
    """Loads a file under names, on a new connection; removes each semaphore set at once."""
    texts = []
    with open(path, "rb") as file, daemon.connect() as client:
        for name in names:
            fds = [file.fileno()]
            reply = client.ask("LOAD", fds=fds, source="fd", name=name, pin="no", **values)
            texts.append(reply["semaphore"])
            if remove:
                semaphore.remove(int(reply["semaphore"].split(":")[0]))
        return texts, client.ask("STATS")


@only_root
def test_a_user_that_removes_its_sets_hurts_nobody_else(start_daemon, folder, public):
    daemon = start_daemon(folder=folder)
    names = [str(number) for number in range(1200)]
    _, stats = as_user(4001, load_open_file, public, daemon, names, True)
    assert 0 < int(stats["user-sets"]) <= int(stats["user-sets-max"])

    def values_of_others():
        texts, _ = load_open_file(public, daemon, names[:300])
        return len(set(texts)), {Semaphore(text).value for text in texts}

    assert as_user(4002, values_of_others) == (300, {1})


@only_root
def test_many_images_share_sets(start_daemon, folder, public):
    """A lock of a shared set goes to no other image while a process holds it."""
    daemon = start_daemon("--user-sets", "6", folder=folder)
    names = [str(number) for number in range(40)]

    def churn():
        texts, stats = load_open_file(public, daemon, names)
        held = Semaphore(texts[-1])
        assert held.try_lock()
        with daemon.connect() as client:
            for name in names[20:]:
                client.ask("DROP", name=name)
        more, _ = load_open_file(public, daemon, [f"more-{name}" for name in names])
        return texts, more, int(stats["user-sets"]), held.value

    texts, more, sets, value = as_user(4001, churn)
    assert len(set(texts)) == 40
    assert sets == 4
    assert texts[-1] not in more
    assert value == 0


def load_for_a_group(daemon, public):
    """An image of user 4001, shared with group 4005; its semaphore as text."""
    names, values = ["a"], {"share": "group", "keep": "pinned"}
    return as_user(4001, lambda: load_open_file(public, daemon, names, **values)[0][0], gid=4005)


def may_lock(text, uid, gid):
    def attempt():
        try:
            return Semaphore(text).try_lock()
        except PermissionError:
            return False

    return as_user(uid, attempt, gid=gid)


@only_root
def test_the_daemons_group_has_no_right_to_a_groups_lock(start_daemon, folder, public):
    """The kernel gives the rights of a set's group also to the group of who created it."""
    daemon = start_daemon("--socket-mode", "0666", folder=folder, user=(4009, 4010))
    text = load_for_a_group(daemon, public)
    assert not may_lock(text, 4002, gid=4010)
    assert may_lock(text, 4001, gid=4005)


@only_root
@pytest.mark.parametrize("private", [True, False])
def test_a_group_shares_the_lock(start_daemon, folder, public, private):
    """As root the daemon gives exactly this group the right; else private-group says it may."""
    options = ("--socket-mode", "0666", "--private-group", "yes") if private else ()
    user = (4009, 4010) if private else None
    daemon = start_daemon(*options, folder=folder, user=user)
    text = load_for_a_group(daemon, public)
    assert not may_lock(text, 4003, gid=4006)
    assert may_lock(text, 4002, gid=4005)
