"""Following files by shmimgctl and the Python package."""

import json
import os
import subprocess
import sys

import pytest
from client import eventually
from following import put, watched
from pictures import noise, tiny_png
from server import BUILD, TOP

SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")


def ctl(daemon, *arguments):
    return subprocess.run(
        [SHMIMGCTL, "--no-autostart", "--socket", daemon.path, *arguments],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )


@pytest.fixture
def picture(folder):
    """A picture by way of a link to its folder, and where it really is."""
    os.mkdir(os.path.join(folder, "there"))
    os.symlink("there", os.path.join(folder, "link"))
    real = tiny_png(os.path.join(folder, "there", "a.png"))
    return os.path.join(folder, "link", "a.png"), os.path.realpath(real)


def test_ctl(daemon, client, picture):
    path, real = picture
    done = ctl(daemon, "load", "--watch", path)
    assert (done.returncode, done.stderr) == (0, "")
    put(real, noise(5, 6))
    eventually(lambda: client.ask("STAT", name=real)["width"] == "6")
    assert json.loads(ctl(daemon, "--json", "stat", path).stdout)["watch"] == "yes"
    assert ctl(daemon, "load", "--no-watch", path).returncode == 0
    assert client.ask("STAT", name=real)["watch"] == "no" and watched(daemon) == 0


def test_ctl_refuses(daemon, picture):
    both = ctl(daemon, "load", "--watch", "--no-watch", picture[0])
    assert both.returncode == 2 and "are opposites" in both.stderr
    standard = ctl(daemon, "load", "--watch", "-n", "a", "-")
    assert standard.returncode == 2 and "needs a file" in standard.stderr
    missing = ctl(daemon, "load", "--watch", picture[0] + ".none")
    assert missing.returncode == 1 and "no such file" in missing.stderr


PROGRAM = """
import sys, shmimg
path = sys.argv[1]
image = shmimg.load(path, watch=True)
print(shmimg.stat(image.name)["watch"])
print(shmimg.load(path).cached, shmimg.stat(image.name)["watch"])
print(shmimg.load(path, watch=False).cached, shmimg.stat(image.name)["watch"])
try:
    shmimg.load(open(path, "rb"), watch=True)
except shmimg.InvalidArgument as error:
    print(error)
"""


def run_python(daemon, *arguments):
    package = os.path.join(TOP, "client", "python")
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "SHMIMG_SOCKET": daemon.path, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )


def test_python(daemon, picture):
    done = run_python(daemon, "-W", "ignore", "-c", PROGRAM, picture[0])
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[:3] == ["True", "True True", "True False"]
    assert "follow an open file; give its path" in lines[3]


def test_python_commands(daemon, client, picture):
    path, real = picture
    for option, watch in (("--watch", "yes"), ("--no-watch", "no")):
        done = run_python(daemon, "-m", "shmimg", "load", option, path)
        assert (done.returncode, done.stderr) == (0, "")
        assert client.ask("STAT", name=real)["watch"] == watch
