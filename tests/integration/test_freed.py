"""What becomes of the memory of images that have gone: what is counted as freed, is free."""

import mmap
import os

import pytest
from client import eventually
from pictures import smooth, write_png
from segment import shm_path
from server import Daemon
from test_small_shm import free_space, with_small_shm

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small /dev/shm")

SIDES = (32, 300, 700)


def settled(client):
    """STATS, once nothing is on its way to be freed any more."""
    eventually(lambda: client.stats()["freeing-bytes"] == 0)
    return client.stats()


def load(client, folder):
    sizes = {}
    for side in SIDES:
        path = write_png(os.path.join(folder, f"{side}.png"), smooth(side, side))
        sizes[str(side)] = int(client.ask("LOAD", path=path, name=str(side), pin="no")["size"])
    return sizes


def drop_and_evict(folder):
    daemon = Daemon("--memory-max", "4M", "--spare-max", "0").start()
    with daemon.connect() as client:
        sizes = load(client, folder)
        before = free_space()
        client.ask("DROP", name="300")
        assert settled(client)["freed-bytes"] == sizes["300"]
        assert free_space() - before == sizes["300"]
        # One more of the largest kind does not fit beside it.
        path = write_png(os.path.join(folder, "b.png"), smooth(800, 800))
        new = int(client.ask("LOAD", path=path, name="new", pin="no")["size"])
        stats = settled(client)
        assert stats["evictions"] == 2
        assert stats["freed-bytes"] == sum(sizes.values())
        assert free_space() - before == sum(sizes.values()) - new
        assert stats["unlinked-bytes"] == stats["unlinked-segments"] == 0
    daemon.close()
    return True


def test_what_is_counted_as_freed_is_free(tmp_path):
    assert with_small_shm(drop_and_evict, str(tmp_path))


def keep_mapped(folder):
    daemon = Daemon("--spare-max", "0").start()
    with daemon.connect() as client, daemon.connect() as other:
        sizes = load(client, folder)
        size = sizes["700"]
        before = free_space()
        segment = shm_path(client.ask("FETCH", name="700")["segment"])
        with open(segment, "rb") as file:
            mapping = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        client.ask("RELEASE", name="700")
        client.ask("DROP", name="700")
        stats = settled(client)
        assert stats["unlinked-bytes"] == size and stats["unlinked-segments"] == 1
        assert stats["freed-bytes"] == 0
        assert free_space() == before
        other.send("STAT", name="700")
        verb, reply = other.reply()
        assert (verb, reply["code"]) == ("ERR", "not-found")
        assert f"{size} bytes of one that had" in reply["message"]
        other.send("FETCH", name="700")
        assert "bytes" not in other.reply()[1]["message"]
        load(client, folder)  # files that were written anew: the others go, too
        assert client.ask("STAT", name="700")["unlinked-bytes"] == str(size)
        assert client.ask("STAT", name="300")["unlinked-bytes"] == "0"
        eventually(lambda: free_space() == before - size)
        mapping.close()
        eventually(lambda: client.stats()["unlinked-bytes"] == 0)
        stats = client.stats()
        assert (stats["unlinked-segments"], stats["freed-bytes"]) == (0, sum(sizes.values()))
        assert client.ask("STAT", name="700")["unlinked-bytes"] == "0"
        eventually(lambda: free_space() == before)
    daemon.close()
    return True


def test_what_is_mapped_still_is_shown(tmp_path):
    assert with_small_shm(keep_mapped, str(tmp_path))
