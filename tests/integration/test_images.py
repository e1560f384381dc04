"""FETCH, RELEASE, DROP, STAT, LIST, STATS: names, pins and lifetimes."""

import multiprocessing
import os
import socket

import numpy
import pytest
from client import Client, Refused, eventually
from pictures import noise, tiny_png, write_png
from segment import Segment, check_reply, shm_path

REPLY = (
    "name segment size offset width height stride format generation semaphore slot"
).split()
DESCRIPTION = (
    REPLY + "owner share keep type orientation renditions pins holders lock waiters".split()
)
STATS = (
    "images renditions bytes pinned-bytes memory-max connections loads decodes hits fetches errors"
    " decoders decoder-restarts sandbox uptime"
).split()


@pytest.fixture
def image(client, tmp_path):
    """The reply of LOAD for a small picture."""
    return client.ask("LOAD", path=write_png(tmp_path / "a.png", noise(8, 12)), name="a")


def test_keys_of_replies(client, image):
    assert set(REPLY) <= set(client.ask("FETCH", name="a"))
    assert set(image) - set(client.ask("FETCH", name="a")) == {"cached"}
    assert set(DESCRIPTION) <= set(client.ask("STAT", name="a"))
    assert set(DESCRIPTION) <= set(client.items()[0])
    assert set(STATS) <= set(client.ask("STATS"))


@pytest.mark.parametrize("verb", ["FETCH", "RELEASE", "DROP", "STAT"])
def test_not_found(client, image, verb):
    assert client.error(verb, name="b") == "not-found"
    assert client.error(verb, name="a", owner=os.getuid() + 1) == "not-found"


@pytest.mark.parametrize("owner", ["", "-1", "root", "4294967296", "1e3", "99999999999999999999"])
def test_bad_owner(client, image, owner):
    assert client.error("FETCH", name="a", owner=owner) == "invalid-argument"


def test_fetch_of_ones_own(client, connect, image):
    other = connect()
    reply = other.ask("FETCH", name="a")
    assert {**reply, "cached": "no"} == image
    assert other.ask("FETCH", name="a", owner=os.getuid()) == reply
    assert numpy.array_equal(check_reply(reply).pixels, check_reply(image).pixels)


def test_pins_are_of_their_connection(client, connect, image):
    assert client.ask("STAT", name="a")["pins"] == "1"
    other = connect()
    other.ask("FETCH", name="a")
    stat = client.ask("STAT", name="a")
    assert (stat["pins"], stat["holders"]) == ("2", str(os.getpid()))
    other.close()
    third = connect()
    assert third.ask("STAT", name="a")["pins"] == "1"
    assert third.error("RELEASE", name="a") == "not-found"
    client.ask("RELEASE", name="a")
    stat = client.ask("STAT", name="a")
    assert (stat["pins"], stat["holders"]) == ("0", "")
    assert client.error("RELEASE", name="a") == "not-found"


def test_a_connection_has_one_pin_on_what_it_fetches_twice(client, image):
    client.ask("FETCH", name="a")
    assert client.ask("STAT", name="a")["pins"] == "1"
    client.ask("RELEASE", name="a")
    assert client.error("RELEASE", name="a") == "not-found"


def test_release_of_a_generation_or_format(client, image):
    other = str(int(image["generation"]) + 1000)
    assert client.error("RELEASE", name="a", generation=other) == "not-found"
    assert client.error("RELEASE", name="a", format="GRAY8") == "not-found"
    assert client.error("RELEASE", name="a", generation="x") == "invalid-argument"
    client.ask("RELEASE", name="a", generation=image["generation"], format="RGBA8")
    assert client.ask("STAT", name="a")["pins"] == "0"


def test_drop_while_pinned(daemon, client, connect, image):
    connect().ask("DROP", name="a")
    assert client.error("FETCH", name="a") == "not-found"
    assert client.error("DROP", name="a") == "not-found"
    assert client.items() == []
    assert daemon.board.generation(int(image["slot"])) == 0
    check_reply(image)
    client.ask("RELEASE", name="a")
    assert not os.path.exists(shm_path(image["segment"]))


