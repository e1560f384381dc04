"""The socket: framing, encoding, order, limits, and clients that do not behave."""

import os
import select
import signal
import socket

import pytest
from client import LINE_MAX, eventually, line
from pictures import tiny_png
from server import memory, suspend

FORMATS = {"RGBA8", "BGRA8-premul", "RGB8", "GRAY8", "RGBA16", "GRAY16"}


def test_hello_tells_the_daemon_and_its_limits(connect):
    hello = connect(hello=False).ask("HELLO", protocol=1)
    assert list(hello) == ["protocol", "version", "uid", "formats", "max-pixels", "board"] + [
        "protocols",
        "features",
    ]
    assert hello["protocol"] == "1"
    assert hello["uid"] == str(os.getuid())
    assert set(hello["formats"].split(",")) - {"native"} == FORMATS
    assert int(hello["max-pixels"]) >= 8000 * 6000


def test_hello_without_a_protocol_is_answered(connect):
    assert connect(hello=False).ask("HELLO")["protocol"] == "1"


@pytest.mark.parametrize("protocol", ["0", "2", "", "1.0", "x", "2,3", "11"])
def test_hello_of_another_protocol_is_refused(connect, protocol):
    client = connect(hello=False)
    assert client.error("HELLO", protocol=protocol) == "unsupported"
    assert client.ask("HELLO", protocol=1)["protocol"] == "1"


