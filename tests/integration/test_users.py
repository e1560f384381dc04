"""Several users of one daemon: what belongs to whom, and what stays hidden."""

import os
import tempfile

import numpy
import pytest
import semaphore
from client import Client, Refused
from pictures import noise, tiny_png, write_png
from segment import Segment, check_reply, shm_path
from users import as_user

ANNA, BERT, CARL = 1234, 65534, 2345

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")


@pytest.fixture
def shared(start_daemon, folder):
    """A daemon whose socket everybody reaches, and a picture that everybody may read."""
    daemon = start_daemon(folder=folder)
    daemon.picture = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(daemon.picture, 0o644)
    return daemon


def ask(daemon, uid, verb, gid=None, **values):
    """One request on a user's own connection: its OK as a dictionary, or its error code."""

    def talk():
        with Client(daemon.path) as client:
            try:
                return client.ask(verb, **values)
            except Refused as refusal:
                return refusal.code

    return as_user(uid, talk, gid=gid)


def load(daemon, uid, **values):
    reply = ask(daemon, uid, "LOAD", path=daemon.picture, **values)
    assert isinstance(reply, dict), reply
    return reply


def may_open(uid, path, flags=os.O_RDONLY, gid=None):
    def attempt():
        try:
            os.close(os.open(path, flags))
        except PermissionError:
            return False
        return True

    return as_user(uid, attempt, gid=gid)


def test_hello_says_whose_the_daemon_is(shared):
    for uid in (0, ANNA, BERT):
        assert ask(shared, uid, "HELLO", protocol=1)["uid"] == "0"


def test_two_users_load_and_map(shared):
    def load_and_sum():
        with Client(shared.path) as client:
            return int(check_reply(client.ask("LOAD", path=shared.picture)).pixels.sum())

    assert as_user(ANNA, load_and_sum) == as_user(BERT, load_and_sum) > 0


def test_names_belong_to_their_owner(shared, folder):
    other = write_png(os.path.join(folder, "other.png"), noise(9, 9))
    anna = load(shared, ANNA, name="n")
    bert = ask(shared, BERT, "LOAD", path=other, name="n")
    assert anna["segment"] != bert["segment"] and anna["slot"] != bert["slot"]
    assert ask(shared, ANNA, "FETCH", name="n")["width"] == "3"
    assert ask(shared, BERT, "FETCH", name="n")["width"] == "9"
    assert ask(shared, ANNA, "STAT", name="n")["owner"] == str(ANNA)
    ask(shared, BERT, "DROP", name="n")
    assert ask(shared, ANNA, "FETCH", name="n")["width"] == "3"
    assert ask(shared, BERT, "FETCH", name="n") == "not-found"


def test_private_images_are_not_found_by_others(shared):
    load(shared, ANNA, name="n")
    for verb in ("FETCH", "STAT", "DROP", "RELEASE"):
        assert ask(shared, BERT, verb, name="n") == "not-found"
        assert ask(shared, BERT, verb, name="n", owner=ANNA) == "not-found"
    assert ask(shared, BERT, "LIST") == {"count": "0"}


def test_private_segments_are_not_opened_by_others(shared):
    path = shm_path(load(shared, ANNA, name="n")["segment"])
    assert may_open(ANNA, path)
    assert not may_open(BERT, path)
    for flags in (os.O_RDWR, os.O_WRONLY):
        assert not may_open(ANNA, path, flags)
        assert not may_open(BERT, path, flags)


def test_shared_images(shared):
    load(shared, ANNA, name="n", share="all")
    reply = ask(shared, BERT, "FETCH", name="n")
    assert ask(shared, BERT, "FETCH", name="n", owner=ANNA) == reply
    path = shm_path(reply["segment"])
    assert may_open(BERT, path)
    assert not may_open(BERT, path, os.O_RDWR)
    assert not may_open(ANNA, path, os.O_RDWR)
    assert ask(shared, BERT, "STAT", name="n")["owner"] == str(ANNA)
    assert ask(shared, BERT, "DROP", name="n") == "no-permission"
    assert ask(shared, ANNA, "FETCH", name="n")["segment"] == reply["segment"]


def test_ones_own_is_found_first(shared, folder):
    other = write_png(os.path.join(folder, "other.png"), noise(9, 9))
    load(shared, ANNA, name="n", share="all")
    assert ask(shared, BERT, "FETCH", name="n")["width"] == "3"
    ask(shared, BERT, "LOAD", path=other, name="n")
    assert ask(shared, BERT, "FETCH", name="n")["width"] == "9"
    assert ask(shared, BERT, "FETCH", name="n", owner=ANNA)["width"] == "3"


