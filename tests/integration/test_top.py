"""shmimgctl top on a pseudo-terminal: what is on the screen, and what is left of it."""

import json
import os
import signal
import subprocess

import pyte
import pytest
from client import TIMEOUT
from pictures import noise, tiny_png, write_png
from server import BUILD
from terminal import Terminal

SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Screen:
    """What a terminal of columns x rows shows of what a program has written."""

    def __init__(self, terminal, columns=80, rows=24):
        self.terminal = terminal
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.fed = 0

    def lines(self):
        self.stream.feed(self.terminal.written[self.fed :])
        self.fed = len(self.terminal.written)
        return [line.rstrip() for line in self.screen.display]

    def names(self):
        """The first words of the table's rows."""
        lines = self.lines()
        begin = next((i for i, line in enumerate(lines) if line.startswith("NAME")), len(lines))
        return [line.split()[0] for line in lines[begin + 1 :] if line]

    def await_text(self, text):
        self.terminal.read_until(lambda: any(text in line for line in self.lines()))

    def await_names(self, names):
        self.terminal.read_until(lambda: self.names() == names)


@pytest.fixture
def top(daemon):
    """Starts top in a terminal; all that is started ends with the test."""
    started = []

    def start(*words, size=(80, 24), **settings):
        words = [SHMIMGCTL, "--socket", daemon.path, "top", *words]
        started.append(Terminal(*words, size=size, **settings))
        return started[-1], Screen(started[-1], *size)

    yield start
    for terminal in started:
        terminal.__exit__()


def ended(terminal):
    """The exit code; the terminal must be as it was."""
    code, said = terminal.finish()
    assert said == "" and terminal.is_restored()
    assert terminal.written.count(ENTER) == terminal.written.count(LEAVE)
    assert terminal.written.endswith(b"\x1b[?25h" + LEAVE)
    return code


def test_it_shows_images_and_counters(top, client, tmp_path):
    client.ask("LOAD", path=write_png(tmp_path / "a.png", noise(300, 200)), name="wide")
    client.ask("LOAD", path=str(tmp_path / "a.png"), name="wide")
    terminal, screen = top()
    screen.await_names(["wide"])
    lines = screen.lines()
    assert lines[0].startswith("images 1, 248.0 KiB of ") and ", 248.0 KiB pinned;" in lines[0]
    assert lines[0].endswith("connections 3; decoders 1")
    assert lines[1] == "loads 2  hits 1  decodes 1  fetches 0  evictions 0  errors 0  loading 0"
    assert lines[2].startswith("q: quit")
    assert lines[4].split() == ["NAME", "SIZE", "FORMAT", "BYTES", "PINS"]
    assert lines[5].split() == ["wide", "200x300", "RGBA8", "248.0", "KiB", "1"]
    terminal.type("q")
    assert ended(terminal) == 0


def test_it_follows_events(top, client, tmp_path):
    terminal, screen = top("--interval", "3600")
    screen.await_text("images 0")
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="first")
    screen.await_names(["first"])
    screen.await_text("loaded first")
    client.ask("DROP", name="first")
    screen.await_text("dropped first")
    screen.await_names([])
    terminal.type("q")
    assert ended(terminal) == 0


def test_it_reads_again_by_itself(top, client, tmp_path):
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="first")
    _, screen = top("--interval", "0.05")
    screen.await_text("fetches 0")
    for _ in range(20):
        client.ask("FETCH", name="first")
    screen.await_text("fetches 20 (")
    screen.await_text("fetches 20  ")


def test_the_order(top, client, connect, tmp_path):
    sizes = {"a": 5, "b": 90, "c": 50}
    for name, size in sizes.items():
        path = write_png(tmp_path / name, noise(size, size))
        client.ask("LOAD", path=path, name=name)
    connect().ask("FETCH", name="c")
    terminal, screen = top("--interval", "3600")
    screen.await_names(["b", "c", "a"])
    for key, names in {"n": "abc", "p": "cab", "a": "cba", "b": "bca"}.items():
        terminal.type(key)
        screen.await_names(list(names))


