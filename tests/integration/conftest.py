"""Fixtures: daemons on private sockets, clients of them, and a folder for pictures."""

import contextlib
import os
import shutil
import tempfile

import pytest
from following import Followed
from library import Library
from pictures import tiny_png, write_png
from server import SHMIMGD, Daemon, has_sanitizers
from viewer import QUADRANTS, VIEWER, Viewer, flat


# GTK frees little of what it has when a program ends, and leaks are what a sanitizer looks
# for: the viewer is tested as users have it.
collect_ignore_glob = ["test_viewer*.py"] if has_sanitizers() else []


def pytest_sessionstart(session):
    if not os.access(SHMIMGD, os.X_OK):
        raise pytest.UsageError(f"{SHMIMGD} is not built (SHMIMG_BUILD says where to look)")


def pytest_terminal_summary(terminalreporter):
    """How many faults the tests of faults have injected, of which none did harm."""
    reports = terminalreporter.stats.get("passed", [])
    counts = [int(n) for r in reports for key, n in r.user_properties if key == "faults"]
    if counts:
        terminalreporter.write_line(f"{sum(counts)} faults injected, {len(counts)} sweeps passed")


@pytest.fixture
def folder():
    """A folder that everybody may enter, as pytest's own is not; it outlives the daemons."""
    path = tempfile.mkdtemp(prefix="shmimgd-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def start_daemon(folder):
    """Starts any number of daemons with the options given; stops what still runs."""
    daemons = []

    def start(*options, **settings):
        daemon = Daemon(*options, **settings)
        daemons.append(daemon)
        return daemon.start()

    yield start
    with contextlib.ExitStack() as stack:
        for daemon in daemons:
            stack.callback(daemon.close)


@pytest.fixture
def restart(start_daemon, folder):
    """Starts a daemon, and after each end the next one on the same socket."""

    def start(*options):
        return start_daemon(*options, folder=folder)

    return start


@pytest.fixture
def library():
    """Starts any number of processes with the library."""
    started = []

    def start(*arguments):
        started.append(Library(*arguments))
        return started[-1]

    yield start
    for process in started:
        process.close()


@pytest.fixture
def daemon(request, start_daemon):
    """A daemon; @pytest.mark.options(...) gives it options."""
    marker = request.node.get_closest_marker("options")
    return start_daemon(*(marker.args if marker else ()))


@pytest.fixture
def connect(daemon):
    """Makes connections that end with the test."""
    clients = []

    def make(**options):
        clients.append(daemon.connect(**options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def start_viewer(folder):
    assert os.access(VIEWER, os.X_OK), f"{VIEWER} is not built: it needs libgtk-4-dev"
    viewers = []

    def start(*arguments):
        place = os.path.join(folder, f"viewer-{len(viewers)}")
        viewers.append(Viewer(place, *map(str, arguments)))
        return viewers[-1]

    yield start
    with contextlib.ExitStack() as stack:
        for viewer in viewers:
            stack.callback(viewer.close)


@pytest.fixture
def quadrants(tmp_path):
    return write_png(tmp_path / "four.png", flat(QUADRANTS))


@pytest.fixture
def follow(daemon, folder):
    """Follows a first picture at a path, and closes the connections at the end."""
    made = []

    def make(path=None, **values):
        path = path or os.path.join(folder, "a.png")
        if not os.path.exists(path):
            tiny_png(path)
        made.append(Followed(daemon, path, **values))
        return made[-1]

    yield make
    for each in made:
        each.watcher.close()