def test_images_shared_with_the_group(shared):
    group = 4321
    path = shm_path(load(shared, ANNA, gid=group, name="n", share="group")["segment"])
    assert isinstance(ask(shared, BERT, "FETCH", gid=group, name="n"), dict)
    assert may_open(BERT, path, gid=group)
    assert not may_open(BERT, path, os.O_RDWR, gid=group)
    assert ask(shared, CARL, "FETCH", name="n") == "not-found"
    assert not may_open(CARL, path)


def test_semaphores_follow_the_share(shared):
    private = load(shared, ANNA, name="p")["semaphore"]
    public = load(shared, ANNA, name="s", share="all")["semaphore"]

    def lock(text):
        one = semaphore.Semaphore(text)
        try:
            one.lock(5)
        except PermissionError:
            return False
        one.unlock()
        return True

    assert as_user(ANNA, lock, private) and as_user(ANNA, lock, public)
    assert as_user(BERT, lock, public)
    assert not as_user(BERT, lock, private)


def test_paths_need_to_be_readable_by_all(shared, folder):
    os.chmod(shared.picture, 0o600)
    assert ask(shared, ANNA, "LOAD", path=shared.picture) == "no-permission"
    os.chmod(shared.picture, 0o644)
    assert isinstance(ask(shared, ANNA, "LOAD", path=shared.picture), dict)
    os.chmod(shared.picture, 0o600)
    assert ask(shared, ANNA, "LOAD", path=shared.picture) == "no-permission"
    assert isinstance(ask(shared, 0, "LOAD", path=shared.picture), dict)


def test_an_open_file_needs_no_permission_for_the_daemon(start_daemon, shared, folder):
    os.chown(shared.picture, ANNA, ANNA)
    os.chmod(shared.picture, 0o400)

    def load_fd():
        with Client(shared.path) as client:
            return client.load_fd(shared.picture, name="n")["name"]

    assert as_user(ANNA, load_fd) == "n"


def test_files_in_closed_folders(shared, folder):
    closed = os.path.join(folder, "closed")
    os.mkdir(closed, 0o700)
    inside = tiny_png(os.path.join(closed, "a.png"))
    os.chmod(inside, 0o644)
    there = ask(shared, ANNA, "LOAD", path=inside)
    missing = ask(shared, ANNA, "LOAD", path=os.path.join(closed, "none.png"))
    assert there in ("no-permission", "not-found")
    assert missing == there, "the answers tell whether the file exists"


def test_links_and_proc(shared, folder):
    os.chmod(shared.picture, 0o600)
    links = tempfile.mkdtemp(dir=folder)
    os.chown(links, ANNA, ANNA)
    link = os.path.join(links, "link.png")
    as_user(ANNA, os.symlink, shared.picture, link)
    assert ask(shared, ANNA, "LOAD", path=link) == "no-permission"
    fd = os.open(shared.picture, os.O_RDONLY)
    for path in (
        f"/proc/{os.getpid()}/fd/{fd}",
        f"/proc/{os.getpid()}/cwd/../{shared.picture}",
        f"/proc/{shared.pid}/root{shared.picture}",
        f"/proc/{shared.pid}/environ",
        "/proc/self/environ",
        "/proc/self/fd/0",
    ):
        assert isinstance(ask(shared, ANNA, "LOAD", path=path), str), path
    os.close(fd)
    private = ask(shared, 0, "LOAD", path=shared.picture, name="n")
    assert isinstance(ask(shared, ANNA, "LOAD", path=shm_path(private["segment"])), str)


def test_one_users_file_in_the_cache_is_not_anothers(shared):
    """A cached answer must pass the same check as a decoded one."""
    os.chmod(shared.picture, 0o600)
    load(shared, 0, name="n")
    assert ask(shared, ANNA, "LOAD", path=shared.picture, name="n") == "no-permission"


def test_a_decoder_serves_one_user(start_daemon, folder):
    daemon = start_daemon("--decoders", "1", folder=folder)
    daemon.picture = tiny_png(os.path.join(folder, "picture.png"))
    load(daemon, ANNA)
    first = set(daemon.decoders())
    load(daemon, BERT)
    with daemon.connect() as client:
        assert client.stats()["decodes"] == 2
    assert not first & set(daemon.decoders()) or len(first) > 1


def test_pixels_of_the_right_file(shared, folder):
    """What each user gets under one name is that user's own file, however they interleave."""
    paths = {}
    for uid in (ANNA, BERT, CARL):
        paths[uid] = write_png(os.path.join(folder, f"{uid}.png"), noise(5, 5, seed=uid))

    def load_and_copy(path):
        with Client(shared.path) as client:
            return Segment(client.ask("LOAD", path=path, name="n")["segment"]).pixels.copy()

    for _ in range(3):
        for uid, path in paths.items():
            pixels = as_user(uid, load_and_copy, path)
            assert numpy.array_equal(pixels[:, :, :3], noise(5, 5, seed=uid))
