"""The machine's service: started by its socket, killed, hung, given up, restarted, stopped."""

import mmap
import os
import socket
import subprocess
import time

import pytest
from machine import (
    SOCKET,
    Holder,
    connect,
    drop_in,
    main_pid,
    names,
    records,
    remove_drop_in,
    run,
    shared_things,
    show,
    systemctl,
    wait_for,
)
from pictures import big_png

@pytest.fixture
def holder(idle, pictures):
    holder = Holder(pictures)
    yield holder
    holder.process.kill()
    holder.process.communicate()


def test_an_ordinary_users_load_starts_the_service(idle, pictures):
    assert show("shmimgd.service", "ActiveState") == "inactive"
    loaded = records("load", pictures[0], user="alice")
    assert loaded[0]["width"] == 3 and loaded[0]["cached"] == "no"
    assert show("shmimgd.service", "ActiveState") == "active"
    assert run("ps", "-o", "user=", "-p", str(main_pid())).stdout.strip() == "shmimgd"
    assert records("fetch", pictures[0], user="alice")[0]["name"] == pictures[0]


def test_the_hardening_leaves_the_sandbox_in_force(idle, pictures):
    """What confines a decoder is the same as without the unit's settings."""
    path = "/home/alice/socket"
    command = ["runuser", "-u", "alice", "--", "shmimgd", "--socket", path]
    with subprocess.Popen(command, cwd="/") as own:
        try:
            wait_for(lambda: os.path.exists(path))
            run("shmimgctl", "--socket", path, "load", pictures[0], user="alice")
            outside = records("--socket", path, "stats", user="alice")[0]["sandbox"]
        finally:
            own.terminate()
    run("shmimgctl", "load", pictures[0], user="alice")
    assert records("stats", user="alice")[0]["sandbox"] == outside
    assert {"seccomp", "no-new-privs", "rlimits"} <= set(outside.split(","))


def test_files_that_all_may_read_are_opened_by_path(idle, pictures):
    """In /home and /tmp too, which the unit leaves open for this."""
    os.chmod("/home/alice", 0o755)
    with connect() as client:
        assert client.ask("LOAD", path=pictures[0])["width"] == "3"


def test_other_users_see_what_is_shared_alone(idle, pictures):
    run("shmimgctl", "load", "--share", "all", pictures[0], user="alice")
    run("shmimgctl", "load", pictures[1], user="alice")
    fetched = records("fetch", "--exact", pictures[0], user="bob")[0]
    private = records("fetch", pictures[1], user="alice")[0]
    for image, code in ((fetched, 0), (private, 1)):
        path = "/dev/shm" + image["segment"]
        assert run("test", "-r", path, user="bob", check=False).returncode == code
    refused = run("shmimgctl", "fetch", "--exact", pictures[1], user="bob", check=False)
    assert refused.returncode == 1 and "not-found" in refused.stderr


def test_killed_under_load(holder, pictures):
    before = names()
    pid = main_pid()
    assert len(before) == len(pictures)
    for _ in range(3):
        began = time.monotonic()
        systemctl("kill", "-s", "KILL", "shmimgd.service")
        with connect() as client:
            assert client.ask("STATS")["images"] == str(len(pictures))
        took = time.monotonic() - began
        assert took < 1, f"back after {took:.3f} s"
        print(f"back after {took * 1000:.0f} ms")
        assert main_pid() != pid
        assert names() == before
        pid = main_pid()
    assert int(show("shmimgd.service", "NRestarts")) == 3
    assert holder.finish() > 0


def test_killed_while_it_decodes(idle, pictures):
    """Nothing half made is taken over, and the load is done by the next daemon."""
    path = big_png("/home/alice/pictures/big.png", 3000, 4000)
    run("shmimgctl", "load", *pictures, user="alice")
    before = names()
    with connect() as client:
        client.send("LOAD", path=path)
        wait_for(lambda: records("stats")[0]["loading"] == 1)
        systemctl("kill", "-s", "KILL", "shmimgd.service")
    wait_for(lambda: names() == before)
    assert len([name for name in shared_things() if name.startswith("shmimg-")]) == 1 + len(before)
    assert records("load", path, user="alice")[0]["width"] == 4000


def test_a_restart_refuses_nobody(idle, pictures):
    """Images go, but not from who has them mapped."""
    loaded = records("load", *pictures, user="alice")
    inode = os.stat(SOCKET).st_ino
    with open("/dev/shm" + loaded[0]["segment"], "rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    before = bytes(mapped)
    restart = subprocess.Popen(["systemctl", "restart", "shmimgd.service"])
    while restart.poll() is None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(SOCKET)
    assert restart.returncode == 0
    assert os.stat(SOCKET).st_ino == inode
    assert bytes(mapped) == before
    assert names() == []
    assert show("shmimgd.service", "NRestarts") == "0"


def test_a_stop_leaves_nothing(idle, pictures):
    run("shmimgctl", "load", *pictures, user="alice")
    with connect():
        assert len(shared_things()) > len(pictures)
        systemctl("stop", "shmimgd.service")
    assert shared_things() == []
    assert os.listdir(os.path.dirname(SOCKET)) == ["socket"]
    assert show("shmimgd.service", "Result") == "success"
    systemctl("stop", "shmimgd.socket")
    assert os.listdir(os.path.dirname(SOCKET)) == []


def test_given_up_it_is_cleaned_up(idle, pictures):
    """A daemon that cannot start leaves its images to none."""
    run("shmimgctl", "load", *pictures, user="alice")
    assert len(shared_things()) > len(pictures)
    drop_in("shmimgd.service", "[Service]\nExecStart=\nExecStart=/bin/false\n")
    try:
        systemctl("kill", "-s", "KILL", "shmimgd.service")
        wait_for(lambda: show("shmimgd.service", "ActiveState") == "failed")
        wait_for(lambda: shared_things() == [])
        assert show("shmimgd-cleanup.service", "Result") == "success"
    finally:
        remove_drop_in("shmimgd.service")
