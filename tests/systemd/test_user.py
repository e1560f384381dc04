"""The same for one user, in the user's own service manager."""

import os
import pwd

import pytest
from machine import records, run, shared_things, show, systemctl, wait_for


@pytest.fixture
def session(idle, pictures):
    """alice's service manager, with her runtime folder; her socket listens."""
    uid = pwd.getpwnam("alice").pw_uid
    systemctl("stop", "shmimgd.socket")
    systemctl("start", f"user@{uid}.service")
    settings = {"user": "alice", "XDG_RUNTIME_DIR": f"/run/user/{uid}"}
    systemctl("--user", "start", "shmimgd.socket", **settings)
    yield settings
    systemctl("stop", f"user@{uid}.service")
    assert shared_things() == []


def test_activation_and_restart(session, pictures):
    user = ("--user",)
    assert show("shmimgd.service", "ActiveState", *user, **session) == "inactive"
    loaded = records("load", *pictures, **session)
    assert len(loaded) == len(pictures)
    assert show("shmimgd.service", "ActiveState", *user, **session) == "active"
    pid = show("shmimgd.service", "MainPID", *user, **session)
    assert run("ps", "-o", "user=", "-p", pid).stdout.strip() == "alice"
    systemctl(*user, "kill", "-s", "KILL", "shmimgd.service", **session)
    assert len(records("list", **session)) == len(pictures)
    assert show("shmimgd.service", "NRestarts", *user, **session) == "1"
    force = records("load", "--format", "RGB8", pictures[0], **session)
    assert force[0]["format"] == "RGB8"
    assert "seccomp" in records("stats", **session)[0]["sandbox"]


def test_a_stop_leaves_nothing(session, pictures):
    records("load", *pictures, **session)
    systemctl("--user", "stop", "shmimgd.service", **session)
    assert shared_things() == []
    folder = os.path.join(session["XDG_RUNTIME_DIR"], "shmimgd")
    assert os.listdir(folder) == ["socket"]
    systemctl("--user", "stop", "shmimgd.socket", **session)
    assert os.listdir(folder) == []


def test_the_end_of_the_session_leaves_nothing(session, pictures):
    records("load", *pictures, **session)
    assert shared_things()
    systemctl("stop", f"user@{pwd.getpwnam('alice').pw_uid}.service")
    wait_for(lambda: shared_things() == [])
