"""The configuration: what is in effect, and reading it again while the daemon runs."""

import os
import signal
import subprocess
import threading

import pytest
from client import Refused, eventually
from pictures import tiny_png
from server import SHMIMGD, TOP

COMPLETION = os.path.join(TOP, "daemon", "completion", "shmimgd")


def run(*options, **environment):
    return subprocess.run(
        [SHMIMGD, *options],
        env={**os.environ, "XDG_CONFIG_HOME": "/dev/null", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def values(text):
    """What a configuration file says; the comments, which are the origins, by key."""
    lines = text.splitlines()
    assert lines.pop(0) == "[shmimgd]"
    pairs = [line.partition(" = ")[::2] for line in lines[1::2]]
    origins = [line.removeprefix("# ") for line in lines[::2]]
    return dict(pairs), dict(zip([key for key, _ in pairs], origins))


def in_effect(*options, **environment):
    done = run("--print-config", *options, **environment)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return values(done.stdout)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return str(path)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can mount another limit")
def test_no_user_takes_all_that_the_kernel_allows(tmp_path):
    """Where others may connect: of the folders that may be watched, and of descriptors."""
    limit = write(tmp_path / "limit", "8192\n")
    script = (
        'mount --bind "$1" /proc/sys/fs/inotify/max_user_watches && shift &&'
        ' exec prlimit --nofile=2048 "$@"'
    )
    keys = ("user-follows", "user-loads")
    for mode, options, expected in (
        ("0600", (), ("8192", "1024")),
        ("0666", (), ("4096", "256")),
        ("0666", ("--user-follows=5000", "--user-loads=300"), ("5000", "300")),
    ):
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", limit]
            + [SHMIMGD, "--print-config", "--config=/dev/null", f"--socket-mode={mode}", *options],
            env={**os.environ, "SHMIMG_SOCKET": "/own"},
            capture_output=True,
            text=True,
            check=True,
        )
        shown, _ = values(done.stdout)
        assert tuple(shown[key] for key in keys) == expected


def test_every_option_is_shown_and_can_be_read_again(tmp_path):
    path = write(tmp_path / "c", "memory-max = 96M\nuser-bytes = 3K ; little\ndecoders=3\n")
    os.mkdir(tmp_path / "c.d")
    write(tmp_path / "c.d" / "1.conf", "# a comment\ndecoders = 5\n")
    done = run("--config", path, "--print-config", "--user-pins", "7", SHMIMG_SOCKET="/e")
    shown, origins = values(done.stdout)
    help_text = run("--help").stdout
    for key in shown:
        assert f"  --{key} " in help_text
    assert len(shown) >= 13
    assert (shown["memory-max"], origins["memory-max"]) == ("96M", f"{path}:1")
    assert (shown["user-bytes"], origins["user-bytes"]) == ("3K", f"{path}:2")
    assert (shown["decoders"], origins["decoders"]) == ("5", f"{path}.d/1.conf:2")
    assert (shown["user-pins"], origins["user-pins"]) == ("7", "command line")
    assert (shown["socket"], origins["socket"]) == ("/e", "$SHMIMG_SOCKET")
    assert origins["max-pixels"] == "default"
    again = write(tmp_path / "again", done.stdout)
    assert in_effect("--config", again)[0] == shown
    flags = [word for key in shown for word in (f"--{key}", shown[key])]
    assert in_effect(*flags)[0] == shown


def test_what_cannot_be_shown(tmp_path):
    path = write(tmp_path / "c", "decoders = many\n")
    done = run("--config", path, "--print-config")
    assert done.returncode == 2 and not done.stdout
    assert f"{path}:1: decoders: 'many' is not a number from 1 to 256" in done.stderr
    done = run("--config", str(tmp_path / "none"), "--print-config")
    assert done.returncode == 2 and str(tmp_path / "none") in done.stderr
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run(
            [SHMIMGD, "--print-config", "--config=/dev/null"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_user_has_a_file_of_their_own(tmp_path):
    os.makedirs(tmp_path / "shmimgd" / "shmimgd.conf.d")
    path = write(tmp_path / "shmimgd" / "shmimgd.conf.d" / "a.conf", "decoders = 9\n")
    shown, origins = in_effect("--socket=/s", XDG_CONFIG_HOME=str(tmp_path))
    assert (shown["decoders"], origins["decoders"]) == ("9", f"{path}:1")
    # The daemon of the machine does not look there.
    _, origins = in_effect("--socket=/run/shmimgd/socket", XDG_CONFIG_HOME=str(tmp_path))
    assert origins["decoders"] != f"{path}:1"


def test_cleaning_up_needs_no_right_file(start_daemon, folder, tmp_path):
    """Units clean up when the daemon has failed to start, which a file may be the reason of."""
    path = write(os.path.join(folder, "c"), "")
    daemon = start_daemon("--config", path, folder=folder)
    with daemon.connect() as client:
        client.ask("LOAD", path=tiny_png(tmp_path / "a.png"))
        daemon.kill()
    write(path, "nonsense\n")
    assert run("--config", path, "--cleanup").returncode == 2
    assert daemon.segments()
    done = run("--config", path, "--socket", daemon.path, "--cleanup")
    assert done.returncode == 0 and not done.stderr
    assert daemon.left_over() == []


def test_the_completion_knows_every_option():
    script = (
        f'. "{COMPLETION}"; COMP_WORDS=(shmimgd "$1" "$2"); COMP_CWORD=$3\n'
        '_shmimgd shmimgd; printf "%s\\n" "${COMPREPLY[@]}"'
    )

    def complete(*words):
        done = subprocess.run(
            ["bash", "-c", script, "bash", words[0], words[1], str(words[2])],
            env={**os.environ, "PATH": os.path.dirname(SHMIMGD) + ":" + os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split()

    options = complete("--", "", 1)
    assert {f"--{key}" for key in in_effect()[0]} < set(options)
    assert {"--config", "--print-config", "--cleanup", "--help", "--version"} < set(options)
    assert complete("--log-level", "", 2) == ["error", "warning", "notice", "info"]
    assert complete("--log-level", "n", 2) == ["notice"]
    assert complete("--decoders", "", 2) == []
    assert SHMIMGD in complete("--config", SHMIMGD[:-1], 2)


class Reloaded:
    """A daemon with a configuration file, which is told to read it again."""

    def __init__(self, start_daemon, folder, text, **settings):
        self.path = write(os.path.join(folder, "c"), text)
        self.daemon = start_daemon(
            "--config", self.path, folder=folder, keep_notify=True, **settings
        )
        self.daemon.notify.settimeout(60)

    def message(self):
        return dict(
            line.partition("=")[::2] for line in self.daemon.notify.recv(4096).decode().split("\n")
        )

    def reload(self, text=None):
        """Has the file read; returns what the daemon logged meanwhile."""
        if text is not None:
            write(self.path, text)
        before = len(self.daemon.log())
        os.kill(self.daemon.pid, signal.SIGHUP)
        while "RELOADING" not in self.message():
            pass
        while "READY" not in self.message():
            pass
        return self.daemon.log()[before:]


@pytest.fixture
def reloaded(start_daemon, folder):
    return lambda text="", **settings: Reloaded(start_daemon, folder, text, **settings)


def test_less_memory_evicts_what_nobody_has_pinned(reloaded, tmp_path):
    it = reloaded("memory-max = 1M\n")
    with it.daemon.connect() as client:
        size = int(client.ask("LOAD", path=tiny_png(tmp_path / "p.png"), name="pinned")["size"])
        for number in range(5):
            path = tiny_png(tmp_path / f"{number}.png", number)
            client.ask("LOAD", path=path, name=str(number), pin="no")
        assert client.stats()["images"] == 6
        log = it.reload(f"memory-max = {size * 3}\n")
        assert f"memory-max is {size * 3 // 1024}K now, and was 1M ({it.path}:1)" in log
        eventually(lambda: {item["name"] for item in client.items()} == {"pinned", "3", "4"})
        stats = client.stats()
        assert (stats["memory-max"], stats["bytes"], stats["evictions"]) == (size * 3, size * 3, 3)
        it.reload("memory-max = 1\n")
        eventually(lambda: {item["name"] for item in client.items()} == {"pinned"})
        path = tiny_png(tmp_path / "0.png", 0)
        assert client.error("LOAD", path=path, name="more") == "no-space"
        it.reload("memory-max = 1M\n")
        client.ask("LOAD", path=path, name="more")
        # What a file no longer says is the default again.
        it.reload("")
        assert client.stats()["memory-max"] > 1 << 20


def test_limits_of_users_stop_what_is_new(reloaded, tmp_path):
    it = reloaded()
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(4)]
    with it.daemon.connect() as client:
        for path in paths[:3]:
            client.ask("LOAD", path=path)
        it.reload("user-images = 2\nuser-pins = 1\nuser-connections = 1\n")
        assert client.stats()["images"] == 3
        assert client.error("LOAD", path=paths[3]) == "over-quota"
        assert len(client.items()) == 3
        assert client.ask("FETCH", name=paths[0])
        it.reload("user-images = 4\n")
        client.ask("LOAD", path=paths[3])


def test_other_limits(reloaded, tmp_path):
    it = reloaded("decoders = 3\n")
    with it.daemon.connect() as client:
        threads = [it.daemon.connect() for _ in range(3)]
        for number, other in enumerate(threads):
            other.send("LOAD", path=tiny_png(tmp_path / f"{number}.png", number))
        for other in threads:
            other.answer()
            other.close()
        assert it.daemon.decoders()
        it.reload("decoders = 1\nmax-pixels = 1\ndecode-timeout = 5\n")
        eventually(lambda: client.stats()["decoders"] <= 1)
        with it.daemon.connect() as other:
            assert other.hello["max-pixels"] == "1"
        assert client.error("LOAD", path=tiny_png(tmp_path / "x.png", 77)) == "too-large"


def test_the_level_of_the_log(reloaded):
    it = reloaded("log-level = error\n")
    assert it.daemon.log() == ""
    assert it.reload("log-level = error\nuser-pins = 3\n") == ""
    assert "c:1: nonsense" in it.reload("nonsense = 1\n")
    it.reload("log-level = notice\n")
    assert "user-pins is 4 now, and was 65536" in it.reload("user-pins = 4\n")


MISTAKES = {
    "value": ("decoders = 3\nuser-pins = none\n", "{}:2: user-pins: 'none' is not a number"),
    "key": ("decoders = 3\n\nuser-pens = 3\n", "{}:3: user-pens: unknown option"),
    "section": ("[wrong]\ndecoders = 3\n", "{}:1: unknown section"),
    "syntax": ("decoders = 3\nwhat?\n", "{}:2: neither a comment nor an option"),
    "NUL": ("decoders = 3\nuser-pins = 4\0\n", "{}:2: the line contains a control character"),
    "long line": ("decoders = 3\n" + "x" * 60000, "{}:2: the line is too long"),
    "long file": ("decoders = 3\n" + "x" * (1 << 20), "{}: the file is too long"),
}


@pytest.mark.parametrize("text, said", MISTAKES.values(), ids=MISTAKES.keys())
def test_after_a_mistake_everything_stays(reloaded, text, said):
    it = reloaded("decoders = 2\nmemory-max = 5M\nmax-pixels = 99\n")
    with it.daemon.connect() as client:
        before = client.ask("STATS")
        log = it.reload("memory-max = 4M\nmax-pixels = 100\n" + text.replace("{}", it.path))
        lines = said.format(it.path)
        head, colon, rest = lines.partition(":")
        if rest[0].isdigit():
            number, _, rest = rest.partition(":")
            lines = f"{head}:{int(number) + 2}:{rest}"
        assert lines in log and colon
        assert "all options stay as they were" in log
        after = client.ask("STATS")
        assert after["memory-max"] == before["memory-max"] == str(5 << 20)
    with it.daemon.connect() as client:
        assert client.hello["max-pixels"] == "99"
    assert "memory-max is 4M now" in it.reload("memory-max = 4M\n")


def test_files_that_are_none(reloaded):
    it = reloaded("max-pixels = 99\n")

    def refused(said):
        log = it.reload()
        assert f"{it.path}: {said}" in log and "all options stay as they were" in log
        with it.daemon.connect() as client:
            assert client.hello["max-pixels"] == "99"

    os.unlink(it.path)
    refused("no such file")
    os.mkdir(it.path)
    refused("not a regular file")
    os.rmdir(it.path)
    os.mkfifo(it.path)
    refused("not a regular file")
    os.unlink(it.path)
    os.symlink("/dev/zero", it.path)
    refused("not a regular file")
    os.unlink(it.path)
    os.symlink(it.path, it.path)
    refused("cannot be read")
    os.unlink(it.path)
    os.symlink(write(it.path + "2", "max-pixels = 98\n"), it.path)
    assert "max-pixels is 98 now" in it.reload()


def test_what_needs_a_restart(reloaded):
    it = reloaded("socket-mode = 0600\n")
    log = it.reload("socket-mode = 0640\ndecoder = /bin/false\nuser-pins = 6\nsocket = /x\n")
    assert f"socket-mode stays 0600: 0640 needs a restart ({it.path}:1)" in log
    assert "decoder stays /" in log and "/bin/false needs a restart" in log
    assert "user-pins is 6 now" in log
    assert "socket stays" not in log, "the command line goes before the file"
    assert os.stat(it.daemon.path).st_mode & 0o777 == 0o600
    assert "socket-mode stays 0600: 0640 needs a restart" in it.reload()
    assert "restart" not in it.reload("socket-mode = 0600\nuser-pins = 6\n")


def work(daemon, paths, stop, faults):
    """Loads, fetches and drops until it is told to stop."""
    try:
        with daemon.connect() as client:
            while not stop.is_set():
                for path in paths:
                    reply = client.ask("LOAD", path=path)
                    assert client.ask("FETCH", name=path)["segment"] == reply["segment"]
                    client.ask("RELEASE", name=path)
                    client.ask("DROP", name=path)
    except (Refused, AssertionError, OSError) as fault:
        faults.append(fault)


def test_under_load(reloaded, tmp_path):
    it = reloaded()
    stop, faults = threading.Event(), []
    threads = []
    for k in range(4):
        paths = [tiny_png(tmp_path / f"{k}-{number}.png", k * 9 + number) for number in range(5)]
        threads.append(threading.Thread(target=work, args=(it.daemon, paths, stop, faults)))
        threads[-1].start()
    descriptors = None
    for turn in range(60):
        if turn % 3 == 0:
            assert "stay as they were" in it.reload("decoders = 0\n")
        else:
            it.reload(f"decoders = {1 + turn % 4}\nmemory-max = {8 + turn % 5}M\n")
        descriptors = descriptors or len(os.listdir(f"/proc/{it.daemon.pid}/fd"))
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(os.listdir(f"/proc/{it.daemon.pid}/fd")) <= descriptors + 8
    with it.daemon.connect() as client:
        assert client.stats()["images"] == 0


def test_what_a_file_says_at_the_start(start_daemon, folder):
    path = write(os.path.join(folder, "c"), "max-pixels = 12345\n")
    daemon = start_daemon("--config", path, folder=folder)
    assert daemon.hello["max-pixels"] == "12345"
    write(path, "max-pixels = -1\n")
    with pytest.raises(AssertionError, match=r"exit 2\n.*c:1: max-pixels: '-1' is not"):
        start_daemon("--config", path)
