"""What other users put where a daemon will look: it hangs at nothing, and loses nothing."""

import binascii
import contextlib
import os
import stat
import subprocess

import pytest
from pictures import tiny_png
from planting import KINDS, STRANGER, leased, plant, plant_fifo, uproot
from segment import check_reply, shm_path
from server import SHMIMGD
from users import as_user

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can plant for another user")

FOREIGN = "files of other users in /dev/shm"


@pytest.fixture
def planted():
    """Plants things that are removed at the end, whatever became of them."""
    with contextlib.ExitStack() as stack:

        def make(kind, path, **options):
            stack.callback(uproot, path)
            return plant(kind, path, **options)

        yield make


def load(daemon, path, name="a", **values):
    with daemon.connect() as client:
        return client.ask("LOAD", path=path, name=name, pin="no", **values)


def is_untouched(path, before):
    after = os.lstat(path)
    return (after.st_ino, after.st_mode, after.st_uid, after.st_nlink, after.st_size) == (
        before.st_ino,
        before.st_mode,
        before.st_uid,
        before.st_nlink,
        before.st_size,
    )


def test_names_of_segments(restart, tmp_path, planted):
    """A daemon that takes over has the images, and the rest is as it was found."""
    first = restart()
    reply = load(first, tiny_png(tmp_path / "a.png"))
    first.kill()
    prefix = f"/dev/shm/shmimg-{first.instance}-"
    before = {}
    for number, kind in enumerate(KINDS):
        for name in (f"{number:032x}", f"note-{number:032x}", f"{number}" + "x" * 60):
            before[prefix + name] = planted(kind, prefix + name)
    second = restart()
    with second.connect() as client:
        again = client.ask("FETCH", name="a")
        assert again["segment"] == reply["segment"]
        assert again["generation"] == reply["generation"]
        check_reply(again)
    assert all(is_untouched(path, state) for path, state in before.items())
    assert second.log().count(FOREIGN) == 1
    assert f"{len(before)} {FOREIGN}" in second.log()
    for path in before:
        uproot(path)
    second.stop()


@pytest.mark.parametrize("name", ["0" * 32, "note-" + "0" * 32, "board"])
def test_a_lease_is_never_waited_for(restart, tmp_path, name):
    first = restart()
    reply = load(first, tiny_png(tmp_path / "a.png"))
    first.kill()
    if name == "board":
        os.unlink(shm_path(first.hello["board"]))
    with leased(f"/dev/shm/shmimg-{first.instance}-{name}"):
        second = restart()
        with second.connect() as client:
            found = [item["segment"] for item in client.items()]
    assert found == ([] if name == "board" else [reply["segment"]])


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_the_board(restart, tmp_path, planted, kind):
    """Without its board a daemon has no images; it takes a name that nobody can have taken."""
    first = restart()
    reply = load(first, tiny_png(tmp_path / "a.png"))
    first.kill()
    board = shm_path(first.hello["board"])
    os.unlink(board)
    before = planted(kind, board)
    second = restart()
    assert second.instance != first.instance
    new = load(second, tiny_png(tmp_path / "a.png"))
    assert not os.path.exists(shm_path(reply["segment"]))
    assert is_untouched(board, before)
    second.kill()
    third = restart()
    assert third.instance == second.instance
    with third.connect() as client:
        assert client.ask("FETCH", name="a")["segment"] == new["segment"]


def test_very_many_names(restart, tmp_path):
    count = 30000
    first = restart()
    reply = load(first, tiny_png(tmp_path / "a.png"))
    first.kill()
    paths = [f"/dev/shm/shmimg-{first.instance}-{number:032x}" for number in range(count)]

    def make():
        for path in paths:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))

    try:
        as_user(STRANGER, make)
        second = restart()
        with second.connect() as client:
            assert client.ask("FETCH", name="a")["segment"] == reply["segment"]
        assert f"{count} {FOREIGN}" in second.log()
    finally:
        for path in paths:
            uproot(path)