MALFORMED = {
    "empty": b"",
    "lower case verb": b"fetch name=a",
    "digit in the verb": b"FETCH2 name=a",
    "key without value": b"FETCH name",
    "empty key": b"FETCH =a",
    "capital key": b"FETCH Name=a",
    "key twice": b"FETCH name=a name=b",
    "two spaces": b"FETCH  name=a",
    "space at the end": b"FETCH name=a ",
    "space at the start": b" FETCH name=a",
    "tab": b"FETCH\tname=a",
    "carriage return": b"FETCH name=a\r",
    "percent at the end": b"FETCH name=a%",
    "half an escape": b"FETCH name=a%4",
    "no hexadecimal escape": b"FETCH name=a%4g",
    "encoded NUL": b"FETCH name=a%00b",
    "raw NUL": b"FETCH name=a\0b",
    "raw control byte": b"FETCH name=a\x01",
    "raw DEL": b"FETCH name=a\x7f",
    "raw UTF-8": "FETCH name=\u00e4".encode(),
    "raw byte in the verb": b"\xff\xfe",
    "encoded key": b"FETCH n%61me=a",
    "65 fields": b"FETCH " + b" ".join(b"k%d=" % number for number in range(65)),
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_line_is_refused_and_the_connection_goes_on(client, text):
    assert client.error(text) == "protocol"
    assert "connections" in client.ask("STATS")


@pytest.mark.parametrize("verb", ["FETCH", "RELEASE", "DROP", "STAT", "LOAD", "LOAD name=a"])
def test_a_missing_key_is_named(client, verb):
    assert client.error(verb.encode()) == "invalid-argument"


def test_escapes_of_both_cases_and_of_plain_bytes(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.ask("LOAD", path=path, name="z\u00e4 %")
    for name in (b"z%c3%a4%20%25", b"%7a%C3%A4%20%25", b"z%C3%a4%20%25"):
        assert client.ask(b"FETCH name=" + name)["name"] == "z\u00e4 %"


def exactly(size):
    """A FETCH line of size bytes with its newline, of the longest name there may be."""
    start = b"FETCH name="
    return start + b"%41" * 4094 + b"A" * (size - len(start) - 3 * 4094 - 1)


def test_a_line_of_the_greatest_length_is_read(client):
    text = exactly(LINE_MAX)
    assert len(text) + 1 == LINE_MAX
    assert client.error(text) == "invalid-argument"
    assert client.ask("STATS")


@pytest.mark.parametrize("size", [LINE_MAX + 1, LINE_MAX * 2, 1 << 20])
def test_a_longer_line_ends_the_connection(daemon, client, size):
    try:
        client.raw(exactly(LINE_MAX) + b"A" * (size - LINE_MAX) + b"\n")
    except (BrokenPipeError, ConnectionResetError):
        assert size > LINE_MAX + 1
    verb, reply = client.reply()
    assert (verb, reply["code"]) == ("ERR", "protocol")
    assert client.at_end()
    with daemon.connect() as other:
        assert other.ask("STATS")


def test_a_long_line_is_refused_before_its_end(client):
    client.raw(b"A" * LINE_MAX)
    assert client.reply()[1]["code"] == "protocol"
    assert client.at_end()


def test_pipelined_requests_are_answered_in_order(client, tmp_path):
    names = [f"image {number}" for number in range(10)]
    for number, name in enumerate(names):
        client.ask("LOAD", path=tiny_png(tmp_path / f"{number}.png", number), name=name)
    client.raw(b"".join(line("FETCH", name=names[i % 10]) + b"\n" for i in range(1000)))
    assert [client.answer()["name"] for _ in range(1000)] == names * 100


def test_a_fast_request_waits_for_a_slow_one_before_it(client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    client.raw(line("LOAD", path=path) + b"\n" + line("FETCH", name="none") + b"\nSTATS\n")
    assert client.answer()["name"] == path
    assert client.reply()[1]["code"] == "not-found"
    assert "images" in client.answer()


@pytest.mark.options("--decoders", "1")
def test_pipelined_loads_wait_for_each_other(daemon, client, connect, tmp_path):
    """Few of them are under way at once, and each gets its answer, in order."""
    other = connect()
    other.ask("LOAD", path=tiny_png(tmp_path / "first.png"))
    (decoder,) = daemon.decoders()
    suspend(decoder)
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(200)]
    client.raw(b"".join(line("LOAD", path=path) + b"\n" for path in paths))
    eventually(lambda: other.stats()["loading"] == 32)
    assert other.ask("STATS")["loading"] == "32"
    os.kill(decoder, signal.SIGCONT)
    assert [client.answer()["name"] for _ in paths] == paths


def test_bytes_one_at_a_time(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for byte in line("FETCH", name="no such \u00e4") + b"\nSTATS\n":
        client.raw(bytes([byte]))
    assert client.reply()[1]["code"] == "not-found"
    assert "images" in client.answer()


def test_half_close_still_gets_its_answers(client, tmp_path):
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(5)]
    client.raw(b"".join(line("LOAD", path=path) + b"\n" for path in paths) + b"STATS\n")
    client.socket.shutdown(socket.SHUT_WR)
    assert [client.answer()["name"] for _ in paths] == paths
    assert "images" in client.answer()
    assert client.at_end()


@pytest.mark.parametrize("last", [b"FETCH na", b"STATS", b"LOAD path=/"])
def test_death_within_a_line(daemon, last):
    with daemon.connect() as client:
        client.raw(last)
    with daemon.connect() as client:
        client.raw(last)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.at_end()
    with daemon.connect() as other:
        eventually(lambda: other.stats()["connections"] == 1)


def test_64_clients_at_once(connect):
    clients = [connect() for _ in range(64)]
    for round_number in range(20):
        for number, client in enumerate(clients):
            client.send("FETCH", name=f"{number}.{round_number}")
        assert {client.reply()[1]["code"] for client in clients} == {"not-found"}
    assert clients[0].stats()["connections"] == 64


def flood(client, request, limit):
    """Sends requests without reading until the daemon takes no more; returns how many."""
    client.socket.setblocking(False)
    sent = 0
    while sent < limit:
        if not select.select([], [client.socket], [], 2)[1]:
            break
        sent += client.socket.send(request * (65536 // len(request)))
    client.socket.settimeout(60)
    return sent


def test_a_client_that_never_reads_is_held_back(daemon, client, connect):
    before = memory(daemon.pid)
    request = b"STATS\n"
    limit = 256 << 20
    sent = flood(client, request, limit)
    assert sent < limit, "the daemon reads on without end"
    assert memory(daemon.pid) - before < 16 << 20
    assert "images" in connect().ask("STATS")
    for _ in range(sent // len(request)):
        assert client.reply()[0] == "OK"
    client.raw(request[sent % len(request) :])
    assert client.reply()[0] == "OK"


def test_a_client_that_never_reads_may_die(daemon, client):
    flood(client, b"STATS\n", 256 << 20)
    client.close()
    with daemon.connect() as other:
        eventually(lambda: other.stats()["connections"] == 1)
