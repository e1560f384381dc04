"""Turns of the daemon's thread: what STATS tells of them, and that long work is cut into many."""


import contextlib
import os
import signal

from client import eventually, line
from pictures import big_png, tiny_png
from server import suspend


def turns(client):
    """The numbers of turns, the shortest ones first."""
    return [int(count) for count in client.ask("STATS")["turns-us"].split(",")]


def test_turns_are_counted(daemon):
    with daemon.connect() as client:
        before = turns(client)
        for _ in range(100):
            client.ask("STATS")
        after = turns(client)
        stats = client.stats()
    assert len(before) == len(after) == 6
    assert all(new >= old for new, old in zip(after, before, strict=True))
    assert sum(after) >= sum(before) + 100
    assert stats["longest-turn-us"] >= stats["longest-turn-cpu-us"]
    if after[5]:
        assert stats["longest-turn-us"] >= 10000


def test_end_of_many_images_takes_many_turns(daemon, tmp_path):
    """A connection ends that holds the last pins of many images: others are served meanwhile."""
    count = 320
    picture = tiny_png(tmp_path / "a.png")
    with daemon.connect() as other:
        with daemon.connect() as holder:
            for i in range(count):
                holder.load_fd(picture, name=str(i), keep="attached")
            before = sum(turns(other))
        asked = [other.stats()]
        while asked[-1]["user-pins"]:
            asked.append(other.stats())
        after = sum(turns(other))
        assert not other.items()
    assert asked[-1]["user-images"] == 0 and asked[-1]["connections"] == 1
    assert after - before - len(asked) >= count * 5 // 64


@contextlib.contextmanager
def stopped(daemon):
    """The daemon does nothing meanwhile."""
    suspend(daemon.pid)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


def test_requests_of_a_dead_client_are_forgotten(daemon, client, tmp_path):
    picture = tiny_png(tmp_path / "a.png")
    client.load_fd(picture, name="kept", keep="pinned")
    before = client.stats()
    with daemon.connect() as dying, stopped(daemon):
        loads = [line("LOAD", path=picture, name=str(number)) for number in range(100)]
        dying.raw(b"\n".join([*loads, line("DROP", name="kept"), b""]))
        dying.close()
    after = eventually(lambda: (stats := client.stats())["connections"] == 1 and stats)
    assert after["loads"] == before["loads"]
    assert [item["name"] for item in client.items()] == ["kept"]


def test_loads_of_a_dead_client_are_cancelled(daemon, client, tmp_path):
    """The user's account is free again when the connection is gone."""
    with daemon.connect() as dying:
        for number in range(20):
            picture = big_png(tmp_path / f"{number}.png", height=400 + number)
            dying.send("LOAD", path=picture, name=str(number))
        dying.answer()
    stats = eventually(lambda: (stats := client.stats())["connections"] == 1 and stats)
    assert stats["user-loads"] == 0 and stats["user-pins"] == 0
