"""Turns of the daemon's thread: what STATS tells of them, and that long work is cut into many."""


def turns(client):
    """The numbers of turns, the shortest ones first."""
    return [int(count) for count in client.ask("STATS")["turns-us"].split(",")]


def test_turns_are_counted(shared):
    with shared.connect() as client:
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
