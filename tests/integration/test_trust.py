"""Clients send nothing to another user's program, wherever it listens, unless they trust it."""

import contextlib
import errno
import json
import os
import subprocess
import sys

import pytest
import shmimg
from client import TIMEOUT
from library import DRIVER, Failed
from pictures import tiny_png
from server import BUILD, SHMIMGD, TOP
from squatter import UID, Squatter
from test_doctor import anybody

SHMIMGCTL = os.path.join(BUILD, "client", "ctl", "shmimgctl")
DAEMON = (4009, 4010)  # a user and a group, as shmimgd has them
NO_DAEMON = 3

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")
clients = pytest.mark.parametrize("kind", ["shmimgctl", "python", "library"])


class Scene:
    """A picture that only root can read, a /run of its own for clients, and squatters."""

    def __init__(self, folder, stack):
        self.folder = folder
        self.run = self.make("run")
        self.picture = tiny_png(os.path.join(folder, "secret.png"))
        os.chmod(self.picture, 0o600)
        self._stack = stack

    def make(self, *parts, owner=0, mode=0o755):
        """Makes a folder below the scene's; returns its path."""
        path = os.path.join(self.folder, *parts)
        os.mkdir(path)
        os.chown(path, owner, owner)
        os.chmod(path, mode)
        return path

    def squat(self, *parts):
        made = Squatter(os.path.join(self.folder, *parts))
        self._stack.callback(made.close)
        return made

    def _command(self, kind):
        if kind == "shmimgctl":
            return [SHMIMGCTL, "load", self.picture], None
        if kind == "python":
            return [sys.executable, "-m", "shmimg", "load", self.picture], None
        return [DRIVER], f"connect - {int(TIMEOUT * 1000)}\nload {self.picture} a\n"

    def command(self, *command, text=None, **environment):
        """Runs a command in a mount namespace whose /run is the scene's."""
        script = 'mount --bind "$0" /run && exec "$@"'
        plain = {
            key: value
            for key, value in os.environ.items()
            if key not in ("SHMIMG_SOCKET", "XDG_RUNTIME_DIR", "SHMIMG_TRUST_UID")
        }
        python = {"PYTHONPATH": os.path.join(TOP, "client", "python")}
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", script, self.run, *command],
            env={**plain, **python, **environment},
            input=text,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

    def load(self, kind, **environment):
        """Has a client load the picture; returns its exit status, and what it says."""
        command, text = self._command(kind)
        done = self.command(*command, text=text, **environment)
        if kind != "library":
            return done.returncode, done.stdout + done.stderr
        results = [int(line.split()[0]) for line in done.stdout.splitlines()]
        if results[0] < 0:
            return NO_DAEMON, done.stdout
        return 0 if results[1] >= 0 else 1, done.stdout


@pytest.fixture
def scene(folder):
    with contextlib.ExitStack() as stack:
        yield Scene(folder, stack)


def has_heard_nothing(squatter, connections=True):
    """Whether clients have connected, or have not, and in any case sent nothing."""
    squatter.close()
    heard = (squatter.connections > 0, squatter.heard, squatter.descriptors)
    return heard == (connections, b"", 0)


def ignored(scene, kind, squatter, runtime, *words):
    """Has a client load, which must ignore the runtime folder and name it."""
    status, text = scene.load(kind, XDG_RUNTIME_DIR=runtime)
    assert status == NO_DAEMON
    assert has_heard_nothing(squatter, connections=False)
    if kind != "library":
        assert all(word in text for word in (runtime, "ignored", *words)), text
    assert os.listdir(scene.run) == []


# ---- Runtime folders ----


@clients
def test_another_users_runtime_folder(scene, kind):
    runtime = scene.make("runtime", owner=UID)
    scene.make("runtime", "shmimgd", owner=UID)
    squatter = scene.squat("runtime", "shmimgd", "socket")
    ignored(scene, kind, squatter, runtime, f"uid {UID}")


@clients
def test_another_users_folder_in_ones_own(scene, kind):
    runtime = scene.make("runtime", mode=0o700)
    scene.make("runtime", "shmimgd", owner=UID)
    squatter = scene.squat("runtime", "shmimgd", "socket")
    ignored(scene, kind, squatter, runtime, f"uid {UID}", "shmimgd")


@clients
def test_a_link_in_the_runtime_folder(scene, kind):
    runtime = scene.make("runtime", mode=0o700)
    target = scene.make("target", mode=0o700)
    squatter = scene.squat("target", "socket")
    os.symlink(target, os.path.join(runtime, "shmimgd"))
    ignored(scene, kind, squatter, runtime, "symbolic link")


@clients
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_link_to_a_runtime_folder(scene, kind, slash):
    scene.make("real", mode=0o700)
    scene.make("real", "shmimgd", mode=0o700)
    squatter = scene.squat("real", "shmimgd", "socket")
    os.symlink("real", os.path.join(scene.folder, "runtime"))
    runtime = os.path.join(scene.folder, "runtime")
    ignored(scene, kind, squatter, runtime + slash, "symbolic link")