def test_drop_frees_at_once_what_nobody_holds(daemon, client, image):
    client.ask("RELEASE", name="a")
    assert os.path.exists(shm_path(image["segment"]))
    client.ask("DROP", name="a")
    assert not os.path.exists(shm_path(image["segment"]))
    stats = client.stats()
    assert (stats["images"], stats["renditions"], stats["bytes"]) == (0, 0, 0)


def test_the_end_of_a_connection_releases(daemon, connect, tmp_path):
    holder, other = connect(), connect()
    reply = holder.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    other.ask("DROP", name="a")
    assert os.path.exists(shm_path(reply["segment"]))
    holder.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: other.stats()["connections"] == 1)
    assert not os.path.exists(shm_path(reply["segment"]))
    assert other.stats()["bytes"] == 0


def test_a_dropped_name_may_be_used_again(client, image, tmp_path):
    client.ask("DROP", name="a")
    again = client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="a")
    assert again["cached"] == "no"
    assert int(again["generation"]) > int(image["generation"])
    check_reply(image)
    check_reply(again)


def sum_of_pixels(path, name, queue):
    with Client(path) as client:
        queue.put(int(check_reply(client.ask("FETCH", name=name)).pixels.sum()))


def test_two_processes_map_the_same_pixels(daemon, image):
    mine = check_reply(image)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=sum_of_pixels, args=(daemon.path, "a", queue))
    process.start()
    assert queue.get(timeout=60) == int(mine.pixels.sum()) > 0
    process.join()
    assert process.exitcode == 0


def test_the_segment_is_of_read_permission_alone(image):
    path = shm_path(image["segment"])
    assert os.stat(path).st_mode & 0o222 == 0
    assert os.stat(path).st_mode & 0o777 in (0o400, 0o440, 0o444)
    assert os.stat(path).st_blocks * 512 >= int(image["size"])


def test_unpinned_images_stay(client, image):
    client.ask("RELEASE", name="a")
    reply = client.ask("FETCH", name="a")
    assert reply["generation"] == image["generation"]


def test_attached_images_go_with_their_last_user(daemon, client, connect, tmp_path):
    other = connect()
    path = tiny_png(tmp_path / "a.png")
    reply = client.ask("LOAD", path=path, name="a", keep="attached")
    assert client.ask("STAT", name="a")["keep"] == "attached"
    other.ask("FETCH", name="a")
    client.ask("RELEASE", name="a")
    assert client.ask("FETCH", name="a")["generation"] == reply["generation"]
    client.ask("RELEASE", name="a")
    other.ask("RELEASE", name="a")
    assert client.error("FETCH", name="a") == "not-found"
    assert not os.path.exists(shm_path(reply["segment"]))
    assert daemon.board.generation(int(reply["slot"])) == 0


@pytest.mark.options("--memory-max", "1M")
def test_the_least_recently_used_goes_first(daemon, client, tmp_path):
    def load(name, seed, **values):
        path = write_png(tmp_path / f"{name}.png", noise(200, 250, seed=seed))
        return client.ask("LOAD", path=path, name=name, pin="no", **values)

    assert client.stats()["memory-max"] == 1 << 20
    pinned = load("pinned", 1, keep="pinned")
    first = load("first", 2)
    load("second", 3)
    load("third", 4)
    client.ask("FETCH", name="first")
    client.ask("RELEASE", name="first")
    load("fourth", 5)
    load("fifth", 6)
    load("sixth", 7)
    names = [item["name"] for item in client.items()]
    assert set(names) == {"pinned", "first", "fourth", "fifth", "sixth"}
    assert client.stats()["bytes"] <= 1 << 20
    check_reply(pinned)
    check_reply(first)
    assert len(daemon.segments()) == len(names) + 1


@pytest.mark.options("--memory-max", "1M")
def test_what_is_held_is_never_evicted(client, tmp_path):
    held = []
    for seed in range(5):
        path = write_png(tmp_path / f"{seed}.png", noise(200, 250, seed=seed))
        held.append(client.ask("LOAD", path=path))
    path = write_png(tmp_path / "more.png", noise(200, 250, seed=9))
    assert client.error("LOAD", path=path) in ("no-space", "over-quota")
    for reply in held:
        check_reply(reply)
        assert client.ask("FETCH", name=reply["name"])["generation"] == reply["generation"]
    client.ask("DROP", name=held[0]["name"])
    client.ask("RELEASE", name=held[1]["name"])
    assert client.ask("LOAD", path=path)["cached"] == "no"


