"""What each user holds and may hold: limits, their messages, balances, turns at the decoders."""

import contextlib
import os
import signal
import socket
import subprocess

import pytest
from client import Refused, eventually
from pictures import noise, tiny_png, write_png
from server import BUILD, suspend
from users import connect_as

ANNA, BERT = 1234, 65534
SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")
LIMITS = ("user-connections", "user-images", "user-bytes", "user-loads", "user-pins")

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")


@pytest.fixture
def picture(folder):
    """A picture that everybody may read."""
    path = tiny_png(os.path.join(folder, "picture.png"))
    os.chmod(path, 0o644)
    return path


@pytest.fixture
def start(start_daemon, folder):
    """Starts a daemon that connects as any user; the connections end with the test."""
    clients = []

    def begin(*options):
        daemon = start_daemon(*options, folder=folder)

        def connect(uid, **settings):
            clients.append(connect_as(uid, lambda: daemon.connect(**settings)))
            return clients[-1]

        daemon.connect_as = connect
        return daemon

    yield begin
    for client in clients:
        client.close()


def used(client):
    stats = client.stats()
    return tuple(stats[key] for key in LIMITS)


def refusal(client, verb, **values):
    """The message of a request that is over a limit."""
    with pytest.raises(Refused) as caught:
        client.ask(verb, **values)
    assert caught.value.code == "over-quota"
    return caught.value.message


def refusal_of_pin(client):
    return refusal(client, "FETCH", name="a", owner=ANNA)


class Paused:
    """Keeps the decoders that there are from going on."""

    def __init__(self, daemon):
        self.pids = daemon.decoders()
        assert self.pids

    def __enter__(self):
        for pid in self.pids:
            suspend(pid)

    def __exit__(self, *_):
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def test_connections(start):
    daemon = start("--user-connections", "2")
    first, second = daemon.connect_as(ANNA), daemon.connect_as(ANNA)
    for _ in range(3):
        third = daemon.connect_as(ANNA, hello=False)
        verb, reply = third.reply()
        assert verb == "ERR" and reply["code"] == "over-quota"
        assert reply["message"].startswith(f"user {ANNA} has 2 of user-connections=2, ")
        assert third.at_end()
    assert used(daemon.connect_as(BERT)) == (1, 0, 0, 0, 0)
    assert used(first)[0] == 2
    second.close()
    eventually(lambda: used(first)[0] == 1)
    assert used(daemon.connect_as(ANNA))[0] == 2


def test_what_came_with_the_connection_does_not_hide_the_answer(start):
    daemon = start("--user-connections", "1")
    daemon.connect_as(ANNA)
    for _ in range(50):
        client = daemon.connect_as(ANNA, hello=False)
        with contextlib.suppress(BrokenPipeError):
            client.raw(b"HELLO\nSTATS\n")
        assert client.reply()[1]["code"] == "over-quota"
        assert client.at_end()


