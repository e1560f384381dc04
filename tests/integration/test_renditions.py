"""Renditions: one picture in several sizes, side by side under one name."""

import binascii
import concurrent.futures
import os
import re
import struct

import numpy
import pytest
from client import Refused, eventually
from following import put
from pictures import noise, oriented, smooth, with_alpha, write_jpeg, write_png, write_rgba16
from segment import Segment, check_reply, shm_path

SIZES = [  # box, width and height of a picture of 400 x 300 in it
    ({"width": 100}, (100, 75)),
    ({"height": 100}, (133, 100)),
    ({"width": 100, "height": 100}, (100, 75)),
    ({"width": 300, "height": 30}, (40, 30)),
    ({"width": 1}, (1, 1)),
    ({"width": 400}, (400, 300)),
    ({"width": 399}, (399, 299)),
    ({"width": 2**31 - 1, "height": 300}, (400, 300)),
    ({}, (400, 300)),
]


@pytest.fixture
def picture(tmp_path):
    """A PNG of 400 x 300."""
    return write_png(tmp_path / "a.png", smooth(300, 400))


def size_of(reply):
    return int(reply["width"]), int(reply["height"])


def full_of(segment):
    return struct.unpack_from("=2I", segment.map, 380)


def box_of(segment):
    return struct.unpack_from("=2I", segment.map, 388)


def pixels_of(reply):
    return check_reply(reply).pixels.astype(int)


@pytest.mark.parametrize("box,size", SIZES)
def test_the_size_that_a_box_gives(client, picture, box, size):
    reply = client.ask("LOAD", path=picture, **box)
    assert size_of(reply) == size and reply["cached"] == "no"
    segment = check_reply(reply)
    assert full_of(segment) == (400, 300)
    assert box_of(segment) == (box.get("width", 0), box.get("height", 0))
    full = (reply.get("full-width"), reply.get("full-height"))
    assert full == ((None, None) if size == (400, 300) else ("400", "300"))
    del reply["cached"]
    assert client.ask("FETCH", name=picture, **box) == reply
    assert client.ask("FETCH", name=picture) == reply  # the largest there is
    assert client.ask("STAT", name=picture).items() >= reply.items()


def test_one_colour_stays_what_it_is(client, tmp_path):
    colour = numpy.array([200, 100, 7], numpy.uint8)
    path = write_png(tmp_path / "a.png", numpy.tile(colour, (300, 400, 1)))
    for width in (1, 10, 399):
        pixels = pixels_of(client.ask("LOAD", path=path, width=width))
        assert (pixels == [200, 100, 7, 255]).all()


def test_it_is_the_picture(client, picture):
    """The mean of what a pixel covers, but for how colours are weighed."""
    pixels = pixels_of(client.ask("LOAD", path=picture, width=100))
    whole = smooth(300, 400).astype(float).reshape(75, 4, 100, 4, 3).mean(axis=(1, 3))
    assert numpy.abs(pixels[:, :, :3] - whole).mean() < 4


def test_a_box_is_for_the_picture_as_it_is_seen(client, tmp_path):
    path = oriented(tmp_path / "a.jpg", smooth(300, 400), 6)
    reply = client.ask("LOAD", path=path, width=30)
    assert size_of(reply) == (30, 40) and reply["orientation"] == "6"
    assert (reply["full-width"], reply["full-height"]) == ("300", "400")


def test_sizes_stand_side_by_side(client, connect, picture):
    other = connect()
    small = client.ask("LOAD", path=picture, width=40)
    large = other.ask("LOAD", path=picture, width=200)
    whole = other.ask("LOAD", path=picture)
    grey = client.ask("LOAD", path=picture, width=40, format="GRAY8")
    replies = [small, large, whole, grey]
    assert len({reply["segment"] for reply in replies}) == 4
    for key in ("generation", "semaphore", "slot", "name"):
        assert len({reply[key] for reply in replies}) == 1
    told = client.ask("STAT", name=picture)
    assert told["renditions"] == "RGBA8,RGBA8:200x150,RGBA8:40x30,GRAY8:40x30"
    assert told["pins"] == "4" and told["segment"] == whole["segment"]
    assert [item["segment"] for item in client.items()] == [whole["segment"]]
    for box in ({"width": 40}, {"height": 30}, {"width": 200, "height": 30}):
        assert other.ask("LOAD", path=picture, **box)["segment"] == small["segment"]
    other.ask("RELEASE", name=picture, width=200)
    with pytest.raises(Refused, match="not-found"):
        other.ask("RELEASE", name=picture, width=200)
    client.ask("DROP", name=picture)
    for reply in (small, grey, whole):  # which are pinned
        assert os.path.exists(shm_path(reply["segment"]))
    assert not os.path.exists(shm_path(large["segment"]))
    client.close()
    other.ask("RELEASE", name=picture)
    with connect() as last:
        eventually(lambda: last.stats()["bytes"] == 0)