def test_renditions_side_by_side(client, tmp_path):
    path = write_png(tmp_path / "a.png", noise(6, 7))
    first = client.ask("LOAD", path=path, name="a")
    second = client.ask("LOAD", path=path, name="a", format="GRAY8")
    assert second["cached"] == "no"
    assert second["generation"] == first["generation"] and second["slot"] == first["slot"]
    assert second["segment"] != first["segment"]
    for word, reply in (("RGBA8", first), ("GRAY8", second)):
        fetched = client.ask("FETCH", name="a", format=word)
        assert fetched["segment"] == reply["segment"]
        assert check_reply(fetched).format_word == word
    assert client.ask("FETCH", name="a")["format"] == "RGBA8"
    assert client.error("FETCH", name="a", format="GRAY16") == "not-found"
    assert client.error("FETCH", name="a", format="GRAY9") == "invalid-argument"
    stats = client.stats()
    assert (stats["images"], stats["renditions"]) == (1, 2)
    assert set(client.ask("STAT", name="a")["renditions"].split(",")) == {"RGBA8", "GRAY8"}
    client.ask("DROP", name="a")
    assert client.error("FETCH", name="a", format="GRAY8") == "not-found"


def test_fetch_gives_whichever_format_there_is(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path, name="a", format="GRAY8")
    assert client.ask("FETCH", name="a")["format"] == "GRAY8"
    assert client.error("FETCH", name="a", format="RGBA8") == "not-found"


def test_a_changed_file_leaves_no_old_rendition(client, tmp_path):
    path = write_png(tmp_path / "a.png", noise(6, 7, seed=1))
    client.ask("LOAD", path=path)
    client.ask("LOAD", path=path, format="RGB8")
    pixels = write_png(path, noise(9, 7, seed=2)) and noise(9, 7, seed=2)
    client.ask("LOAD", path=path, format="RGB8")
    reply = client.ask("FETCH", name=path)
    assert reply["height"] == "9"
    assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], pixels)


NAMES = [
    "a b",
    " ",
    "%41",
    "=",
    "\u00e4\u4e2d\U0001f600",
    "\U0010ffff",
    "*",
    "../../etc/passwd",
    "n" * 4095,
    "\u4e2d" * 1365,
    "\u00a0",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_names(client, tmp_path, name):
    reply = client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name=name)
    assert reply["name"] == name
    segment = check_reply(reply)
    assert segment.name == name and segment.name_length == len(name.encode())
    assert client.ask("FETCH", name=name)["name"] == name
    assert [item["name"] for item in client.items()] == [name]
    assert client.ask("STAT", name=name)["name"] == name
    client.ask("DROP", name=name)


def test_the_board_tells_each_change(daemon, client, image, tmp_path):
    slot = int(image["slot"])
    assert daemon.board.generation(slot) == int(image["generation"])
    second = client.ask("LOAD", path=tiny_png(tmp_path / "b.png"), name="b")
    assert second["slot"] != image["slot"]
    assert daemon.board.generation(int(second["slot"])) == int(second["generation"])
    assert second["generation"] != image["generation"]
    client.ask("DROP", name="a")
    assert daemon.board.generation(slot) == 0


# LIST


def load_many(client, tmp_path, names):
    path = tiny_png(tmp_path / "tiny.png")
    for start in range(0, len(names), 20):
        batch = names[start : start + 20]
        for name in batch:
            client.send("LOAD", path=path, name=name, pin="no")
        for name in batch:
            assert client.answer()["name"] == name


def test_list_is_in_order_of_names(client, tmp_path):
    names = ["b", "a", "\u00e4", "Z", "a b", "aa", "10", "9"]
    load_many(client, tmp_path, names)
    listed = [item["name"] for item in client.items()]
    assert listed == sorted(names, key=str.encode)