@clients
@pytest.mark.parametrize("which", ["runtime", "shmimgd"])
def test_a_runtime_folder_that_others_can_write(scene, kind, which):
    runtime = scene.make("runtime", mode=0o770 if which == "runtime" else 0o700)
    scene.make("runtime", "shmimgd", mode=0o1777 if which == "shmimgd" else 0o700)
    squatter = scene.squat("runtime", "shmimgd", "socket")
    ignored(scene, kind, squatter, runtime, "can be written by other users")


@clients
def test_a_squatter_in_ones_own_runtime_folder(scene, kind):
    """However it got there."""
    runtime = scene.make("runtime", mode=0o700)
    scene.make("runtime", "shmimgd", mode=0o700)
    squatter = scene.squat("runtime", "shmimgd", "socket")
    status, text = scene.load(kind, XDG_RUNTIME_DIR=runtime)
    assert status == NO_DAEMON
    assert has_heard_nothing(squatter)
    if kind != "library":
        assert f"runs as user {UID}" in text


def test_nothing_is_started_behind_a_link(scene):
    """Neither where a link leads to, nor in another user's folder."""
    runtime = scene.make("runtime", owner=UID)
    target = scene.make("target", mode=0o700)
    os.symlink(target, os.path.join(runtime, "shmimgd"))
    status, text = scene.load("shmimgctl", XDG_RUNTIME_DIR=runtime)
    assert status == NO_DAEMON and "ignored" in text and "started" not in text
    status, text = scene.load("shmimgctl", SHMIMG_SOCKET=f"{runtime}/shmimgd/socket")
    assert status == NO_DAEMON and f"belongs to another user (uid {UID})" in text
    os.chown(runtime, 0, 0)
    status, text = scene.load("shmimgctl", SHMIMG_SOCKET=f"{runtime}/shmimgd/socket")
    assert status == NO_DAEMON and "is a symbolic link" in text
    assert os.listdir(target) == os.listdir(scene.run) == []


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_started_in_another_users_folder(scene, there):
    place = scene.make("place", owner=UID)
    path = os.path.join(place, "socket") if there else os.path.join(place, "new", "socket")
    status, text = scene.load("shmimgctl", SHMIMG_SOCKET=path)
    assert status == NO_DAEMON and f"{place} belongs to another user (uid {UID})" in text
    assert os.listdir(place) == []


# ---- Sockets ----


def stranger(scene, kind, squatter, path, **environment):
    """Has a client load from a named socket, which must send nothing there."""
    status, text = scene.load(kind, SHMIMG_SOCKET=path, **environment)
    assert status == NO_DAEMON
    assert has_heard_nothing(squatter)
    if kind != "library":
        assert f"{path} runs as user {UID}" in text, text


@clients
def test_a_socket_in_a_folder_of_everybodys(scene, kind):
    """As in /tmp: directly, and in a folder that the squatter has made there."""
    place = scene.make("tmp", mode=0o1777)
    scene.make("tmp", "shmimgd", owner=UID)
    stranger(scene, kind, scene.squat("tmp", "socket"), f"{place}/socket")
    inner = scene.squat("tmp", "shmimgd", "socket")
    stranger(scene, kind, inner, f"{place}/shmimgd/socket")


@clients
def test_a_socket_in_another_users_home(scene, kind):
    home = scene.make("home", owner=UID)
    scene.make("home", "shmimgd", owner=UID)
    squatter = scene.squat("home", "shmimgd", "socket")
    path = f"{home}/shmimgd/socket"
    stranger(scene, kind, squatter, path, SHMIMG_TRUST_UID=str(UID + 1))


@clients
def test_a_socket_behind_a_link(scene, kind):
    scene.make("given", owner=UID)
    squatter = scene.squat("given", "socket")
    os.symlink("given", os.path.join(scene.folder, "link"))
    stranger(scene, kind, squatter, f"{scene.folder}/link/socket")


@clients
@pytest.mark.parametrize("why", ["named", "given"])
def test_a_user_who_is_trusted(scene, kind, why):
    """Gets the request and the file: what the other tests look for would be found."""
    home = scene.make("home", owner=UID)
    if why == "given":
        path, environment = f"{home}/socket", {}
        squatter = scene.squat("home", "socket")
    else:
        scene.make("home", "shmimgd", owner=UID)
        path, environment = f"{home}/shmimgd/socket", {"SHMIMG_TRUST_UID": str(UID)}
        squatter = scene.squat("home", "shmimgd", "socket")
    assert scene.load(kind, SHMIMG_SOCKET=path, **environment)[0] == 1
    squatter.close()
    assert b"LOAD source=fd" in squatter.heard and squatter.descriptors > 0


