"""The daemon's log on a terminal and elsewhere."""

import os
import pty
import subprocess

import pytest
from client import TIMEOUT, Client
from pictures import tiny_png
from server import SHMIMGD


def read_to_end(terminal):
    """What was written to a pseudo-terminal until its other side was closed."""
    said = b""
    while True:
        try:
            said += os.read(terminal, 4096)
        except OSError:  # EIO: nobody has the other side open
            return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("environment, colours", [({}, True), ({"NO_COLOR": "1"}, False)])
def test_on_a_terminal(folder, environment, colours):
    near, far = pty.openpty()
    clean = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    with subprocess.Popen(
        [SHMIMGD, "--socket", os.path.join(folder, "socket"), "--decoder", "/nowhere"],
        env={**clean, **environment},
        stderr=far,
    ) as process:
        os.close(far)
        said = read_to_end(near)
        assert process.wait(TIMEOUT) == 1
    os.close(near)
    begin, end = ("\033[1;31m", "\033[0m") if colours else ("", "")
    message = "the decoder /nowhere cannot be used: No such file or directory"
    assert said == f"shmimgd: {begin}{message}{end}\n"


def test_elsewhere(daemon, client, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    client.ask("LOAD", path=path)
    client.error("LOAD", path="/dev/null")
    client.error("LOAD", path=SHMIMGD)
    client.ask("DROP", name=path)
    lines = daemon.log().splitlines()
    assert all(text.startswith("shmimgd: ") for text in lines)
    assert f"shmimgd: loaded {path}: 3x2 RGBA8, 8192 bytes" in lines
    assert any(text.startswith(f"shmimgd: cannot load {SHMIMGD}: not-an-image: ") for text in lines)
    assert f"shmimgd: {path} was dropped" in lines


@pytest.mark.options("--memory-max", "24K")
def test_evicted(daemon, client, folder):
    paths = [tiny_png(os.path.join(folder, f"{number}.png"), number) for number in range(4)]
    for path in paths:
        client.ask("LOAD", path=path, pin="no")
    assert f"shmimgd: {paths[0]} was evicted: room was needed" in daemon.log().splitlines()


@pytest.mark.options("--log-level", "notice")
def test_the_level_leaves_out_what_is_less_urgent(daemon, client, folder):
    client.ask("LOAD", path=tiny_png(os.path.join(folder, "a.png")))
    assert "listening at" in daemon.log()
    assert "loaded" not in daemon.log()


def test_who_is_turned_away(start_daemon):
    daemon = start_daemon("--user-connections", "1")
    clients = []
    try:
        while True:  # whoever runs the daemon may have sixteen times as many
            clients.append(Client(daemon.path))
    except Exception as refused:
        assert "over-quota" in str(refused)
    finally:
        for each in clients:
            each.close()
    assert "a connection is refused: user " in daemon.log()