def test_root_is_not_locked_out(start):
    daemon = start("--user-connections", "1")
    clients = [daemon.connect_as(0) for _ in range(16)]
    refused = daemon.connect_as(0, hello=False)
    values = refused.reply()[1]
    assert (values["code"], values["limit"]) == ("over-quota", "user-connections")
    assert values["used"] == values["max"]
    assert used(clients[0])[0] == 16
    done = subprocess.run(
        [SHMIMGCTL, "--socket", daemon.path, "stats"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1 and "as many connections" in done.stderr
    clients.pop().close()
    eventually(lambda: used(clients[0])[0] == 15)
    subprocess.run([SHMIMGCTL, "--socket", daemon.path, "stats"], check=True, timeout=60)


def test_images(start, picture):
    daemon = start("--user-images", "2")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    for name in "abc":
        anna.ask("LOAD", path=picture, name=name, pin="no")
    assert [item["name"] for item in anna.items()] == ["b", "c"]
    anna.ask("FETCH", name="b")
    anna.ask("FETCH", name="c")
    before = used(anna)
    message = refusal(anna, "LOAD", path=picture, name="d")
    assert message.startswith(f"user {ANNA} has 2 of user-images=2, ")
    assert used(anna) == before
    bert.ask("LOAD", path=picture, name="d")
    anna.ask("RELEASE", name="b")
    anna.ask("LOAD", path=picture, name="d")
    assert [item["name"] for item in anna.items()] == ["c", "d"]


def test_bytes(start, picture):
    daemon = start("--user-bytes", "20K")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    size = int(anna.ask("LOAD", path=picture, name="a", keep="pinned")["size"])
    anna.ask("LOAD", path=picture, name="b", keep="pinned")
    assert 2 * size <= 20480 < 3 * size
    before = used(anna)
    message = refusal(anna, "LOAD", path=picture, name="c")
    wanted = f"user {ANNA} has {2 * size} of user-bytes=20480, and this would be {size} more"
    assert message.startswith(wanted)
    assert used(anna) == before == (1, 2, 2 * size, 0, 2)
    bert.ask("LOAD", path=picture, name="c")
    assert used(bert) == (1, 1, size, 0, 1)


def test_who_fills_the_memory_evicts_the_own_images(start, picture):
    daemon = start("--memory-max", "256K")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    for number in range(8):
        anna.ask("LOAD", path=picture, name=str(number), pin="no")
    for number in range(100):
        bert.ask("LOAD", path=picture, name=str(number), pin="no")
    assert len(anna.items()) == 8
    names = [item["name"] for item in bert.items()]
    assert 0 < len(names) < 100 and "99" in names and "0" not in names


def test_old_generations_are_charged_to_who_pins_them(start, picture):
    daemon = start("--user-bytes", "20K")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    refused = []
    for number in range(8):
        os.utime(picture, ns=(number, number))
        size = int(anna.ask("LOAD", path=picture, name="a", share="all", pin="no")["size"])
        assert used(anna)[1:3] == (1, size)
        try:
            bert.ask("FETCH", name="a", owner=ANNA)
        except Refused as refusal:
            refused.append(refusal.code)
    assert set(refused) == {"over-quota"} and used(bert)[2] > 20480
    assert "keeps so many old images" in refusal_of_pin(bert)
    anna.ask("DROP", name="a")
    assert used(anna)[1:3] == (0, 0)
    anna.ask("LOAD", path=picture, name="b", keep="pinned")
    bert.ask("RELEASE", name="a", owner="any")
    assert used(bert)[1:] == (0, 0, 0, 0)
    bert.ask("LOAD", path=picture, name="c")


def test_watches_and_their_patterns(start):
    daemon = start("--user-watches", "4")
    bert, other = daemon.connect_as(BERT), daemon.connect_as(BERT)
    bert.ask("WATCH", match="*" * 64)
    assert bert.stats()["user-watches"] == 2
    assert refusal(other, "WATCH", match="*" * 128).startswith(f"user {BERT} has 2 of user-watch")
    other.ask("WATCH", match="*" * 127)
    third = daemon.connect_as(BERT)
    assert third.error("WATCH") == "over-quota"
    other.close()
    eventually(lambda: third.stats()["user-watches"] == 2)
    third.ask("WATCH")
    daemon.connect_as(ANNA).ask("WATCH")
    assert third.stats()["user-watches"] == 3


def flood_fetches(client, count):
    """Asks for descriptors, and receives none."""
    client.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        client.socket.send(b"FETCH name=a fd=yes\n" * count)


def descriptors(client):
    return client.stats()["user-descriptors"]


def test_descriptors_that_nobody_receives(start, picture):
    daemon = start("--user-descriptors", "40")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    bert.ask("LOAD", path=picture, name="a")
    floods = [daemon.connect_as(BERT) for _ in range(8)]
    for flood in floods:
        flood_fetches(flood, 100)
    eventually(lambda: descriptors(bert) == 40)
    for options in ({"name": "a"}, {"name": "b", "path": picture}):
        verb = "LOAD" if "path" in options else "FETCH"
        assert bert.error(verb, fd="yes", **options) == "over-quota"
    assert bert.ask("FETCH", name="a")["name"] == "a"
    anna.ask("LOAD", path=picture, name="a", fd="yes")
    assert len(anna.fds) == 1 and descriptors(anna) == 0
    # Who receives or goes may have more.
    for flood in floods:
        flood.close()
    eventually(lambda: descriptors(bert) == 0)
    bert.ask("FETCH", name="a", fd="yes")
    assert descriptors(bert) == 0


def test_a_refused_descriptor_takes_the_file_of_its_line(start, picture, folder):
    """The file of a refused LOAD is not the next one's."""
    daemon = start("--user-descriptors", "1")
    bert, flood = daemon.connect_as(BERT), daemon.connect_as(BERT)
    bert.ask("LOAD", path=picture, name="a")
    flood.send("FETCH", name="a", fd="yes")
    eventually(lambda: descriptors(bert) == 1)
    other = write_png(os.path.join(folder, "other.png"), noise(9, 9))
    with open(other, "rb") as first, open(picture, "rb") as second:
        bert.send("LOAD", fds=[first.fileno()], source="fd", name="b", fd="yes")
        bert.send("LOAD", fds=[second.fileno()], source="fd", name="c")
    verb, reply = bert.reply()
    assert verb == "ERR" and reply["code"] == "over-quota"
    assert (reply["limit"], reply["used"], reply["max"]) == ("user-descriptors", "1", "1")
    assert bert.answer()["width"] == "3"
    flood.answer()
    bert.ask("FETCH", name="a", fd="yes")


@contextlib.contextmanager
def crowd(daemon, uid, count):
    """Connections with 32 descriptors each, that no line takes."""
    with contextlib.ExitStack() as stack, open(os.devnull, "rb") as null:
        files = daemon.open_files()
        for _ in range(count):
            client = stack.enter_context(connect_as(uid, daemon.connect))
            socket.send_fds(client.socket, [b"X"], [null.fileno()] * 32)
        eventually(lambda: daemon.open_files() == files + count * 33)
        with connect_as(uid, daemon.connect) as client:
            socket.send_fds(client.socket, [b"X"], [null.fileno()])
            assert client.reply()[1]["code"] == "busy"
            assert client.at_end()
        eventually(lambda: daemon.open_files() == files + count * 33)
        yield


def test_descriptors_that_no_line_takes(start_daemon, folder, picture):
    """Of 2048, one user gets 512, the next 256, and a third one is served all the same."""
    daemon = start_daemon("--user-loads", "8", folder=folder, descriptors=2048)
    with connect_as(4711, daemon.connect) as other, connect_as(BERT, daemon.connect) as bert:
        for _ in range(2):
            other.load_fd(picture, name="a", pin="no")
            before = daemon.settled_files(other)
            with crowd(daemon, BERT, 16), crowd(daemon, ANNA, 8):
                other.load_fd(picture, name="b", pin="no")
                assert bert.stats()["user-connections"] == 17
            eventually(lambda: daemon.open_files() == before)
        # Those that a request has had are no longer counted, whether it was waiting or refused.
        for number in range(20):
            for each in range(64):
                name = "" if each % 2 else "a"
                with open(picture, "rb") as file:
                    bert.send("LOAD", fds=[file.fileno()], source="fd", name=name, pin="no")
            for each in range(64):
                assert bert.reply()[0] == ("ERR" if each % 2 else "OK"), number


def test_many_descriptors_are_received_by_one_who_reads(start, picture):
    """The socket stops a client before a limit does."""
    daemon = start()
    bert = daemon.connect_as(BERT)
    bert.ask("LOAD", path=picture, name="a")
    bert.raw(b"FETCH name=a fd=yes\n" * 600)
    for _ in range(600):
        bert.answer()
        while bert.fds:
            os.close(bert.fds.pop())
    assert descriptors(bert) == 0


def test_descriptors_count_after_the_end_of_the_requests(start, picture):
    daemon = start("--user-descriptors", "4")
    bert, ended = daemon.connect_as(BERT), daemon.connect_as(BERT)
    bert.ask("LOAD", path=picture, name="a")
    ended.raw(b"FETCH name=a fd=yes\n" * 4)
    ended.socket.shutdown(socket.SHUT_WR)
    eventually(lambda: descriptors(bert) == 4)
    assert bert.error("FETCH", name="a", fd="yes") == "over-quota"
    for _ in range(4):
        ended.answer()
    assert ended.at_end()
    eventually(lambda: bert.stats()["connections"] == 1)
    assert descriptors(bert) == 0


def test_pins(start, picture):
    daemon = start("--user-pins", "2")
    anna, again, bert = (daemon.connect_as(uid) for uid in (ANNA, ANNA, BERT))
    anna.ask("LOAD", path=picture, name="a", share="all")
    again.ask("FETCH", name="a")
    again.ask("LOAD", path=picture, name="b", pin="no")
    for verb in ("FETCH", "LOAD"):
        values = {"path": picture} if verb == "LOAD" else {}
        message = refusal(anna, verb, name="b", **values)
        assert message.startswith(f"user {ANNA} has 2 of user-pins=2, ")
    anna.ask("FETCH", name="a")
    bert.ask("FETCH", name="a", owner=ANNA)
    assert used(bert)[4] == 1 and used(anna)[4] == 2
    again.close()
    eventually(lambda: used(anna)[4] == 1)
    anna.ask("FETCH", name="b")


def test_loads(start, picture):
    daemon = start("--user-loads", "1", "--decoders", "1")
    anna, again, bert = (daemon.connect_as(uid) for uid in (ANNA, ANNA, BERT))
    anna.ask("LOAD", path=picture, name="a")
    with Paused(daemon):
        # A connection waits for its own loads, but not for those of others.
        for name in "bcde":
            anna.send("LOAD", path=picture, name=name)
        eventually(lambda: used(again)[3] == 1)
        message = refusal(again, "LOAD", path=picture, name="f")
        assert message.startswith(f"user {ANNA} has 1 of user-loads=1, ")
        bert.send("LOAD", path=picture, name="f")
        eventually(lambda: used(again)[3] == 1 and again.stats()["loading"] == 2)
    assert [anna.answer()["name"] for _ in "bcde"] == list("bcde")
    assert bert.answer()["name"] == "f"
    assert used(anna)[3] == 0


def leave(anna, _daemon, picture):
    anna.ask("LOAD", path=picture, name="a", keep="attached")


def drop(anna, _daemon, picture):
    anna.ask("LOAD", path=picture, name="a", keep="pinned")
    anna.ask("DROP", name="a")


def fail(anna, _daemon, picture):
    with open(picture, "wb") as file:
        file.write(b"no image at all")
    assert anna.error("LOAD", path=picture, name="a") == "not-an-image"


def is_loading(daemon):
    with daemon.connect() as client:
        return client.stats()["loading"] == 1


def leave_a_load(anna, daemon, picture):
    drop(anna, daemon, picture)
    with Paused(daemon):
        anna.send("LOAD", path=picture, name="b")
        eventually(lambda: is_loading(daemon))
        anna.close()


def kill_the_decoder(anna, daemon, picture):
    drop(anna, daemon, picture)
    with Paused(daemon):
        anna.send("LOAD", path=picture, name="b")
        eventually(lambda: is_loading(daemon))
        for pid in daemon.decoders():
            os.kill(pid, signal.SIGKILL)
        assert anna.answer()["name"] == "b"  # another one decodes what this one never received
        anna.ask("DROP", name="b")


@pytest.mark.parametrize("action", [leave, drop, fail, leave_a_load, kill_the_decoder])
def test_nothing_is_left_on_the_account(start, picture, action):
    daemon = start()
    root, anna = daemon.connect_as(0), daemon.connect_as(ANNA)
    assert root.stats()["users"] == 2
    action(anna, daemon, picture)
    anna.close()
    eventually(lambda: root.stats()["users"] == 1)
    assert root.stats()["bytes"] == 0
    assert used(root) == (1, 0, 0, 0, 0)
    assert used(daemon.connect_as(ANNA)) == (1, 0, 0, 0, 0)


def test_an_account_after_a_restart(start, picture):
    daemon = start()
    anna = daemon.connect_as(ANNA)
    size = sum(
        int(anna.ask("LOAD", path=picture, name=name, format=kind)["size"])
        for name, kind in (("a", "RGBA8"), ("a", "GRAY8"), ("b", "RGBA8"))
    )
    daemon.kill()
    daemon = start("--user-images", "1")
    anna, root = daemon.connect_as(ANNA), daemon.connect_as(0)
    assert used(anna) == (1, 2, size, 0, 0)
    anna.ask("LOAD", path=picture, name="c")
    assert [item["name"] for item in anna.items()] == ["c"]
    anna.ask("DROP", name="c")
    assert used(anna)[1] == 1
    anna.ask("RELEASE", name="c")
    assert used(anna) == (1, 0, 0, 0, 0)
    anna.close()
    eventually(lambda: root.stats()["users"] == 1)


def test_users_take_turns(start, picture):
    daemon = start("--decoders", "1")
    anna, bert = daemon.connect_as(ANNA), daemon.connect_as(BERT)
    anna.ask("LOAD", path=picture, name="first")
    with Paused(daemon):
        for number in range(12):
            anna.send("LOAD", path=picture, name=f"anna {number}")
        bert.send("LOAD", path=picture, name="bert")
        with daemon.connect() as root:
            eventually(lambda: root.stats()["loading"] == 13)
    berts = int(bert.answer()["generation"])
    annas = [int(anna.answer()["generation"]) for _ in range(12)]
    # Generations are numbered in the order in which images are published.
    assert berts < annas[1] and annas == sorted(annas)


def test_a_flood_of_requests_is_served_in_turns(start, picture):
    """What waits when a client asks is not all served before it: of other users' or its own."""
    daemon = start()
    root = daemon.connect_as(0)
    root.ask("LOAD", path=picture, name="n", share="all")
    for uid, most in ((ANNA, 64), (0, 288)):
        flooders = [daemon.connect_as(uid) for _ in range(8)]
        before = root.stats()["fetches"]
        suspend(daemon.pid)
        try:
            for flooder in flooders:
                flooder.socket.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    flooder.socket.send(b"FETCH name=n\n" * 2000)
            root.send("STATS")
        finally:
            os.kill(daemon.pid, signal.SIGCONT)
        served = int(root.answer()["fetches"]) - before
        for flooder in flooders:
            flooder.close()
        assert served <= most, f"{served} requests were served before"
        # What they have sent is done all the same, and must not be counted the next time.
        eventually(lambda: int(root.stats()["connections"]) == 1)


def test_many_connections_come_and_go(start):
    daemon = start("--user-connections", "8")
    root = daemon.connect_as(0)
    for _ in range(4):
        clients = [daemon.connect_as(ANNA, hello=False) for _ in range(20)]
        assert all(client.reply()[1]["code"] == "over-quota" for client in clients[8:])
        assert all(client.error("FETCH", name="none") == "not-found" for client in clients[:8])
        for client in clients:
            client.close()
        eventually(lambda: root.stats()["users"] == 1)