def test_what_is_not_there_names_the_load_that_makes_it(client, picture):
    client.ask("LOAD", path=picture, width=40)
    for verb in ("FETCH", "STAT"):
        with pytest.raises(Refused) as refused:
            client.ask(verb, name=picture, height=7, format="GRAY8")
        assert refused.value.code == "not-found"
        keys = dict(re.findall(r"(\w+)=(\w+)", refused.value.message))
        assert keys == {"height": "7", "format": "GRAY8"}
    client.ask("LOAD", path=picture, **keys)
    assert size_of(client.ask("FETCH", name=picture, **keys)) == (9, 7)


@pytest.mark.parametrize("text", ["0", "-1", "", "2147483648", "10x10", "1e2"])
def test_numbers_that_are_none(client, picture, text):
    for verb in ("LOAD", "FETCH", "STAT", "RELEASE"):
        for key in ("width", "height"):
            place = {"path": picture} if verb == "LOAD" else {"name": picture}
            with pytest.raises(Refused, match=f"{key}= must be a number from 1 to 2147483647"):
                client.ask(verb, **place, **{key: text})
    assert client.items() == []


def test_many_at_once_decode_once_for_each_box(daemon, client, picture):
    def load(width):
        with daemon.connect() as one:
            return one.ask("LOAD", path=picture, width=width)["segment"]

    widths = [50, 60, 70] * 8
    with concurrent.futures.ThreadPoolExecutor(len(widths)) as pool:
        segments = list(pool.map(load, widths))
    assert len(set(segments)) == 3
    stats = client.stats()
    assert stats["renditions"] == 3 and stats["images"] == 1 and stats["decodes"] == 3


def test_a_changed_file_has_the_new_size_alone(client, picture):
    old = client.ask("LOAD", path=picture, width=40)
    client.ask("LOAD", path=picture, pin="no")
    put(picture, noise(10, 80))
    new = client.ask("LOAD", path=picture, width=40)
    assert size_of(new) == (40, 5) and int(new["generation"]) > int(old["generation"])
    assert client.ask("STAT", name=picture)["renditions"] == "RGBA8:40x5"
    assert Segment(old["segment"]).width == 40  # held still


def test_another_daemon_finds_all_sizes(restart, tmp_path):
    path = write_png(tmp_path / "a.png", smooth(300, 400))
    first = restart()
    with first.connect() as client:
        for box in ({"width": 40}, {"height": 31, "format": "GRAY8"}, {}):
            client.ask("LOAD", path=path, name="a", watch="yes", **box)
        before = client.ask("STAT", name="a")
        small = client.ask("FETCH", name="a", width=40)
        first.kill()
    with restart().connect() as client:
        after = client.ask("STAT", name="a")
        assert after["renditions"] == "RGBA8,RGBA8:40x30,GRAY8:41x31" == before["renditions"]
        assert client.ask("FETCH", name="a", width=40) == small
        assert client.ask("LOAD", path=path, name="a", height=30)["cached"] == "yes"
        # The boxes are known still, not only what they came to.
        put(path, noise(400, 80))
        wanted = "RGBA8,RGBA8:40x200,RGBA8:6x30,GRAY8:6x31"
        eventually(lambda: client.ask("STAT", name="a")["renditions"] == wanted)


def reseal(segment, offset, data):
    """Changes a header that its checksum is right for again."""
    path = shm_path(segment)
    os.chmod(path, 0o600)
    with open(path, "r+b") as file:
        page = bytearray(file.read(4096))
        page[offset : offset + len(data)] = data
        page[352:356] = bytes(4)
        page[352:356] = struct.pack("=I", binascii.crc32(page))
        file.seek(0)
        file.write(page)
    os.chmod(path, 0o400)


