"""Each allocation and each system call of a daemon that starts, takes over, cleans up or reads
its configuration again fails in turn.

It either gets ready, with all that there was, or ends with a message; then the next one has
all that there was.
"""

import itertools
import os
import re
import signal
import subprocess

import numpy
import pytest
from client import Refused, eventually
from faults import CALLS_MAX, CLASSES, CODES, Faults
from pictures import noise, write_png
from segment import check_reply
from server import SHMIMGD, Daemon

KEPT = ("name", "segment", "generation", "semaphore", "slot", "share", "keep", "format")
PIXELS = noise(20, 30)


class Candidate(Daemon):
    """A daemon that is armed when it starts, and no more when it is ready."""

    def __init__(self, faults, folder):
        super().__init__("--decoders", "1", folder=folder, environment=faults.environment)
        self.faults = faults
        self.failed = ""

    def _learn(self):
        self.failed = self.faults.disarm()
        super()._learn()

    def attempt(self, classes, number, count):
        """Starts with a fault; returns whether it got ready. If not it must have said why."""
        before = len(self.log())
        self.faults.arm(classes, number, count)
        try:
            self.start()
        except AssertionError as ended:
            self.failed = self.faults.disarm()
            said = self.log()[before:]
            assert self.was_ended and self.process.returncode == 1, f"{self.failed}: {ended}"
            assert said.startswith("shmimgd: ") and "Sanitizer" not in said, (self.failed, said)
            return False
        with self.connect() as client:
            assert client.ask("STATS"), self.failed
        return True

    def log(self):
        try:
            return super().log()
        except FileNotFoundError:
            return ""


@pytest.fixture
def faults(folder):
    return Faults(folder)


@pytest.fixture
def candidate(faults, folder):
    """Makes daemons of one socket, each to start after the one before has ended."""
    made = []

    def make():
        made.append(Candidate(faults, folder))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.process:
            daemon.close()


def facts(client):
    return [{key: item[key] for key in KEPT} for item in client.items()]


def fill(daemon, folder):
    """Images of each kind: sets of semaphores, lists of permissions, renditions."""
    with daemon.connect() as client:
        path = write_png(folder / "a.png", PIXELS)
        for share in ("private", "group", "all"):
            client.ask("LOAD", path=path, name=share, share=share, keep="pinned")
        client.ask("LOAD", path=path, name="group", format="GRAY8")
        client.ask("LOAD", path=path, name="n" * 4000)
        return facts(client)


def check_all(daemon, before, what):
    with daemon.connect() as client:
        assert facts(client) == before, what
        reply = client.ask("FETCH", name="private")
        assert numpy.array_equal(check_reply(reply).pixels[:, :, :3], PIXELS)
        assert client.stats()["renditions"] == len(before) + 1


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("kind", CLASSES)
def test_a_start(candidate, faults, record_property, kind, count):
    for number in itertools.count(1):
        assert number < CALLS_MAX
        daemon = candidate()
        if daemon.attempt(CLASSES[kind], number, count):
            daemon.stop()
            if not daemon.failed:
                break
    record_property("faults", faults.injected)


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("kind", CLASSES)
def test_taking_over(candidate, faults, record_property, tmp_path, kind, count):
    daemon = candidate().start()
    before = fill(daemon, tmp_path)
    daemon.kill()
    for number in itertools.count(1):
        assert number < CALLS_MAX
        daemon = candidate()
        failed = ""
        if not daemon.attempt(CLASSES[kind], number, count):
            failed = daemon.failed
            daemon = candidate().start()
        what = f"call {number} ({failed or daemon.failed})"
        check_all(daemon, before, what)
        if not failed and not daemon.failed:
            break
        daemon.kill()
    daemon.stop()
    record_property("faults", faults.injected)


@pytest.mark.parametrize("kind", CLASSES)
def test_cleanup(candidate, faults, record_property, tmp_path, kind):
    for number in itertools.count(1):
        assert number < CALLS_MAX
        daemon = candidate().start()
        fill(daemon, tmp_path)
        daemon.kill()
        command = [SHMIMGD, "--socket", daemon.path, "--cleanup"]
        faults.arm(CLASSES[kind], number)
        done = subprocess.run(
            command, env=faults.environment, capture_output=True, text=True, check=False
        )
        failed = faults.disarm()
        assert done.returncode == 0 or done.stderr.startswith("shmimgd: "), failed
        if done.returncode != 0:
            assert failed and done.returncode == 1, (failed, done)
            subprocess.run(command, check=True)
        assert daemon.left_over() == [], failed
        if not failed:
            break
    record_property("faults", faults.injected)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_clean_stop(candidate, faults, record_property, tmp_path, kind):
    """Giving back what there is needs nothing."""
    for number in itertools.count(1):
        assert number < CALLS_MAX
        daemon = candidate().start()
        fill(daemon, tmp_path)
        with daemon.connect() as client:
            client.ask("FETCH", name="private")
            faults.arm(CLASSES[kind], number)
            daemon.stop()
        if not faults.disarm():
            break
    record_property("faults", faults.injected)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_first_load(candidate, faults, record_property, tmp_path, kind):
    """What a daemon does but once: tables that grow, the first decoder, the first set."""
    path = write_png(tmp_path / "a.png", PIXELS)
    for number in itertools.count(1):
        assert number < CALLS_MAX
        daemon = candidate().start()
        with daemon.connect() as client, daemon.connect() as control:
            faults.arm(CLASSES[kind], number)
            try:
                client.ask("LOAD", path=path, name="a")
            except Refused as refusal:
                assert refusal.code in CODES and refusal.message
            except AssertionError:
                pass
            failed = faults.disarm()
            assert control.ask("STATS"), failed
        daemon.stop()
        if not failed:
            break
    record_property("faults", faults.injected)


@pytest.mark.parametrize("kind", CLASSES)
def test_reading_the_configuration_again(
    start_daemon, faults, record_property, folder, kind
):
    """Either the new options are in force or the old ones, and the log says which."""
    path = os.path.join(folder, "c")
    with open(path, "w", encoding="ascii") as file:
        file.write("max-pixels = 1000\n")
    daemon = start_daemon("--config", path, folder=folder, environment=faults.environment)
    said, allowed = len(daemon.log()), 1000
    for number in itertools.count(1):
        assert number < CALLS_MAX
        with open(path, "w", encoding="ascii") as file:
            file.write(f"max-pixels = {1000 + number}\n")
        faults.arm(CLASSES[kind], number)
        os.kill(daemon.pid, signal.SIGHUP)
        done = re.compile("all options stay as they were|the configuration was read again")
        eventually(lambda: done.search(daemon.log()[said:]))
        failed = faults.disarm()
        if "stay as they were" in daemon.log()[said:]:
            assert failed, daemon.log()[said:]
        else:
            allowed = 1000 + number
        with daemon.connect() as client:
            assert client.hello["max-pixels"] == str(allowed), failed
        said = len(daemon.log())
        if not failed:
            break
    assert number > 3 or kind == "interrupt"
    record_property("faults", faults.injected)
