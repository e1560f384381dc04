"""Turns of the daemon's thread: what STATS tells of them, and that long work is cut into many."""


from pictures import tiny_png


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
