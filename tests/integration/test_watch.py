"""WATCH: who is told what, when, and what a slow reader loses."""

import json
import os
import socket
import subprocess

import pytest
from client import eventually
from pictures import noise, tiny_png, write_png
from server import BUILD
from users import as_user

SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")


def event(client):
    """The next event, as (type, name, generation)."""
    verb, values = client.reply()
    assert verb == "EVENT", (verb, values)
    return values["type"], values.get("name"), values.get("generation")


@pytest.fixture
def watcher(connect):
    client = connect()
    assert client.ask("WATCH") == {}
    return client


def test_the_life_of_an_image(watcher, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    first = client.ask("LOAD", path=path, name="a")
    assert event(watcher) == ("loaded", "a", first["generation"])
    client.ask("LOAD", path=path, name="a")
    client.ask("LOAD", path=path, name="a", format="GRAY8")
    client.ask("FETCH", name="a")
    write_png(path, noise(2, 2))
    second = client.ask("LOAD", path=path, name="a")
    assert event(watcher) == ("changed", "a", second["generation"])
    third = client.ask("LOAD", path=path, name="a", share="all")
    assert event(watcher) == ("changed", "a", third["generation"])
    client.ask("DROP", name="a")
    assert event(watcher) == ("dropped", "a", third["generation"])
    assert watcher.ask("STATS"), "nothing else was told"


def test_failed_requests_tell_nothing(watcher, client, tmp_path):
    client.error("LOAD", path=str(tmp_path / "none"))
    client.error("DROP", name="none")
    assert watcher.ask("STATS")


def test_attached(watcher, client, tmp_path):
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="a", keep="attached")
    assert event(watcher)[0] == "loaded"
    client.close()
    assert event(watcher)[:2] == ("dropped", "a")


@pytest.mark.options("--memory-max", "1M")
def test_evicted(watcher, client, tmp_path):
    for number in range(5):
        path = write_png(tmp_path / f"{number}.png", noise(250, 250, seed=number))
        client.ask("LOAD", path=path, name=str(number), pin="no")
    told = [event(watcher)[:2] for _ in range(6)]
    assert told == [("loaded", str(n)) for n in range(4)] + [("evicted", "0"), ("loaded", "4")]


def test_only_what_matches(connect, client, tmp_path):
    watcher = connect()
    watcher.ask("WATCH", match="*.png")
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path, name="one")
    client.ask("LOAD", path=path, name="two.png")
    assert event(watcher)[:2] == ("loaded", "two.png")
    watcher.ask("WATCH", match="o*")
    client.ask("DROP", name="two.png")
    client.ask("DROP", name="one")
    assert event(watcher)[:2] == ("dropped", "one")
    assert watcher.error("WATCH", match="x" * 1025) == "invalid-argument"
    client.ask("LOAD", path=path, name="of the first pattern still")
    assert event(watcher)[:2] == ("loaded", "of the first pattern still")