def test_only_what_matches(top, client, tmp_path):
    for name in ("one", "two"):
        client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name=name)
    _, screen = top("t*")
    screen.await_names(["two"])


def test_it_follows_the_size_of_the_window(top, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    for number in range(30):
        client.ask("LOAD", path=path, name=f"{'x' * 60}-{number:02}")
    terminal, screen = top("--interval", "3600", size=(120, 24))
    screen.await_text("and 12 more")
    assert len(screen.names()) == 19
    terminal.resize(60, 12)
    smaller = Screen(terminal, 60, 12)
    smaller.fed = len(terminal.written)
    smaller.await_text("and 24 more")
    assert all(line.startswith("…x") for line in smaller.lines()[5:11])
    terminal.resize(20, 2)
    least = Screen(terminal, 20, 2)
    least.fed = len(terminal.written)
    least.await_text("loads 30")
    assert least.lines()[0].startswith("images 30")
    terminal.resize(120, 50)
    largest = Screen(terminal, 120, 50)
    largest.fed = len(terminal.written)
    terminal.read_until(lambda: len(largest.names()) == 30)


def test_wide_names_are_cut(top, client, tmp_path):
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="good")
    client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="日本語" * 40)
    terminal, screen = top()
    screen.await_text("good")
    assert all(len(line) <= 80 for line in screen.lines()) and not screen.lines()[7]
    assert terminal.written.count(b"\xe6\x97\xa5") < 40


def test_interrupted(top):
    terminal, screen = top()
    screen.await_text("images 0")
    terminal.type("\x03")
    assert ended(terminal) == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_ended_by_a_signal(top, signum):
    terminal, screen = top()
    screen.await_text("images 0")
    terminal.process.send_signal(signum)
    assert ended(terminal) == -signum


def test_stopped_and_continued(top):
    terminal, screen = top()
    screen.await_text("images 0")
    terminal.type("\x1a")
    terminal.read_until(lambda: LEAVE in terminal.written)
    status = f"/proc/{terminal.process.pid}/stat"

    def state():
        with open(status, encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0]

    terminal.read_until(lambda: state() == "T")
    assert terminal.is_restored()
    terminal.process.send_signal(signal.SIGCONT)
    terminal.read_until(lambda: terminal.written.count(ENTER) == 2)
    terminal.type("q")
    assert ended(terminal) == 0


def test_it_outlives_the_daemon(daemon, start_daemon, folder, tmp_path):
    first = start_daemon(folder=folder)
    words = [SHMIMGCTL, "--socket", first.path, "top", "--interval", "0.1"]
    with Terminal(*words) as terminal:
        screen = Screen(terminal)
        screen.await_text("images 0")
        first.stop()
        screen.await_text("no daemon at")
        second = start_daemon(folder=folder)
        with second.connect() as client:
            client.ask("LOAD", path=tiny_png(tmp_path / "a.png"), name="later")
            screen.await_names(["later"])
        terminal.type("q")
        assert ended(terminal) == 0


def test_quitting_while_there_is_no_daemon(start_daemon):
    first = start_daemon()
    with Terminal(SHMIMGCTL, "--socket", first.path, "top", "--interval", "0.1") as terminal:
        Screen(terminal).await_text("images 0")
        first.stop()
        Screen(terminal).await_text("no daemon at")
        terminal.type("q")
        assert ended(terminal) == 0


def test_json(daemon):
    words = [SHMIMGCTL, "-s", daemon.path, "top", "--json", "--interval", "0.01"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            assert json.loads(process.stdout.readline())["connections"] == 1
        process.terminate()
        assert process.wait(TIMEOUT) == -signal.SIGTERM


def test_wrong_usage(daemon):
    for words in ([], ["--interval", "0"], ["--interval", "soon"], ["--json", "a", "b"]):
        done = subprocess.run(
            [SHMIMGCTL, "-s", daemon.path, "top", *words],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "") and done.stderr, words
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SHMIMGCTL, "-s", daemon.path, "top", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 1 and b"standard output" in done.stderr
