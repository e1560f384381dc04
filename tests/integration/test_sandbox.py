"""What confines the decoders of a running daemon, seen from outside."""

import os
import signal

import pytest
from PIL import Image
from pictures import tiny_png
from segment import Segment
from server import BUILD, ended, suspend


def config(name):
    with open(os.path.join(BUILD, "config.h"), encoding="ascii") as file:
        return f"#define {name} 1\n" in file.read()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


@pytest.fixture
def decoder(daemon, client, tmp_path):
    """The pid of a decoder that has served."""
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
    (pid,) = daemon.decoders()
    return pid


def test_privileges(decoder):
    status = status_of(decoder)
    assert status["NoNewPrivs"] == "1"
    for thread in os.listdir(f"/proc/{decoder}/task"):
        confined = status_of(f"{decoder}/task/{thread}")
        assert confined["NoNewPrivs"] == "1"
        assert confined["Seccomp"] == ("2" if config("HAVE_SECCOMP") else "0")
    assert [int(status["Cap" + part], 16) for part in ("Inh", "Prm", "Eff", "Amb")] == [0] * 4
    if os.getuid() == 0:
        assert int(status["CapBnd"], 16) == 0
        assert status["Groups"] == ""


@pytest.mark.skipif(os.getuid() != 0, reason="only root may look into a decoder")
def test_descriptors(decoder):
    assert sorted(os.listdir(f"/proc/{decoder}/fd")) == ["2", "3"]
    assert os.readlink(f"/proc/{decoder}/fd/3").startswith("socket:")


def test_session(daemon, decoder):
    assert os.getsid(decoder) == decoder != os.getsid(daemon.pid)


def test_a_decoder_goes_first_when_memory_runs_out(decoder):
    with open(f"/proc/{decoder}/oom_score_adj", encoding="ascii") as file:
        assert int(file.read()) == 1000


def test_stats_tell(daemon, client, tmp_path):
    assert client.ask("STATS")["sandbox"] == "unknown"
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
    told = client.ask("STATS")["sandbox"].split(",")
    assert ("seccomp" in told) == config("HAVE_SECCOMP")
    assert {"no-new-privs", "rlimits"} <= set(told) <= {
        "seccomp",
        "landlock",
        "no-new-privs",
        "rlimits",
    }


def test_a_stopped_decoder_does_not_outlive_its_daemon(daemon, decoder):
    """It can only be ended by the signal that it asked for before it was confined."""
    suspend(decoder)
    pidfd = os.pidfd_open(decoder)
    daemon.kill()
    assert ended(pidfd, 10)
    os.close(pidfd)


def test_a_large_picture_has_room(client, tmp_path):
    """144 million pixels, all of them white."""
    path = tmp_path / "large.png"
    Image.new("1", (12000, 12000), 1).save(path)
    reply = client.ask("LOAD", path=str(path), format="native")
    pixels = Segment(reply["segment"]).pixels
    assert pixels.shape[:2] == (12000, 12000)
    assert pixels[0, 0] == pixels[11999, 11999] == pixels.min() == 255
