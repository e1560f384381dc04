"""The daemon's log on a terminal and elsewhere."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import threading

import pytest
from client import TIMEOUT, Client, eventually
from pictures import tiny_png
from server import BUILD, SHMIMGD

FLOOD = 300
LIMIT = 200


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
    reason = "No such file or directory. Pass --decoder PROGRAM."
    message = f"the decoder /nowhere cannot be run: {reason}"
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
            client = Client(daemon.path, hello=False)
            clients.append(client)
            with contextlib.suppress(BrokenPipeError):  # it may be turned away before it asks
                client.send("HELLO", protocol=1)
            verb, values = client.reply()
            if verb == "ERR":
                break
        assert values["code"] == "over-quota"
    finally:
        for each in clients:
            each.close()
    assert "a connection is refused: user " in daemon.log()


def test_a_client_cannot_flood_it_with_faults_of_the_daemons(start_daemon, folder):
    """A decoder that has been removed is told of, but not without end."""
    program = shutil.copy(os.path.join(BUILD, "daemon", "decoder", "shmimg-decoder"), folder)
    daemon = start_daemon("--decoder", program)
    os.unlink(program)
    path = tiny_png(os.path.join(folder, "a.png"))
    with daemon.connect() as client:
        for number in range(FLOOD):
            client.send("LOAD", path=path, name=str(number))
        codes = {client.reply()[1]["code"] for _ in range(FLOOD)}
    assert codes == {"decoder-failed"}
    lines = daemon.log().splitlines()
    assert sum("cannot start" in text for text in lines) == LIMIT
    assert sum("are not logged for 10 seconds" in text for text in lines) == 2  # of LOADs, too


def test_nobody_reads_it(folder):
    """The daemon goes on, and says what was lost to whoever reads again."""
    path = tiny_png(os.path.join(folder, "a.png"))
    socket = os.path.join(folder, "socket")
    command = [SHMIMGD, "--socket", socket, "--log-level", "info"]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert b"listening at" in process.stderr.readline()
        with Client(socket) as client:

            def is_lost():
                """Whether messages of a LOAD and a DROP are lost."""
                before = client.stats()["log-lost"]
                client.load_fd(path, name="n" * 900)
                client.ask("DROP", name="n" * 900)
                return client.stats()["log-lost"] > before

            eventually(is_lost)
            heard = []
            reader = threading.Thread(target=lambda: heard.append(process.stderr.read()))
            reader.start()
            eventually(lambda: not is_lost())
            lost = client.stats()["log-lost"]
        process.terminate()
        reader.join()
        assert process.wait(TIMEOUT) == 0
    told = re.findall(rb"shmimgd: (\d+) messages were lost", heard[0])
    assert sum(map(int, told)) == lost
