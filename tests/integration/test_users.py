"""Several users of one daemon: what belongs to whom, and what stays hidden."""

import json
import os
import re
import subprocess
import tempfile

import numpy
import pytest
import semaphore
from client import Client, Refused
from pictures import noise, tiny_png, write_png
from segment import Segment, check_reply, shm_path
from server import BUILD
from users import as_user, connect_as

ANNA, BERT, CARL = 1234, 65534, 2345
SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")

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
    reply = ask(shared, BERT, "FETCH", name="n", owner=ANNA)
    assert ask(shared, BERT, "FETCH", name="n", owner="any") == reply
    assert reply["owner"] == str(ANNA)
    assert "owner" not in ask(shared, ANNA, "FETCH", name="n", owner="any")
    for verb in ("FETCH", "STAT", "DROP", "RELEASE"):
        assert ask(shared, BERT, verb, name="n") == "not-found"
    path = shm_path(reply["segment"])
    assert may_open(BERT, path)
    assert not may_open(BERT, path, os.O_RDWR)
    assert not may_open(ANNA, path, os.O_RDWR)
    assert ask(shared, BERT, "STAT", name="n", owner="any")["owner"] == str(ANNA)
    for owner in (ANNA, "any"):
        assert ask(shared, BERT, "DROP", name="n", owner=owner) == "no-permission"
    assert ask(shared, ANNA, "FETCH", name="n")["segment"] == reply["segment"]


def test_ones_own_is_found_first(shared, folder):
    other = write_png(os.path.join(folder, "other.png"), noise(9, 9))
    load(shared, ANNA, name="n", share="all")
    assert ask(shared, BERT, "FETCH", name="n", owner="any")["width"] == "3"
    ask(shared, BERT, "LOAD", path=other, name="n")
    for owner in ({}, {"owner": "any"}, {"owner": BERT}):
        assert ask(shared, BERT, "FETCH", name="n", **owner)["width"] == "9"
    assert ask(shared, BERT, "FETCH", name="n", owner=ANNA)["width"] == "3"


def test_an_own_name_never_becomes_anothers(shared):
    """Whatever others share under it, and however the own image went."""
    load(shared, ANNA, name="n")
    load(shared, BERT, name="n", share="all")
    load(shared, CARL, name="n", share="all")
    ask(shared, ANNA, "DROP", name="n")
    for verb in ("FETCH", "STAT", "DROP"):
        assert ask(shared, ANNA, verb, name="n") == "not-found"
    # Of several the one with the lowest uid, whoever was first.
    assert ask(shared, ANNA, "FETCH", name="n", owner="any")["owner"] == str(CARL)
    assert ask(shared, 0, "STAT", name="n", owner="any")["owner"] == str(CARL)


def test_release_by_owner(shared):
    """Without owner= one's own image alone; any means every image of this name."""
    load(shared, BERT, name="n", share="all")
    load(shared, CARL, name="n", share="all")
    with connect_as(ANNA, shared.connect) as anna:
        anna.ask("LOAD", path=shared.picture, name="n")
        for owner in (BERT, CARL):
            anna.ask("FETCH", name="n", owner=owner)
        anna.ask("RELEASE", name="n")
        assert anna.stats()["user-pins"] == 2
        assert anna.error("RELEASE", name="n") == "not-found"
        anna.ask("RELEASE", name="n", owner=BERT)
        anna.ask("FETCH", name="n", owner=BERT)
        anna.ask("RELEASE", name="n", owner="any")
        assert anna.stats()["user-pins"] == 0


def ctl(daemon, uid, *arguments):
    """What shmimgctl prints for a user, on both outputs, and its exit status."""

    def run():
        done = subprocess.run(
            [SHMIMGCTL, "--socket", daemon.path, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd="/",
        )
        return done.stdout, done.stderr, done.returncode

    return as_user(uid, run)


@pytest.mark.parametrize("verb", ["fetch", "stat"])
def test_shmimgctl_takes_a_shared_image_and_says_so(shared, verb):
    load(shared, CARL, name="wallpaper", share="all")
    out, err, code = ctl(shared, ANNA, verb, "wallpaper", "--json")
    assert code == 0 and json.loads(out)["owner"] == CARL
    assert f"shared by user {CARL}" in err.replace("(", "").replace(")", "")
    assert ctl(shared, ANNA, verb, "wallpaper", "--owner", "me")[2] == 1
    for owner in ("any", str(CARL)):
        out, err, code = ctl(shared, ANNA, verb, "wallpaper", "--owner", owner)
        assert code == 0 and not err and f"owner: {CARL}" in re.sub(" +", " ", out)
    # Nothing is said of one's own image, however many others share one.
    load(shared, ANNA, name="wallpaper")
    for options in ([], ["--owner", "me"], ["--owner", "any"], ["--exact"]):
        out, err, code = ctl(shared, ANNA, verb, "wallpaper", "--json", *options)
        assert code == 0 and not err and json.loads(out)["owner"] == ANNA


def test_shmimgctl_takes_an_own_image_by_its_name_before_a_shared_one_by_its_path(shared):
    load(shared, CARL, name="/n", share="all")
    load(shared, ANNA, name="n")
    out, err, code = ctl(shared, ANNA, "fetch", "n", "--json")
    assert code == 0 and not err and json.loads(out)["owner"] == ANNA
    ctl(shared, ANNA, "drop", "n")
    out, err, code = ctl(shared, ANNA, "fetch", "n", "--json")
    assert code == 0 and err and json.loads(out)["name"] == "/n"
    for options in (["drop", "n"], ["drop", "/n"], ["fetch", "n", "--owner", "me"]):
        assert ctl(shared, ANNA, *options)[2] == 1
    assert "no-permission" in ctl(shared, ANNA, "drop", "/n", "--owner", "any")[1]
    assert ctl(shared, ANNA, "fetch", "n", "--owner", "4294967295")[2] == 2


def test_shmimgctl_draws_and_locks_a_shared_image(shared):
    load(shared, CARL, name="n", share="all")
    for command in (["show", "--mode", "plain", "n"], ["lock", "n", "--", "true"]):
        _, err, code = ctl(shared, ANNA, *command)
        assert code == 0 and str(CARL) in err


def test_images_shared_with_the_group(shared):
    group = 4321
    path = shm_path(load(shared, ANNA, gid=group, name="n", share="group")["segment"])
    found = ask(shared, BERT, "FETCH", gid=group, name="n", owner="any")
    assert isinstance(found, dict)
    assert may_open(BERT, path, gid=group)
    assert not may_open(BERT, path, os.O_RDWR, gid=group)
    assert ask(shared, CARL, "FETCH", name="n", owner="any") == "not-found"
    assert not may_open(CARL, path)


def connect_in_groups(daemon, uid, groups):
    """Connects as a user with these supplementary groups."""
    before = os.getgroups()
    os.setgroups(groups)
    try:
        return connect_as(uid, daemon.connect)
    finally:
        os.setgroups(before)


def test_very_many_groups(shared):
    """As any user can have in a user namespace: they cost nobody time, and count for nothing."""
    group = 4321
    load(shared, ANNA, gid=group, name="n", share="group")
    for count, found in ((1, True), (1024, True), (1025, False), (65536, False)):
        groups = [*range(100000, 100000 + count - 1), group]
        with connect_in_groups(shared, BERT, groups) as client:
            names = [image["name"] for image in client.items("LIST")]
            assert names == (["n"] if found else []), count
            if not found:
                assert client.error("FETCH", name="n", owner="any") == "not-found"
    assert isinstance(ask(shared, BERT, "FETCH", gid=group, name="n", owner="any"), dict)


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