def test_cleanup_leaves_them(restart, tmp_path, planted):
    first = restart()
    load(first, tiny_png(tmp_path / "a.png"))
    first.kill()
    prefix = f"/dev/shm/shmimg-{first.instance}-"
    before = {}
    for number, kind in enumerate(KINDS):
        path = f"{prefix}{number:032x}"
        before[path] = planted(kind, path)
    subprocess.run([SHMIMGD, "--socket", first.path, "--cleanup"], check=True)
    assert first.segments() == sorted(before)
    assert all(is_untouched(path, state) for path, state in before.items())


@pytest.mark.parametrize("kind", KINDS)
def test_name_of_the_lock(restart, folder, planted, kind):
    """A message that says what to do, and an end: the name is the administrator's choice."""
    path = os.path.join(folder, "socket.lock")
    before = planted(kind, path)
    with pytest.raises(AssertionError, match="another user, or is not a lock file. Remove it"):
        restart()
    assert is_untouched(path, before)


def test_a_fifo_of_the_daemons_own_user(restart, folder, planted):
    planted(plant_fifo, os.path.join(folder, "socket.lock"), uid=os.geteuid())
    with pytest.raises(AssertionError, match="is not a lock file"):
        restart()


def test_a_folder_that_others_may_write_to(restart, folder):
    """It is the administrator's choice, and the log tells what it means."""
    report = "other users can replace the socket"
    for mode, reported in ((0o755, 0), (0o1777, 0), (0o777, 1)):
        os.chmod(folder, mode)
        daemon = restart()
        assert daemon.log().count(report) == reported
        daemon.stop()


# ---- Forged segments ----


def forge(reply, change):
    """Changes the header as a decoder could, and makes its checksum right again."""
    path = shm_path(reply["segment"])
    with open(path, "rb") as file:
        page = bytearray(file.read(4096))
    change(page)
    page[352:356] = bytes(4)
    page[352:356] = binascii.crc32(page).to_bytes(4, "little")
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        file.write(page)
    os.chmod(path, 0o400)


def of_another_owner(page):
    page[80:84] = (4712).to_bytes(4, "little")


def of_another_name(page):
    page[512:513] = b"x"


def shared_with_all(page):
    page[356:360] = (2).to_bytes(4, "little")


@pytest.mark.parametrize("change", [of_another_owner, of_another_name, shared_with_all])
def test_a_forged_header_is_not_believed(restart, tmp_path, change):
    first = restart()
    bad = load(first, tiny_png(tmp_path / "a.png"), "evil")
    good = load(first, tiny_png(tmp_path / "b.png"), "good")
    first.kill()
    forge(bad, change)
    with restart().connect() as client:
        assert [item["segment"] for item in client.items()] == [good["segment"]]
    assert not os.path.exists(shm_path(bad["segment"]))


def test_the_header_of_another_image_is_not_believed(restart, tmp_path):
    """Whoever may see an image can read its header, and its owner's is not replaced by a copy."""
    first = restart()
    bad = load(first, tiny_png(tmp_path / "a.png"), "evil")
    good = load(first, tiny_png(tmp_path / "b.png"), "good", share="all")
    first.kill()
    with open(shm_path(good["segment"]), "rb") as file:
        header = file.read(4096)
    forge(bad, lambda page: page.__setitem__(slice(None), header))
    with restart().connect() as client:
        items = client.items()
        assert [(item["name"], item["segment"]) for item in items] == [("good", good["segment"])]


def test_without_its_key_nothing_is_believed(restart, tmp_path, folder):
    """The lock file of a version without keys, and one that others could read."""
    lock = os.path.join(folder, "socket.lock")
    for harm in (lambda: os.truncate(lock, 16), lambda: os.chmod(lock, 0o644)):
        first = restart()
        load(first, tiny_png(tmp_path / "a.png"))
        first.kill()
        harm()
        second = restart()
        with second.connect() as client:
            assert second.instance == first.instance and not client.items()
        assert [path for path in second.segments() if not path.endswith("-board")] == []
        assert stat.S_IMODE(os.stat(lock).st_mode) == 0o600
        second.stop()