@clients
@pytest.mark.parametrize("runtime", [None, "ignored"])
def test_the_systems_daemon(scene, kind, runtime, start_daemon):
    """Its user is not root, and its folder is that user's."""
    place = scene.make("run", "shmimgd")
    start_daemon("--socket-mode", "0666", folder=place, user=DAEMON)
    environment = {}
    if runtime:
        environment["XDG_RUNTIME_DIR"] = scene.make("runtime", owner=UID)
    status, text = scene.load(kind, **environment)
    assert status == 0, text


def test_the_systems_daemon_where_root_is_not_seen(scene, start_daemon):
    """In a user namespace without root, all other users have the same number, as in a sandbox."""
    place = scene.make("run", "shmimgd")
    start_daemon("--socket-mode", "0666", folder=place, user=DAEMON)
    prefix, program = anybody(scene.folder)
    prefix += ["unshare", "--user", "--map-current-user"]
    if scene.command(*prefix, "true").returncode != 0:
        pytest.skip("this machine lets nobody but root make user namespaces")
    done = scene.command(*prefix, program, "list")
    assert done.returncode == 0, done.stderr
    home = scene.make("home", owner=UID)
    scene.make("home", "shmimgd", owner=UID)
    squatter = scene.squat("home", "shmimgd", "socket")
    done = scene.command(*prefix, program, "--socket", f"{home}/shmimgd/socket", "list")
    assert done.returncode == NO_DAEMON and has_heard_nothing(squatter)


# ---- The doctor ----


def doctor(scene, *prefix, **environment):
    """Exit status and findings of shmimgctl doctor, by their checks."""
    done = scene.command(*prefix, SHMIMGCTL, "--json", "doctor", **environment)
    found = [json.loads(text) for text in done.stdout.splitlines()]
    return done.returncode, {each["check"]: each for each in found}


def test_the_doctor_names_the_folder(scene):
    runtime = scene.make("runtime", owner=UID, mode=0o700)
    squatter = Squatter(os.path.join(scene.make("runtime", "shmimgd", owner=UID), "socket"))
    with contextlib.closing(squatter):
        code, found = doctor(scene, XDG_RUNTIME_DIR=runtime)
    assert code == NO_DAEMON and has_heard_nothing(squatter, connections=False)
    assert f"{runtime} belongs to another user (uid {UID})" in found["folder"]["message"]
    assert found["folder"]["mend"] == "unset XDG_RUNTIME_DIR"
    assert found["socket"]["message"].startswith("/run/shmimgd/socket: no daemon runs")


def test_the_doctor_names_another_user(scene):
    place = scene.make("tmp", mode=0o1777)
    squatter = scene.squat("tmp", "socket")
    code, found = doctor(scene, SHMIMG_SOCKET=f"{place}/socket")
    assert code == NO_DAEMON and has_heard_nothing(squatter)
    assert f"runs as user {UID}" in found["socket"]["message"]


def test_the_doctor_opens_nobody_elses_folder(scene, start_daemon):
    """A folder that keeps one out as it should, because it is another user's."""
    home = scene.make("home", owner=UID, mode=0o700)
    inner = scene.make("home", "shmimgd", owner=UID)
    start_daemon("--socket-mode", "0666", folder=inner, user=(UID, UID))
    prefix, program = anybody(scene.folder)
    done = scene.command(*prefix, program, "--socket", f"{inner}/socket", "doctor")
    assert done.returncode == NO_DAEMON
    assert f"{home} has the mode 0700 and belongs to user {UID}" in done.stdout
    assert "chmod" not in done.stdout


# ---- The daemon ----


def test_the_daemon_ignores_another_users_runtime_folder(scene):
    runtime = scene.make("runtime", owner=UID)
    done = scene.command(SHMIMGD, "--print-config", XDG_RUNTIME_DIR=runtime)
    assert f"{runtime} belongs to another user (uid {UID}) and is ignored" in done.stderr
    assert "/run/shmimgd/socket" in done.stdout and runtime not in done.stdout
    assert os.listdir(runtime) == []


# ---- A connection that is made again ----


@pytest.fixture
def exchange(daemon):
    """Puts a squatter into the place of the daemon, which was killed."""
    with contextlib.ExitStack() as stack:

        def squat():
            daemon.kill()
            os.unlink(daemon.path)
            return stack.enter_context(contextlib.closing(Squatter(daemon.path)))

        yield squat


def test_the_library_connects_again_to_another_user(daemon, library, exchange):
    process = library(daemon.path)
    process.ask("stats")
    squatter = exchange()
    with pytest.raises(Failed, match=f"runs as user {UID}") as told:
        process.ask("stats")
    assert told.value.errno == errno.EPERM
    assert has_heard_nothing(squatter)


def test_python_connects_again_to_another_user(daemon, exchange):
    with shmimg.connect(daemon.path, 60) as client:
        client.stats()
        squatter = exchange()
        with pytest.raises(shmimg.NoDaemon, match=f"runs as user {UID}") as told:
            client.stats()
    assert told.value.errno == errno.EPERM
    assert has_heard_nothing(squatter)
