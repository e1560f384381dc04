"""Decoders that keep access to their segment, or send more than is due, at a running daemon.

The decoder of these tests breaks the rule that the first word of its file names. It is not
confined, so only what the daemon itself checks stands in its way.
"""

import os

import pytest
from segment import shm_path
from server import BUILD

DECODER = os.path.join(BUILD, "tests/unit/fake-decoder")

if not os.access(DECODER, os.X_OK):
    pytest.fail(f"{DECODER} is not built: make check TESTS=", pytrace=False)

OPTIONS = ("--decoder", DECODER, "--decoders", "2", "--max-pixels-per-byte", "1000000")
KEPT = "the decoder kept access to its segment and was killed"


@pytest.fixture
def order(tmp_path):
    """Makes a file that says what its decoder is to do."""
    numbers = iter(range(1 << 30))

    def make(word):
        path = tmp_path / f"{next(numbers)}"
        path.write_text(word)
        return str(path)

    return make


def content(reply):
    with open(shm_path(reply["segment"]), "rb") as file:
        return file.read()


@pytest.mark.options(*OPTIONS)
@pytest.mark.parametrize(
    "word", ["early-flood", "late-flood-no-spare", "late-huge", "grow-reserve"]
)
def test_who_sends_or_takes_too_much_is_killed(client, connect, order, word):
    """Each costs its own load, while others are served."""
    other = connect()
    kept = other.ask("LOAD", path=order("good"), name="kept")
    for number in range(5):
        client.send("LOAD", path=order(word), name="evil")
        other.send("LOAD", path=order("good"), name=f"other {number}")
        other.send("FETCH", name="kept")
        assert client.reply()[1].get("code") == "decoder-failed"
        assert other.answer()["cached"] == "no"
        assert other.answer()["segment"] == kept["segment"]
    stats = client.stats()
    assert (stats["decoder-restarts"], stats["filling-bytes"], stats["loading"]) == (5, 0, 0)


@pytest.mark.options(*OPTIONS)
@pytest.mark.parametrize("size", ["", "large-"])
@pytest.mark.parametrize(
    "word", ["keep-descriptor", "keep-mapping", "keep-reading", "keep-message", "keep-error"]
)
def test_who_keeps_a_segment_publishes_nothing(daemon, client, connect, order, word, size):
    """A decoder that could write after it said that it was done, by a fresh segment and a spare."""
    other = connect()
    kept = other.ask("LOAD", path=order(size + "good"), name="kept")
    before = content(kept)
    for number in range(3):
        if size:
            client.ask("LOAD", path=order("large-good"), name="first", pin="no")
            client.ask("DROP", name="first")
        segments = daemon.segments()
        client.send("LOAD", path=order(size + word), name="evil")
        other.send("LOAD", path=order("good"), name=f"other {number}")
        verb, reply = client.reply()
        assert (verb, reply.get("code")) == ("ERR", "decoder-failed")
        assert KEPT in reply["message"]
        assert other.answer()["cached"] == "no"
        assert len(daemon.segments()) == len(segments) + 1
        assert client.error("FETCH", name="evil") == "not-found"
        assert client.stats()["filling-bytes"] == 0
    assert client.stats()["decoder-restarts"] == 3
    assert content(kept) == before
    assert client.ask("LOAD", path=order(size + "good"), name="evil")["cached"] == "no"
