"""The booted machine: commands as one of its users, units, and what is in shared memory."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import time

from client import Client

BUILD = os.path.abspath(os.environ["SHMIMG_BUILD"])
SOCKET = "/run/shmimgd/socket"
DROP_INS = "/run/systemd/system"
TIMEOUT = 30
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command, user=None, check=True, timeout=TIMEOUT, **environment):
    """Runs a command; its output is text, both streams apart."""
    prefix = ["runuser", "-u", user, "--"] if user else []
    own = {"HOME": f"/home/{user}", "USER": user} if user else {}
    done = subprocess.run(
        [*prefix, *command],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, **own, **environment},
        cwd="/",
        check=False,
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


def make(goal):
    """In the build; Python may be another one here than the one that was configured."""
    packages = f"pythondir={sysconfig.get_path('purelib')}"
    with open(f"/tmp/make-{goal}.log", "ab") as log:
        command = ["make", "-C", BUILD, goal, packages]
        subprocess.run(command, stdout=log, stderr=log, check=True)


def install():
    """The build, as README tells."""
    make("install")
    run("ldconfig")
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create", "shmimgd.conf")
    systemctl("daemon-reload")


def systemctl(*words, **options):
    return run("systemctl", *words, **options).stdout


def show(unit, name, *words, **options):
    """One property of a unit."""
    return systemctl(*words, "show", "--value", "-p", name, unit, **options).strip()


def records(*command, **options):
    """What shmimgctl says with --json."""
    done = run("shmimgctl", "--json", *command, **options)
    return [json.loads(line) for line in done.stdout.splitlines()]


def wait_for(what, timeout=10):
    """Waits until systemd, which has no event for it, says what is true. Returns that."""
    until = time.monotonic() + timeout
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, "it does not become true in time"
        time.sleep(0.02)


def shared_things():
    """Segments and boards, and the semaphore sets."""
    segments = [name for name in os.listdir("/dev/shm") if name.startswith("shmimg-")]
    lines = run("ipcs", "-s").stdout.splitlines()
    return sorted(segments) + [line for line in lines if line[:2] == "0x"]


def drop_in(unit, text):
    """Adds settings to a unit until the machine ends, or remove_drop_in()."""
    folder = os.path.join(DROP_INS, f"{unit}.d")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "test.conf"), "w", encoding="utf-8") as file:
        file.write(text)
    systemctl("daemon-reload")


def remove_drop_in(unit):
    os.unlink(os.path.join(DROP_INS, f"{unit}.d", "test.conf"))
    systemctl("daemon-reload")


def main_pid():
    return int(show("shmimgd", "MainPID"))


def connect():
    return Client(SOCKET)


def names():
    """Name, generation and segment of each of alice's images."""
    listed = records("list", user="alice")
    return sorted((each["name"], each["generation"], each["segment"]) for each in listed)


class Holder:
    """holder.py, as alice."""

    def __init__(self, paths):
        program = shutil.copy(os.path.join(HERE, "holder.py"), "/tmp")
        self.process = subprocess.Popen(
            ["runuser", "-u", "alice", "--", sys.executable, program, *paths],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
        )
        first = self.process.stdout.readline()
        assert first == "ready\n", first + self.process.stdout.read()

    def finish(self):
        """How many times it went round, with nothing wrong."""
        said, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, said
        return int(said)