def test_events_of_ones_own(client, tmp_path):
    client.ask("WATCH")
    client.send("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    lines = [client.reply() for _ in range(2)]
    assert sorted(verb for verb, _ in lines) == ["EVENT", "OK"]


def test_no_event_inside_a_list(connect, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    for number in range(300):
        client.ask("LOAD", path=path, name=f"{number:03}" + "x" * 300, pin="no")
    watcher = connect()
    watcher.ask("WATCH")
    watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    watcher.send("LIST")
    for number in range(100):
        client.ask("DROP", name=f"{number:03}" + "x" * 300)
    verbs = []
    while verbs.count("EVENT") < 100:
        verbs.append(watcher.reply()[0])
    answer = [index for index, verb in enumerate(verbs) if verb in ("ITEM", "OK")]
    assert answer == list(range(answer[0], answer[-1] + 1)), "an event in the middle"


def test_who_does_not_read_is_told_of_the_loss(connect, client, tmp_path):
    watcher = connect()
    watcher.ask("WATCH")
    path = tiny_png(tmp_path / "a.png")
    names = [f"{number:04}" + "x" * 4000 for number in range(600)]
    for name in names:
        client.ask("LOAD", path=path, name=name, pin="no")
    told = []
    while not told or told[-1][0] != "overflow":
        told.append(event(watcher))
    assert [name for _, name, _ in told[:-1]] == names[: len(told) - 1]
    client.ask("DROP", name=names[0])
    rest = [event(watcher)]
    while rest[-1][0] != "dropped":
        rest.append(event(watcher))
    assert len(told) - 1 + len(rest) - 1 < len(names), "nothing was lost"
    assert [name for _, name, _ in rest[:-1]] == names[len(names) - len(rest) + 1 :]
    assert rest[-1][1] == names[0]


def test_a_watch_ends_with_the_sending_side(watcher, client, tmp_path):
    watcher.send("LOAD", path=tiny_png(tmp_path / "a.png"), name="a")
    watcher.socket.shutdown(socket.SHUT_WR)
    assert event(watcher)[:2] == ("loaded", "a")
    assert watcher.answer()["name"] == "a"
    assert watcher.at_end()
    eventually(lambda: client.stats()["watches"] == 0)


def test_an_event_comes_before_every_later_answer(watcher, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    for _ in range(200):
        client.ask("LOAD", path=path, name="a", pin="no")
        client.ask("DROP", name="a")
        watcher.send("NOOP")
        assert [event(watcher)[0], event(watcher)[0]] == ["loaded", "dropped"]
        assert watcher.answer() == {}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_others_are_told_what_they_may_see(start_daemon, folder, tmp_path):
    from client import Client

    daemon = start_daemon(folder=folder)
    picture = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(picture, 0o644)
    with daemon.connect() as watcher:
        watcher.ask("WATCH")

        def load():
            with Client(daemon.path) as client:
                client.ask("LOAD", path=picture, name="secret")
                client.ask("LOAD", path=picture, name="public", share="all")

        as_user(1234, load)
        verb, values = watcher.reply()
        assert (verb, values["type"], values["name"]) == ("EVENT", "loaded", "public")
        assert values["owner"] == "1234"


def test_initial_images(connect, client, tmp_path):
    """A long list goes on while the images change, and misses nothing."""
    path = tiny_png(tmp_path / "a.png")
    names = [f"{number:03}" + "x" * 4000 for number in range(150)]
    for name in names:
        client.ask("LOAD", path=path, name=name, pin="no")
    watcher = connect()
    watcher.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    watcher.send("WATCH", initial="yes")
    assert watcher.reply() == ("OK", {})
    for name in names[::2]:
        client.ask("DROP", name=name)
    new = client.ask("LOAD", path=path, name="new")
    watcher.send("STATS")
    known, listed = {}, False
    while (answer := watcher.reply())[0] == "EVENT":
        kind, values = answer[1]["type"], answer[1]
        if kind == "listed":
            listed = True
            initial = int(values["count"])
        elif kind == "dropped":
            del known[values["name"]]
        else:
            assert kind == "loaded" and values["name"] not in known
            assert not (listed and "initial" in values)
            known[values["name"]] = values["generation"]
    assert listed, "the list comes before the next answer"
    assert initial >= len(names) // 2
    assert sorted(known) == sorted([*names[1::2], "new"])
    assert known["new"] == new["generation"]


def test_initial_of_nothing(client):
    client.ask("WATCH", initial="yes", match="x*")
    assert client.reply() == ("EVENT", {"type": "listed", "count": "0"})
    assert client.error("WATCH", initial="always") == "invalid-argument"


def test_unwatch(connect, client, tmp_path):
    watcher = connect()
    path = tiny_png(tmp_path / "a.png")
    assert watcher.ask("UNWATCH") == {}
    watcher.ask("WATCH")
    client.ask("LOAD", path=path, name="a")
    assert event(watcher)[:2] == ("loaded", "a")
    watcher.ask("UNWATCH")
    client.ask("LOAD", path=path, name="b")
    client.ask("DROP", name="a")
    assert watcher.ask("STATS")["watches"] == "0"
    watcher.ask("WATCH")
    client.ask("DROP", name="b")
    assert event(watcher)[:2] == ("dropped", "b")


def see(watcher, name):
    """The events up to the one of another image, which tells that all were read."""
    told = []
    while (last := event(watcher))[1] != name:
        told.append(last[:2])
    return told


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
def test_images_come_into_sight_and_go(start_daemon, folder):
    """The owner, another of the group, and a stranger, while an image is shared otherwise."""
    from client import Client

    daemon = start_daemon(folder=folder)
    picture = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(picture, 0o666)

    def owner():
        steps = ["private", "all", "all", "group", "private", "group"]
        with Client(daemon.path) as watcher, Client(daemon.path) as client:
            watcher.ask("WATCH")
            for number, share in enumerate(steps):
                if number == 2:
                    os.utime(picture)
                client.ask("LOAD", path=picture, name="a", share=share)
            client.ask("DROP", name="a")
            client.ask("LOAD", path=picture, name="end", share="all")
            return see(watcher, "end")

    with daemon.connect() as stranger:
        stranger.ask("WATCH")
        told = as_user(1234, owner)
        changed = told.count(("changed", "a"))
        assert told == [("loaded", "a")] + [("changed", "a")] * changed + [("dropped", "a")]
        assert changed >= 4
        seen = see(stranger, "end")
        assert seen[0] == ("loaded", "a") and seen[-1] == ("dropped", "a")
        assert seen[1:-1] == [("changed", "a")] * (len(seen) - 2)


def test_many_watchers_with_hard_patterns(daemon, connect, client, tmp_path):
    """Each looks at the changes in its own time, and is told what matches."""
    name = "a" * 4000
    watchers = [connect() for _ in range(200)]
    for watcher in watchers:
        watcher.ask("WATCH", match="*" + "a" * 1000 + "b")
    last = connect()
    last.ask("WATCH", match="*" + "a" * 1000)
    path = tiny_png(tmp_path / "a.png")
    for _ in range(5):
        client.ask("LOAD", path=path, name=name)
        client.ask("DROP", name=name)
    client.ask("LOAD", path=path, name=name + "b")
    for watcher in watchers:
        assert event(watcher)[:2] == ("loaded", name + "b")
    assert [event(last)[0] for _ in range(10)] == ["loaded", "dropped"] * 5


def watchers(client):
    return client.stats()["watches"]


def test_shmimgctl_watch(daemon, client, tmp_path):
    """Lines as they happen; JSON with the protocol's keys; the end of the daemon ends it."""
    environment = {**os.environ, "SHMIMG_SOCKET": daemon.path}
    plain, json_lines = (
        subprocess.Popen(
            [SHMIMGCTL, "watch", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for options in (("*.png",), ("--json",))
    )
    while watchers(client) < 2:
        pass
    path = tiny_png(tmp_path / "a.png")
    reply = client.ask("LOAD", path=path)
    client.ask("LOAD", path=path, name="other")
    client.ask("DROP", name=path)
    assert plain.stdout.readline() == f"loaded   {path} (generation {reply['generation']})\n"
    assert plain.stdout.readline().startswith(f"dropped  {path} ")
    first = json.loads(json_lines.stdout.readline())
    assert first["type"] == "loaded" and first["name"] == path
    assert first["generation"] == int(reply["generation"])
    daemon.stop()
    for process in (plain, json_lines):
        _, errors = process.communicate(timeout=60)
        assert process.returncode != 0 and "watch" in errors
