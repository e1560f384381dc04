"""Requests beside each other: ids, order, NOOP, CANCEL, quiet answers, and descriptors."""

import contextlib
import os
import signal

import pytest
from client import eventually, line
from pictures import noise, tiny_png, write_png
from segment import check_reply
from server import suspend


@pytest.fixture
def files(tmp_path):
    """Open pictures that are 5, 6 and 7 pixels wide."""
    fds = []
    for width in (5, 6, 7):
        path = write_png(tmp_path / f"{width}.png", noise(3, width, seed=width))
        fds.append(os.open(path, os.O_RDONLY))
    yield fds
    for fd in fds:
        os.close(fd)


@pytest.fixture
def slow(daemon, connect, tmp_path):
    """The only decoder stands still, until its process goes on: slow()."""
    other = connect()
    other.ask("LOAD", path=tiny_png(tmp_path / "warm.png"), name="warm")
    (decoder,) = daemon.decoders()
    suspend(decoder)

    def go_on():
        with contextlib.suppress(ProcessLookupError):  # its job was cancelled
            os.kill(decoder, signal.SIGCONT)

    yield go_on
    go_on()


def held(daemon, folder):
    """How many files of a folder the daemon has open."""
    links = []
    for fd in os.listdir(f"/proc/{daemon.pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            links.append(os.readlink(f"/proc/{daemon.pid}/fd/{fd}"))
    return sum(link.startswith(f"{folder}/") for link in links)


def replies(client, count):
    return [client.reply() for _ in range(count)]


# ---- Descriptors ----

REFUSED = {
    "LOAD source=fd name=x zz=1": "unsupported",
    "LOAD source=%66d name=x zz=1": "unsupported",
    "LOAD source=fd name=x name=x": "protocol",
    "LOAD source=fd name=%zz": "protocol",
    "LOAD  source=fd name=x": "protocol",
    "load source=fd name=x": "protocol",
    "LOAD source=fd": "invalid-argument",
    "LOAD source=fd name=x id=": "invalid-argument",
    "LOAD source=fd name=x keep=foo quiet=ok": "invalid-argument",
    "LOAD source=fd name=x path=/x": "invalid-argument",
    "FETCH source=fd name=x": "unsupported",
    "FROB source=fd": "unsupported",
    "LOAD source=pipe name=x": "invalid-argument",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_refused_line_takes_its_descriptor(daemon, client, files, tmp_path, text):
    client.raw(f"{text}\nLOAD source=fd name=y\nLOAD source=fd name=z\n".encode(), files)
    assert client.reply()[1]["code"] == REFUSED[text]
    assert [client.answer()["width"] for _ in range(2)] == ["6", "7"]
    eventually(lambda: held(daemon, tmp_path) == 0)


@pytest.mark.parametrize(
    "text",
    [
        "LOAD source=%zz name=x",
        "LOAD source=fd source=fd name=x",
        "LOAD source=fd\tname=x",
        "LOAD\tsource=fd name=x",
        "LOAD Source=fd name=x",
        "LOAD %73ource=fd name=x",
        "LOAD source name=x",
    ],
)
def test_a_line_of_which_it_cannot_be_told_ends_the_connection(daemon, client, files, text):
    client.raw(f"{text} id=7\nLOAD source=fd name=y\n".encode(), files[:2])
    verb, values = client.reply()
    assert (verb, values["code"], values["id"]) == ("ERR", "protocol", "7")
    assert client.at_end()
    with daemon.connect() as other:
        assert other.error("STAT", name="y") == "not-found"


def test_a_line_without_its_descriptor_is_alone_in_error(daemon, client, files):
    """Also when the daemon receives it together with the next message."""
    os.kill(daemon.pid, signal.SIGSTOP)
    client.raw(b"LOAD source=fd name=a\n")
    client.raw(b"LOAD source=fd name=b\nLOAD source=fd name=c\n", files[:1])
    client.raw(b"NOOP\n", files[1:2])
    client.raw(b"LOAD source=fd name=d\n", files[2:])
    os.kill(daemon.pid, signal.SIGCONT)
    (_, a), (_, b), (_, c), noop, (_, d) = replies(client, 5)
    assert (a["code"], a["key"], c["code"]) == ("invalid-argument", "source", "invalid-argument")
    assert (b["name"], b["width"], d["name"], d["width"]) == ("b", "5", "d", "7")
    assert noop == ("OK", {})


# ---- Ids and order ----


@pytest.mark.options("--decoders", "1")
def test_a_request_with_an_id_overtakes(slow, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.raw(
        line("LOAD", id="a", path=path) + b"\n" + line("LOAD", path=path, name="b") + b"\n"
        b"FETCH name=b\nFETCH id=f name=warm owner=%d\nLIST id=l match=warm\n" % os.getuid()
    )
    (_, fetched), (item, listed), (_, end) = replies(client, 3)
    assert list(fetched)[0] == "id" and (fetched["id"], fetched["name"]) == ("f", "warm")
    assert (item, listed["id"], listed["frames"]) == ("ITEM", "l", "1")
    assert end == {"id": "l", "count": "1"}
    client.raw(b"FETCH id=%20%25 name=none\nFETCH id=7 name=%zz\nFROB id=8\n")
    refused = [values for _, values in replies(client, 3)]
    assert [values["id"] for values in refused] == [" %", "7", "8"]
    assert [values["code"] for values in refused] == ["not-found", "protocol", "unsupported"]
    slow()
    told = replies(client, 3)
    assert [verb for verb, _ in told] == ["OK"] * 3
    assert [values["name"] for _, values in told if "id" not in values] == ["b", "b"]
    assert [values["name"] for _, values in told if values.get("id") == "a"] == [path]


@pytest.mark.options("--decoders", "1")
def test_noop_waits_for_all_before_it(slow, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.raw(
        line("LOAD", id="a", path=path) + b"\n" + line("LOAD", path=path, name="b") + b"\n"
        b"NOOP\nNOOP id=n\nSTATS\nFETCH id=f name=none\n"
    )
    assert client.reply()[1]["id"] == "f"
    slow()
    told = [values.get("id", values.get("name")) for _, values in replies(client, 5)]
    assert set(told[:2]) == {"a", "b"} and set(told[2:]) == {None, "n"}


@pytest.mark.options("--decoders", "1")
def test_cancel(slow, daemon, client, connect, files, tmp_path):
    other = connect()
    client.send("LOAD", fds=files[2:], source="fd", name="c", id="y", pin="no")
    for name, fd in zip("ab", files, strict=False):
        client.send("LOAD", fds=[fd], source="fd", name=name, id="x")
    eventually(lambda: other.stats()["loading"] == 3)
    client.send("CANCEL", id="x")
    told = replies(client, 3)
    assert [values["id"] for _, values in told] == ["x"] * 3
    assert [values.get("code") for _, values in told] == ["cancelled", "cancelled", None]
    assert told[2] == ("OK", {"id": "x"})
    assert other.stats()["loading"] == 1
    client.send("CANCEL", id="x")
    values = client.reply()[1]
    assert (values["id"], values["code"], values["what"]) == ("x", "not-found", "request")
    slow()
    assert client.answer()["id"] == "y"
    assert other.error("STAT", name="a") == "not-found"
    assert client.ask("STAT", name="c")["pins"] == "0"
    stats = other.stats()
    assert (stats["loading"], stats["user-loads"]) == (0, 0)
    eventually(lambda: held(daemon, tmp_path) == 0)


@pytest.mark.options("--decoders", "1", "--user-loads", "1")
def test_cancel_of_a_load_that_waits_for_the_limit(slow, client, files):
    for name, fd in zip("abc", files, strict=True):
        client.send("LOAD", fds=[fd], source="fd", name=name, id=name)
    client.send("CANCEL", id="b")
    told = replies(client, 2)
    assert told[0][1]["code"] == "cancelled" and told[1] == ("OK", {"id": "b"})
    slow()
    assert [check_reply(client.answer()).name for _ in range(2)] == ["a", "c"]


@pytest.mark.options("--decoders", "1")
def test_a_cancelled_load_of_another_client_goes_on(slow, client, connect, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    other = connect()
    client.send("LOAD", path=path, id="x")
    eventually(lambda: connect().stats()["loading"] == 1)
    other.send("LOAD", path=path, id="x")
    client.send("CANCEL", id="x")
    assert [values.get("code") for _, values in replies(client, 2)] == ["cancelled", None]
    slow()
    assert other.answer()["name"] == path


def test_many_that_wait(client, tmp_path):
    """More than wait outside the inbox: each is answered once, and those without an id in order."""
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(8)]
    sent = []
    for number in range(400):
        path = paths[number % 8]
        verb = ("LOAD", "FETCH", "NOOP")[number % 3]
        keys = {} if verb == "NOOP" else {"name": path}
        if verb == "LOAD":
            keys = {"path": path}
        if number % 5 == 0:
            keys["id"] = str(number)
        keys["x-number"] = number
        sent.append((verb, keys))
    client.raw(b"".join(line(verb, **keys) + b"\n" for verb, keys in sent))
    told = [values for _, values in replies(client, 400)]
    ids = [values["id"] for values in told if "id" in values]
    assert sorted(ids, key=int) == [keys["id"] for _, keys in sent if "id" in keys]
    ordered = [(v, k) for v, k in sent if "id" not in k]
    for (verb, keys), values in zip(
        ordered, [values for values in told if "id" not in values], strict=True
    ):
        assert verb == "NOOP" or values.get("code") or values["name"] in keys.values()


# ---- Quiet, fields, HELLO ----


def test_quiet_answers_only_errors(daemon, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path, pin="no")
    before = daemon.settled_files(client)
    client.raw(
        line("LOAD", path=path, quiet="ok", fd="yes")
        + b"\n"
        + line("FETCH", name=path, quiet="ok", fd="yes")
        + b"\nLIST quiet=ok\nSTATS quiet=ok id=s\nFETCH quiet=ok id=f name=none\nNOOP\n"
    )
    verb, values = client.reply()
    assert (verb, values["id"], values["code"]) == ("ERR", "f", "not-found")
    assert client.reply() == ("OK", {})
    assert not client.fds
    assert client.ask("STAT", name=path)["pins"] == "1"
    assert daemon.settled_files(client) == before


FIELDS = {
    b"FROB a=b": ("unsupported", "verb", "FROB"),
    b"FETCH name=a colour=red": ("unsupported", "key", "colour"),
    b"FETCH name=a path=/a": ("unsupported", "key", "path"),
    b"FETCH": ("invalid-argument", "key", "name"),
    b"FETCH name=a owner=x": ("invalid-argument", "key", "owner"),
    b"FETCH name=a id=": ("invalid-argument", "key", "id"),
    b"FETCH name=a quiet=no": ("invalid-argument", "key", "quiet"),
    b"FETCH name=a": ("not-found", "what", "image"),
    b"FETCH name=a width=4": ("not-found", "what", "image"),
    b"RELEASE name=a": ("not-found", "what", "pin"),
    b"LOAD path=/nowhere/a": ("not-found", "what", "file"),
    b"LOAD path=a": ("invalid-argument", "key", "path"),
    b"LOAD path=/a share=x": ("invalid-argument", "key", "share"),
    b"CANCEL id=a": ("not-found", "what", "request"),
}


@pytest.mark.parametrize("text", FIELDS)
def test_errors_have_fields(client, text):
    client.send(text)
    _, values = client.reply()
    code, key, value = FIELDS[text]
    assert (values["code"], values[key]) == (code, value)


@pytest.mark.options("--user-pins", "1")
def test_a_limit_is_told_in_numbers(client, tmp_path):
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
    client.send("LOAD", path=tiny_png(tmp_path / "b.png", 1))
    values = client.reply()[1]
    told = [values[key] for key in ("code", "limit", "used", "max")]
    assert told == ["over-quota", "user-pins", "1", "1"]


@pytest.mark.options("--max-pixels", "10")
def test_a_picture_that_is_too_large_is_told_in_numbers(client, tmp_path):
    client.send("LOAD", id="a", path=write_png(tmp_path / "a.png", noise(4, 5)))
    values = client.reply()[1]
    told = [values[key] for key in ("id", "code", "limit", "used", "max")]
    assert told == ["a", "too-large", "max-pixels", "20", "10"]


def test_private_keys_are_ignored(client):
    assert "images" in client.ask("STATS", x_colour="red")
    assert client.error("STATS", y_colour="red") == "unsupported"


def test_hello(client):
    hello = client.ask(b"HELLO protocol=3,2,1 colour=red")
    assert (hello["protocol"], hello["protocols"]) == ("1", "1")
    assert {"id", "quiet", "noop", "cancel"} <= set(hello["features"].split(","))
    client.ask("HELLO", protocol="1,2", fd="yes")
    with open(client.fds.popleft(), "rb") as board:
        assert os.fstat(board.fileno()).st_ino == os.stat("/dev/shm" + hello["board"]).st_ino
        with pytest.raises(OSError):
            os.write(board.fileno(), b"x")
