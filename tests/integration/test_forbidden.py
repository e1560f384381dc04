"""Decoders that a file has taken over, at a running daemon: each costs its own LOAD one error.

The decoder of these tests is confined as the real one, and does what its file says.
"""

import os
import signal
import struct
import subprocess
import time

import pytest
from client import eventually
from server import BUILD, has_sanitizers, suspend

DECODER = os.path.join(BUILD, "tests/unit/forbidden-decoder")

if not os.access(DECODER, os.X_OK):
    pytest.fail(f"{DECODER} is not built: make check TESTS=", pytrace=False)


def attempts():
    """What there is to try: the word of each, whether in every build, and how it ends."""
    lines = subprocess.run(
        [DECODER, "--list"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.splitlines()
    return [(word, always == "1", int(error)) for always, error, word in map(split, lines)]


def split(text):
    return text.split(" ", 2)


ATTEMPTS = attempts()
WORDS = [word for word, _, _ in ATTEMPTS]
OPTIONS = ("--decoder", DECODER, "--decoders", "2", "--decode-timeout", "1")


@pytest.fixture
def order(tmp_path):
    """Makes a file that says what its decoder is to do."""
    numbers = iter(range(1 << 30))

    def make(word):
        path = tmp_path / f"{next(numbers)}"
        path.write_bytes(struct.pack("=I", WORDS.index(word)) + bytes(60))
        return str(path)

    return make




@pytest.mark.options(*OPTIONS)
def test_what_is_forbidden_costs_one_load(daemon, client, connect, order):
    """Each row dies, the daemon lives, and what others do beside it goes well."""
    if "seccomp" not in sandbox(client, order):
        pytest.skip("the build has no seccomp")
    other = connect()
    kept = other.ask("LOAD", path=order("serve"), name="kept")
    rows = [row for row in ATTEMPTS[: WORDS.index("nothing")] if row[1] or not has_sanitizers()]
    assert len(rows) > 60
    segments = daemon.segments()
    before = client.stats()
    for number, (word, _, error) in enumerate(rows):
        client.send("LOAD", path=order(word))
        other.send("LOAD", path=order("serve"), name=f"other {number}")
        other.send("DROP", name=f"other {number}")
        other.send("FETCH", name="kept")
        verb, reply = client.reply()
        assert (verb, reply.get("code")) == ("ERR", "decoder-failed"), word
        ending = f"exited with status {error}" if error else "signal 31 (SIGSYS)"
        assert ending in reply["message"], word
        assert other.answer()["cached"] == "no"
        other.answer()
        assert other.answer()["segment"] == kept["segment"]
        other.ask("RELEASE", name=f"other {number}")
    after = client.stats()
    assert after["decoder-restarts"] - before["decoder-restarts"] == len(rows)
    assert after["images"] == before["images"] and after["decoders"] <= 2
    assert daemon.segments() == segments


def sandbox(client, order):
    client.ask("LOAD", path=order("serve"), name="first")
    return client.ask("STATS")["sandbox"].split(",")


@pytest.mark.options(*OPTIONS, "--decode-timeout-megapixel", "1")
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("crash", "the decoder was ended by signal"),
        ("spin", "decoding took longer than 1 seconds"),
        ("babble", "the decoder sent an invalid packet and was killed"),
        ("grow", "the decoder was ended by signal 25 (SIGXFSZ)"),
        ("append", "the decoder was ended by signal 25 (SIGXFSZ)"),
    ]
    # A sanitizer's shadow is larger than any limit of memory.
    + [("eat", "the decoder exited with status 12")] * (not has_sanitizers()),
)
def test_what_no_filter_stops(daemon, client, connect, order, word, message):
    """A crash, a hang, nonsense, and memory without end, also that of the segment."""
    other = connect()
    kept = other.ask("LOAD", path=order("serve"), name="kept")
    begin = time.monotonic()
    client.send("LOAD", path=order(word))
    other.send("LOAD", path=order("serve"), name="other")
    assert other.answer()["cached"] == "no"
    assert other.ask("FETCH", name="kept")["segment"] == kept["segment"]
    verb, reply = client.reply()
    assert (verb, reply["code"]) == ("ERR", "decoder-failed")
    assert message in reply["message"]
    assert word != "spin" or time.monotonic() - begin >= 1
    stats = client.stats()
    assert (stats["images"], stats["loading"], stats["decoder-restarts"]) == (2, 0, 1)
    assert len(daemon.segments()) == 3
    assert client.ask("LOAD", path=order("serve"), name="next")["cached"] == "no"


@pytest.mark.options(*OPTIONS, "--decode-timeout", "3", "--decode-timeout-megapixel", "1")
def test_processor_time_is_limited_without_the_daemon(daemon, client, connect, order):
    """While the daemon is stopped, and sees no deadline."""
    other = connect()
    for _ in range(5):  # a machine with much else to do may let the deadline pass before it begins
        client.send("LOAD", path=order("spin"))
        if eventually(lambda: begins_or_ends(other.stats())) == "begins":
            break
        client.reply()
    eventually(lambda: len(daemon.decoders()) == 1)
    (decoder,) = daemon.decoders()
    assert limits(decoder)["Max cpu time"] != "unlimited"
    suspend(daemon.pid)
    try:
        eventually(lambda: state(decoder) == "Z")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    verb, reply = client.reply()
    assert (verb, reply["code"]) == ("ERR", "decoder-failed")


def begins_or_ends(stats):
    """What has become of a LOAD, once that is known: whether its decoder was told to begin."""
    if stats["filling-bytes"] > 0:
        return "begins"
    return stats["loading"] == 0 and stats["errors"] > 0 and "ends"


def limits(pid):
    """Soft limits by their names in proc(5)."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        return {line[:25].strip(): line[25:].split()[0] for line in file}


def state(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rpartition(")")[2].split()[0]
