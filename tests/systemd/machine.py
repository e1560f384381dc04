"""The booted machine: commands as one of its users, units, and what is in shared memory."""

import json
import os
import subprocess
import time

from client import Client

BUILD = os.path.abspath(os.environ["SHMIMG_BUILD"])
SOCKET = "/run/shmimgd/socket"
DROP_INS = "/run/systemd/system"
TIMEOUT = 30


def run(*command, user=None, check=True, **environment):
    """Runs a command; its output is text, both streams apart."""
    prefix = ["runuser", "-u", user, "--"] if user else []
    own = {"HOME": f"/home/{user}", "USER": user} if user else {}
    done = subprocess.run(
        [*prefix, *command],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        env={**os.environ, **own, **environment},
        cwd="/",
        check=False,
    )
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


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