@pytest.mark.parametrize(
    "glob, expected",
    [
        ("*", ["/p/a.jpg", "/p/b.jpg", "/p/q/c.png", "x[1]"]),
        ("*.jpg", ["/p/a.jpg", "/p/b.jpg"]),
        ("/p/?.jpg", ["/p/a.jpg", "/p/b.jpg"]),
        ("/p/[a].jpg", ["/p/a.jpg"]),
        ("/p/[!a]*", ["/p/b.jpg", "/p/q/c.png"]),
        ("/p/*", ["/p/a.jpg", "/p/b.jpg", "/p/q/c.png"]),
        ("x\\[1]", ["x[1]"]),
        ("a.jpg", []),
        ("", []),
    ],
)
def test_list_by_glob(client, tmp_path, glob, expected):
    load_many(client, tmp_path, ["/p/a.jpg", "/p/b.jpg", "/p/q/c.png", "x[1]"])
    assert [item["name"] for item in client.items(match=glob)] == expected


def test_a_glob_costs_no_exponential_time(client, tmp_path):
    load_many(client, tmp_path, ["a" * 4000])
    assert client.items(match="a*" * 200 + "b") == []


def test_a_long_list_for_a_slow_reader(client, connect, tmp_path):
    names = [f"{number:05}" + "x" * 200 for number in range(1500)]
    load_many(client, tmp_path, names)
    slow = connect()
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    slow.raw(b"LIST\nSTATS\n")
    client.ask("DROP", name=names[-1])
    assert client.ask("STATS")["images"] == str(len(names) - 1)
    listed = []
    while (answer := slow.reply())[0] == "ITEM":
        listed.append(answer[1]["name"])
    assert answer == ("OK", {"count": str(len(listed))})
    assert listed == sorted(listed)
    assert names[:-1] == listed[: len(names) - 1]
    assert "images" in slow.answer()


def page(client, **values):
    """The names of one page, and whether there is more."""
    client.send("LIST", **values)
    names = []
    while (answer := client.reply())[0] == "ITEM":
        names.append(answer[1]["name"])
    verb, values = answer
    assert verb == "OK" and values["count"] == str(len(names))
    return names, values.get("more") == "yes"


def test_pages(client, connect, tmp_path):
    """Each page begins behind the last image of the one before, also when that is gone."""
    names = [f"{number:03}" for number in range(25)]
    load_many(client, tmp_path, names)
    assert page(client, limit=25) == (names, False)
    assert page(client, limit=24) == (names[:24], True)
    listed, more, last = [], True, {}
    while more:
        part, more = page(client, limit=4, **last)
        assert len(part) == 4 or not more
        listed += part
        last = {"after": listed[-1], "owner": os.getuid()}
        connect().ask("DROP", name=listed[-1])
    assert listed == names
    left = [name for name in names if name not in listed[3::4]]
    assert page(client, after="003") == ([name for name in left if name > "003"][:-1], False)
    assert page(client, after=names[-1]) == ([], False)


def test_a_page_of_what_matches(client, tmp_path):
    load_many(client, tmp_path, [f"{number}{kind}" for number in range(9) for kind in "ab"])
    assert page(client, match="*b", limit=4) == (["0b", "1b", "2b", "3b"], True)
    assert page(client, match="*b", limit=9)[1] is False
    assert page(client, match="*b", after="6b") == (["7b", "8b"], False)


def test_a_list_begins_behind_one_image(client):
    for values in ({"owner": "any"}, {"after": "a", "owner": "any"}, {"owner": 0}):
        with pytest.raises(Refused) as refusal:
            client.items(**values)
        assert refusal.value.code == "invalid-argument"


def test_keys_of_a_list(client, image):
    (full,) = client.items()
    for key in full:
        (item,) = client.items(keys=key)
        assert set(item) == {"name", "owner", key}
        assert item[key] == full[key]
    assert client.items(keys=",".join(full)) == [full]
    for wrong in ("", "colour", "name,,owner", "Width", "width,"):
        assert client.error("LIST", keys=wrong) == "invalid-argument"


def test_stats_count(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    before = client.stats()
    client.ask("LOAD", path=path)
    client.ask("LOAD", path=path)
    client.ask("FETCH", name=path)
    client.error("FETCH", name="none")
    after = client.stats()
    grown = {key: after[key] - before[key] for key in ("images", "renditions", "decodes", "loads")}
    assert grown == {"images": 1, "renditions": 1, "decodes": 1, "loads": 2}
    assert after["hits"] == before["hits"] + 1
    assert after["fetches"] > before["fetches"]
    assert after["errors"] == before["errors"] + 1
    assert after["bytes"] == after["pinned-bytes"] == Segment(
        client.ask("STAT", name=path)["segment"]
    ).size
