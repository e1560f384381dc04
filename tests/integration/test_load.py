"""LOAD: from a path and from an open file, once, again, changed, and refused."""

import concurrent.futures
import fcntl
import mmap
import os
import struct
import zlib

import numpy
import pytest
from client import Refused, line
from PIL import Image
from pictures import noise, smooth, tiny_png, write_jpeg, write_png
from segment import Segment, check_reply, shm_path


def test_by_path(client, tmp_path):
    pixels = noise(31, 47)
    path = write_png(tmp_path / "a.png", pixels)
    reply = client.ask("LOAD", path=path)
    assert reply["name"] == path
    assert reply["cached"] == "no"
    segment = check_reply(reply)
    assert (segment.height, segment.width) == (31, 47)
    assert numpy.array_equal(segment.pixels[:, :, :3], pixels)
    status = os.stat(path)
    assert segment.inode == status.st_ino and segment.source_size == status.st_size
    assert segment.mtime * 10**9 + segment.mtime_nsec == status.st_mtime_ns
    assert segment.ctime * 10**9 + segment.ctime_nsec == status.st_ctime_ns


def test_by_descriptor(client, tmp_path):
    pixels = noise(5, 9)
    path = write_png(tmp_path / "a.png", pixels)
    reply = client.load_fd(path, name="mine")
    assert reply["name"] == "mine"
    assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], pixels)


def test_the_offset_of_a_descriptor_is_neither_used_nor_moved(client, tmp_path):
    with open(tiny_png(tmp_path / "a.png"), "rb") as file:
        file.seek(7)
        client.ask("LOAD", fds=[file.fileno()], source="fd", name="a")
        assert file.tell() == 7


