"""A machine with shmimgd installed, two ordinary users, and a daemon that nobody has used."""

import os

import pytest
from machine import install, run, shared_things, systemctl
from pictures import tiny_png


def pytest_configure():
    """Only in tests/systemd/boot is this machine ours to install on."""
    if not os.path.exists("/run/boot/command"):
        raise pytest.UsageError("run these by tests/systemd/boot")


@pytest.fixture(scope="session", autouse=True)
def installed():
    install()
    for user in ("alice", "bob"):
        run("useradd", "--create-home", user)
    systemctl("start", "shmimgd.socket")


@pytest.fixture
def idle():
    """The socket is there, the service is not; so it is again at the end."""
    systemctl("stop", "shmimgd.service")
    systemctl("reset-failed")
    systemctl("start", "shmimgd.socket")
    assert shared_things() == []
    yield
    systemctl("stop", "shmimgd.service", check=False)
    systemctl("reset-failed")
    assert shared_things() == []


@pytest.fixture
def pictures():
    """Files that alice owns."""
    folder = "/home/alice/pictures"
    os.makedirs(folder, exist_ok=True)
    paths = [tiny_png(os.path.join(folder, f"{number}.png"), number) for number in range(20)]
    run("chown", "-R", "alice:alice", folder)
    return paths