@pytest.mark.parametrize(
    "values,kept",
    [
        ((400, 300, 40, 0), True),
        ((0, 0, 0, 0), False),
        ((0, 0, 40, 0), False),
        ((400, 300, 41, 0), False),
        ((400, 300, 0, 0), False),
        ((39, 300, 0, 0), False),
        ((400, 0, 0, 0), False),
    ],
)
def test_another_daemon_believes_no_size_that_cannot_be(restart, tmp_path, values, kept):
    path = write_png(tmp_path / "a.png", smooth(300, 400))
    first = restart()
    with first.connect() as client:
        segment = client.ask("LOAD", path=path, name="a", width=40)["segment"]
        first.kill()
    reseal(segment, 380, struct.pack("=4I", *values))
    with restart().connect() as client:
        assert len(client.items()) == kept
        if kept:
            assert client.items()[0]["full-width"] == str(values[0])


@pytest.mark.options("--user-bytes=64K")
def test_quotas_count_what_is_made(client, picture):
    assert client.ask("LOAD", path=picture, width=100)["cached"] == "no"
    with pytest.raises(Refused, match="over-quota"):
        client.ask("LOAD", path=picture)
    assert size_of(client.ask("FETCH", name=picture)) == (100, 75)


@pytest.mark.options("--max-pixels=100000")
def test_limits_of_pixels_count_the_whole(client, picture):
    with pytest.raises(Refused, match="400 x 300 pixels are more than max-pixels=100000"):
        client.ask("LOAD", path=picture, width=10)


def test_followed_in_all_boxes(follow, client, folder):
    path = write_png(os.path.join(folder, "a.png"), smooth(300, 400))
    a = follow(path, width=40)
    client.ask("LOAD", path=path, name="a", height=20, format="GRAY8")
    put(path, smooth(400, 300))
    assert a.event() == "changed"
    assert size_of(client.ask("FETCH", name="a", width=40)) == (40, 53)
    assert size_of(client.ask("FETCH", name="a", height=20)) == (15, 20)
    assert client.ask("STAT", name="a")["renditions"] == "RGBA8:40x53,GRAY8:15x20"


# ---- Renditions of what is in memory ----


@pytest.mark.parametrize("write", [write_png, write_jpeg])
@pytest.mark.parametrize("format", ["RGBA8", "RGB8", "BGRA8-premul"])
def test_derived_as_if_from_the_file(client, tmp_path, write, format):
    path = write(tmp_path / "a", smooth(300, 400))
    alone = client.ask("LOAD", path=path, name="b", width=320, format=format)
    client.ask("LOAD", path=path, name="a")
    derived = client.ask("LOAD", path=path, name="a", width=320, format=format)
    assert client.stats()["derived"] == 1 and derived["cached"] == "no"
    difference = numpy.abs(pixels_of(alone) - pixels_of(derived))
    assert difference.max() <= 1
    assert Segment(derived["segment"]).inode == os.stat(path).st_ino


def test_what_would_lose_something_is_not_derived(client, tmp_path):
    deep = numpy.linspace(0, 65535, 40 * 30 * 4).astype(numpy.uint16).reshape(30, 40, 4)
    path = write_rgba16(tmp_path / "a.png", deep)
    client.ask("LOAD", path=path, name="a")
    client.ask("LOAD", path=path, name="a", width=10, format="RGBA16")
    client.ask("LOAD", path=path, name="a", width=10, format="GRAY8")
    assert client.stats()["derived"] == 0
    client.ask("LOAD", path=path, name="a", format="RGBA16")
    client.ask("LOAD", path=path, name="a", width=20, format="RGBA16")
    assert client.stats()["derived"] == 1


def test_much_smaller_than_a_jpeg_is_decoded(client, tmp_path):
    path = write_jpeg(tmp_path / "a.jpg", smooth(300, 400))
    client.ask("LOAD", path=path, name="a")
    client.ask("LOAD", path=path, name="a", width=200)
    assert client.stats()["derived"] == 0
    client.ask("LOAD", path=path, name="a", width=201)
    assert client.stats()["derived"] == 1


def test_a_file_that_changes_meanwhile_is_told(client, connect, picture):
    """What is derived belongs to the file as it was when it was asked for, or is made anew."""
    client.ask("LOAD", path=picture, name="a")
    for seed in range(8):
        other = connect()
        other.send("LOAD", path=picture, name="a", width=40 + seed)
        put(picture, noise(300, 400, seed=seed))
        verb, reply = other.reply()
        assert verb == "OK", reply
        inode = check_reply(reply).inode
        newest = client.ask("LOAD", path=picture, name="a", width=40 + seed)
        assert (inode == os.stat(picture).st_ino) == (newest["cached"] == "yes")
        whole = pixels_of(client.ask("LOAD", path=picture, name="a"))
        assert (whole == with_alpha(noise(300, 400, seed=seed))).all()