def test_a_file_that_has_no_name_any_more(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    with open(path, "rb") as file:
        os.unlink(path)
        assert client.ask("LOAD", fds=[file.fileno()], source="fd", name="a")["name"] == "a"


def test_an_unchanged_file_is_not_decoded_again(client, connect, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    first = client.ask("LOAD", path=path)
    for again in (client.ask("LOAD", path=path), connect().ask("LOAD", path=path)):
        assert again.pop("cached") == "yes"
        assert again == {key: value for key, value in first.items() if key != "cached"}
    assert client.load_fd(path, name=path)["cached"] == "yes"
    assert client.stats()["decodes"] == 1


def test_a_changed_file_is_a_new_generation(daemon, client, tmp_path):
    old_pixels, new_pixels = noise(4, 6, seed=1), noise(8, 5, seed=2)
    path = write_png(tmp_path / "a.png", old_pixels)
    old = client.ask("LOAD", path=path)
    mapping = check_reply(old)
    write_png(path, new_pixels)
    new = client.ask("LOAD", path=path)
    assert new["cached"] == "no"
    assert int(new["generation"]) > int(old["generation"])
    assert new["segment"] != old["segment"] and new["slot"] == old["slot"]
    assert new["semaphore"] == old["semaphore"]
    assert daemon.board.generation(int(new["slot"])) == int(new["generation"])
    assert numpy.array_equal(check_reply(new).pixels[:, :, :3], new_pixels)
    assert numpy.array_equal(mapping.pixels[:, :, :3], old_pixels)
    assert numpy.array_equal(Segment(old["segment"]).pixels[:, :, :3], old_pixels)
    client.ask("RELEASE", name=path, generation=old["generation"])
    assert not os.path.exists(shm_path(old["segment"]))
    assert os.path.exists(shm_path(new["segment"]))
    assert client.ask("FETCH", name=path)["generation"] == new["generation"]


def test_a_replaced_file_of_the_same_size_and_time_is_seen(client, tmp_path):
    path, other = tmp_path / "a.ppm.png", tmp_path / "b.png"
    write_png(path, noise(4, 4, seed=1), compress_level=0)
    write_png(other, noise(4, 4, seed=2), compress_level=0)
    old = os.stat(path)
    first = client.ask("LOAD", path=str(path))
    os.utime(other, ns=(old.st_atime_ns, old.st_mtime_ns))
    os.rename(other, path)
    assert os.stat(path).st_size == old.st_size
    second = client.ask("LOAD", path=str(path))
    assert second["cached"] == "no" and second["generation"] != first["generation"]


def test_a_failed_load_leaves_the_image_as_it_was(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    before = client.ask("LOAD", path=path)
    with open(path, "wb") as file:
        file.write(b"no picture at all")
    assert client.error("LOAD", path=path) == "not-an-image"
    assert client.ask("FETCH", name=path)["generation"] == before["generation"]
    check_reply(before)


def test_a_name_that_another_file_takes(client, tmp_path):
    first = client.ask("LOAD", path=tiny_png(tmp_path / "a.png", 1), name="n")
    second = client.ask("LOAD", path=tiny_png(tmp_path / "b.png", 2), name="n")
    assert second["cached"] == "no"
    assert int(second["generation"]) > int(first["generation"])


def test_descriptor_of_the_segment_is_read_only(client, tmp_path):
    reply = client.ask("LOAD", path=write_png(tmp_path / "a.png", noise(3, 3)), fd="yes")
    assert len(client.fds) == 1
    fd = client.fds[0]
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    with pytest.raises(PermissionError):
        mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
    assert Segment(fd=fd).generation == int(reply["generation"])


def test_no_descriptor_unless_asked_for(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path)
    client.ask("LOAD", path=path, fd="no")
    client.ask("FETCH", name=path)
    assert not client.fds
    client.ask("FETCH", name=path, fd="yes")
    assert len(client.fds) == 1


def test_without_a_pin(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    assert client.ask("LOAD", path=path, pin="no")["name"] == path
    assert client.ask("STAT", name=path)["pins"] == "0"
    assert client.error("RELEASE", name=path) == "not-found"
    client.ask("LOAD", path=path, pin="yes")
    assert client.ask("STAT", name=path)["pins"] == "1"


def test_8_clients_by_20_images_decode_each_once(daemon, tmp_path):
    paths = [write_jpeg(tmp_path / f"{i}.jpg", smooth(200, 300, i)) for i in range(20)]

    def load_all(_):
        with daemon.connect() as client:
            return [client.ask("LOAD", path=path)["generation"] for path in paths]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        generations = list(pool.map(load_all, range(8)))
    assert all(each == generations[0] for each in generations)
    assert len(set(generations[0])) == 20
    with daemon.connect() as client:
        stats = client.stats()
    assert (stats["decodes"], stats["loads"], stats["images"]) == (20, 160, 20)


# What is refused.


def test_paths_that_are_no_pictures(client, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    os.mkdir(tmp_path / "folder")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "text").write_bytes(b"Hello, this is no picture.\n" * 50)
    codes = {
        name: client.error("LOAD", path=str(tmp_path / name))
        for name in ("none", "fifo", "folder", "empty", "text", "text/below")
    }
    assert codes == {
        "none": "not-found",
        "fifo": "invalid-argument",
        "folder": "invalid-argument",
        "empty": "not-an-image",
        "text": "not-an-image",
        "text/below": "not-found",
    }
    assert client.items() == []


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero", "/dev/tty", "/proc/self/mem"])
def test_devices_and_such(client, path):
    assert client.error("LOAD", path=path) != "internal"


BAD_SOURCES = {
    "relative path": {"path": "a.png"},
    "relative path with a name": {"path": "a.png", "name": "n"},
    "empty path": {"path": ""},
    "neither path nor source": {"name": "n"},
    "path and source": {"path": "/a.png", "source": "fd", "name": "n"},
    "unknown source": {"source": "url", "name": "n"},
    "source without a descriptor": {"source": "fd", "name": "n"},
}


@pytest.mark.parametrize("values", BAD_SOURCES.values(), ids=BAD_SOURCES.keys())
def test_bad_sources(client, values):
    assert client.error("LOAD", **values) == "invalid-argument"


BAD_VALUES = {
    "unknown format": {"format": "RGBA7"},
    "format of other case": {"format": "rgba8"},
    "empty format": {"format": ""},
    "unknown keep": {"keep": "forever"},
    "unknown share": {"share": "some"},
    "unknown pin": {"pin": "maybe"},
    "unknown fd": {"fd": "1"},
    "empty name": {"name": ""},
    "control character": {"name": "a\nb"},
    "C1 control character": {"name": "a\u0085b"},
    "no UTF-8": {"name": b"a\xffb"},
    "overlong UTF-8": {"name": b"a\xc0\xafb"},
    "surrogate": {"name": b"\xed\xa0\x80"},
    "name of 4096 bytes": {"name": "n" * 4096},
}


@pytest.mark.parametrize("values", BAD_VALUES.values(), ids=BAD_VALUES.keys())
def test_bad_values(client, tmp_path, values):
    path = tiny_png(tmp_path / "a.png")
    assert client.error("LOAD", path=path, **values) == "invalid-argument"
    assert client.items() == []
    assert client.ask("LOAD", path=path)["cached"] == "no"


def test_a_descriptor_needs_a_name(client, tmp_path):
    with open(tiny_png(tmp_path / "a.png"), "rb") as file:
        assert client.error("LOAD", fds=[file.fileno()], source="fd") == "invalid-argument"


def test_descriptors_that_cannot_be_read(daemon, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    before = daemon.settled_files(client)
    pipe = os.pipe()
    tries = {
        "path only": os.open(path, os.O_PATH),
        "write only": os.open(path, os.O_WRONLY),
        "folder": os.open(tmp_path, os.O_RDONLY),
        "device": os.open("/dev/zero", os.O_RDONLY),
        "socket": os.dup(client.socket.fileno()),
        "pipe": pipe[0],
        "pipe's end": pipe[1],
    }
    for what, fd in tries.items():
        code = client.error("LOAD", fds=[fd], source="fd", name="n")
        assert code in ("invalid-argument", "no-permission"), what
        os.close(fd)
    assert daemon.settled_files(client) == before


def test_descriptors_that_nobody_asked_for_are_closed(daemon, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path)
    before = daemon.settled_files(client)
    with open(path, "rb") as file:
        fd = file.fileno()
        for _ in range(300):
            client.ask("STATS", fds=[fd])
            client.ask("FETCH", fds=[fd, fd, fd], name=path)
            client.ask("LOAD", fds=[fd], path=path)
        assert client.error(b"NONSENSE", fds=[fd]) == "unsupported"
    assert daemon.settled_files(client) <= before + 1


@pytest.mark.parametrize("together", [True, False])
def test_each_line_gets_its_own_descriptor(client, tmp_path, together):
    """Twenty lines sent before the first answer is read, in one message or in twenty."""
    paths = [write_png(tmp_path / f"{n}.png", noise(4, 4, seed=n)) for n in range(20)]
    files = [os.open(path, os.O_RDONLY) for path in paths]
    lines = [line("LOAD", source="fd", name=str(n)) + b"\nSTATS\n" for n in range(20)]
    if together:
        client.raw(b"".join(lines), fds=files)
    else:
        for text, fd in zip(lines, files):
            client.raw(text, fds=[fd])
    for number in range(20):
        reply = client.answer()
        assert reply["name"] == str(number)
        pixels = check_reply(reply).pixels
        assert numpy.array_equal(pixels[:, :, :3], noise(4, 4, seed=number))
        assert "images" in client.answer()
    for fd in files:
        os.close(fd)


def test_many_descriptors_at_once(daemon, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    before = daemon.settled_files(client)
    with open(path, "rb") as file:
        client.send("LOAD", fds=[file.fileno()] * 250, source="fd", name="n")
    text = client.read_line()
    assert text is None or text.startswith(b"ERR ") or b"name=n" in text
    with daemon.connect() as other:
        assert other.ask("STATS")
    client.close()
    with daemon.connect() as other:
        other.ask("STATS")
        assert daemon.settled_files(other) <= before + 1


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("part", [1, 8, 20, 60, 0.3, 0.9])
def test_a_truncated_file(client, tmp_path, kind, part):
    write = write_png if kind == "png" else write_jpeg
    path = write(tmp_path / f"a.{kind}", noise(64, 64))
    size = os.path.getsize(path)
    os.truncate(path, part if part >= 1 else int(size * part))
    assert client.error("LOAD", path=path) == "not-an-image"
    assert client.items() == []
    assert client.ask("LOAD", path=tiny_png(tmp_path / "good.png"))


def png_of_size(path, width, height):
    """A small file that says it is a large picture."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + rows + chunk(b"IEND", b""))
    return str(path)


@pytest.mark.options("--max-pixels", "10000")
def test_too_many_pixels(daemon, client, tmp_path):
    assert client.hello["max-pixels"] == "10000"
    assert client.ask("LOAD", path=write_png(tmp_path / "100.png", noise(100, 100)))
    segments = daemon.segments()
    for width, height in ((101, 100), (1, 10001), (1 << 20, 1 << 20), (2**31 - 1, 2**31 - 1)):
        path = png_of_size(tmp_path / "huge.png", width, height)
        assert client.error("LOAD", path=path) in ("too-large", "not-an-image")
        assert daemon.segments() == segments
    path = write_jpeg(tmp_path / "101.jpg", noise(101, 100))
    assert client.error("LOAD", path=path) == "too-large"
    path = write_png(tmp_path / "101.png", noise(101, 100))
    assert client.error("LOAD", path=path) == "too-large"


def test_the_default_limit_refuses_a_bomb(daemon, client, tmp_path):
    segments = daemon.segments()
    path = png_of_size(tmp_path / "bomb.png", 65535, 65535)
    with pytest.raises(Refused) as refusal:
        client.ask("LOAD", path=path)
    assert refusal.value.code in ("too-large", "no-space")
    assert daemon.segments() == segments


def test_a_bomb_within_the_limit_of_pixels(daemon, client, tmp_path):
    """A picture that is no picture: far more pixels than such a file can hold."""
    segments = daemon.segments()
    path = png_of_size(tmp_path / "bomb.png", 16384, 16384)
    with pytest.raises(Refused) as refusal:
        client.ask("LOAD", path=path)
    assert refusal.value.code == "too-large"
    assert "more than max-pixels-per-byte=10000" in refusal.value.message
    assert client.stats()["bytes"] == 0
    assert daemon.segments() == segments


def test_flat_pictures_are_no_bombs(client, tmp_path):
    """The densest pictures that there are: one colour, in as few bits as can be."""
    for mode, size in (("1", (12000, 4000)), ("P", (3840, 2160)), ("RGBA", (3840, 2160))):
        path = tmp_path / f"{mode}.png"
        Image.new(mode, size, 1).save(path, optimize=True)
        reply = client.ask("LOAD", path=str(path), format="native")
        assert (reply["width"], reply["height"]) == tuple(map(str, size))
    path = tmp_path / "flat.jpg"
    Image.new("L", (3840, 2160), 128).save(path, progressive=True, optimize=True)
    assert client.ask("LOAD", path=str(path))["width"] == "3840"
