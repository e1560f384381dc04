"""shmimgctl doctor: it finds each fault, and prints how to fix it."""

import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import threading

import pytest
from client import TIMEOUT, line
from lying_daemon import LyingDaemon
from server import BUILD, suspend

SHMIMGCTL = os.path.join(BUILD, "client", "ctl", "shmimgctl")
ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root has namespaces and other users")
GOOD = {"socket", "board", "segment", "decoder", "semaphore", "memory", "limits", "descriptors"}
STATS = {
    "bytes": 0,
    "pinned-bytes": 0,
    "memory-max": 1 << 20,
    "free-bytes": 1 << 30,
    "connections": 1,
    "sandbox": "seccomp,landlock,no-new-privs,rlimits",
    "descriptors-max": 20000,
    "user-connections": 1,
    "user-connections-max": 256,
}


def doctor(path, *prefix, program=SHMIMGCTL, **settings):
    """Exit status and findings; each of them has its keys."""
    done = subprocess.run(
        [*prefix, program, "--json", "--socket", path, "doctor"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
        **settings,
    )
    assert not done.stderr
    found = [json.loads(text) for text in done.stdout.splitlines()]
    for each in found:
        assert set(each) - {"mend"} == {"check", "state", "message"}
        assert each["state"] == "ok" or each.get("mend") or each["check"] == "socket"
    return done.returncode, {each["check"]: each for each in found}


def faults(findings):
    return {check for check, each in findings.items() if each["state"] == "fault"}


def test_all_is_well(daemon):
    before = daemon.segments()
    code, found = doctor(daemon.path)
    assert code == 0
    assert GOOD <= {check for check, each in found.items() if each["state"] == "ok"}
    assert set(found) - GOOD <= {"sandbox", "hugepages", "size"}
    with daemon.connect() as client:
        assert client.items() == [], "the doctor's picture is left"
    assert len(daemon.segments()) <= len(before)


def test_for_people(daemon):
    done = subprocess.run(
        [SHMIMGCTL, "--socket", daemon.path, "doctor"],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"ok       socket: {daemon.path}: a daemon answers")
    mended = [text for text in lines if text.startswith("           $ ")]
    assert len(mended) == sum(text.startswith("warning ") for text in lines)


def test_no_daemon_and_none_is_started(folder):
    path = os.path.join(folder, "socket")
    code, found = doctor(path)
    assert (code, list(found)) == (3, ["socket"])
    assert "no daemon runs" in found["socket"]["message"]
    assert found["socket"]["mend"] == f"shmimgd --socket {path} &"
    assert os.listdir(folder) == []


def test_which_socket_is_looked_at(folder):
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": folder}
    if not os.path.exists("/run/shmimgd/socket"):
        done = subprocess.run(
            [SHMIMGCTL, "doctor"], stdout=subprocess.PIPE, text=True, check=False, env=environment
        )
        assert done.returncode == 3
        assert f"{folder}/shmimgd/socket" in done.stdout
        assert "systemctl --user enable" in done.stdout
    code, found = doctor("/run/shmimgd/none")
    assert code == 3 and "shmimgd --socket" in found["socket"]["mend"]


def test_a_daemon_that_was_killed(start_daemon):
    daemon = start_daemon()
    daemon.process.kill()
    daemon.process.wait()
    code, found = doctor(daemon.path)
    assert code == 3 and "no daemon listens" in found["socket"]["message"]
    daemon.start()


def test_no_socket_in_its_place(folder):
    path = os.path.join(folder, "socket")
    with open(path, "w", encoding="utf-8"):
        pass
    code, found = doctor(path)
    assert code == 3 and "not a socket" in found["socket"]["message"]
    assert found["socket"]["mend"] == f"rm {path}"
    subprocess.run(found["socket"]["mend"], shell=True, check=True)
    assert "no daemon runs" in doctor(path)[1]["socket"]["message"]


def test_a_path_that_is_too_long():
    code, found = doctor("/" + "s" * 200)
    assert code == 3 and "too long" in found["socket"]["message"]


def anybody(folder):
    """What runs as a user who may not see where the program was built, on a copy of it."""
    place = os.path.join(folder, "anybody")
    os.mkdir(place, 0o755)
    client = os.path.join(BUILD, "client")
    for name in ("ctl/.libs/shmimgctl", "lib/.libs/libshmimg.so.0"):
        shutil.copy(os.path.join(client, name), place)
    environment = f"LD_LIBRARY_PATH={place}"
    return ["env", environment, "setpriv", "--reuid=4321", "--clear-groups"], f"{place}/shmimgctl"


@ROOT
@pytest.mark.parametrize("culprit", ["socket", "folder"])
def test_no_permission(start_daemon, folder, culprit):
    inner = os.path.join(folder, "inner")
    os.mkdir(inner, 0o700 if culprit == "folder" else 0o755)
    mode = "0666" if culprit == "folder" else "0600"
    daemon = start_daemon("--socket-mode", mode, folder=inner)
    prefix, program = anybody(folder)
    code, found = doctor(daemon.path, *prefix, program=program)
    place = inner if culprit == "folder" else daemon.path
    assert code == 3 and f"{place} has the mode" in found["socket"]["message"]
    mend = found["socket"]["mend"]
    subprocess.run(mend.replace("u=rw", "a=rw"), shell=True, check=True)
    assert doctor(daemon.path, *prefix, program=program)[0] == 0


def serve_once(path, answer):
    """Something else that listens there, and says answer to whoever comes."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()

    def run():
        with contextlib.closing(listener), listener.accept()[0] as connection:
            connection.recv(100)
            connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(
    "answer",
    [b"", b"220 smtp\r\n", b"OK\n", b"OK protocol=1\n", b"\0" * 20000, b"ERR\n", b"no end"],
    ids=["nothing", "other", "empty", "no version", "too long", "no message", "cut"],
)
def test_something_else_listens(folder, answer):
    thread = serve_once(os.path.join(folder, "socket"), answer)
    code, found = doctor(os.path.join(folder, "socket"))
    thread.join()
    assert code == 3 and "something other than shmimgd" in found["socket"]["message"]


def test_a_daemon_that_refuses(folder):
    text = line("ERR", code="over-quota", message="user 0 has 16 of 16")
    thread = serve_once(os.path.join(folder, "socket"), text + b"\n")
    code, found = doctor(os.path.join(folder, "socket"))
    thread.join()
    assert code == 3 and "user 0 has 16 of 16" in found["socket"]["message"]


def test_a_daemon_that_hangs(daemon):
    suspend(daemon.pid)
    try:
        code, found = doctor(daemon.path)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    assert code == 3 and "it hangs" in found["socket"]["message"]


def test_the_board_is_gone(daemon):
    path = "/dev/shm" + daemon.hello["board"]
    os.rename(path, path + ".aside")
    try:
        code, found = doctor(daemon.path)
    finally:
        os.rename(path + ".aside", path)
    assert (code, faults(found)) == (1, {"board"})


@ROOT
def test_another_shared_memory(daemon):
    script = 'mount -t tmpfs tmpfs /dev/shm && exec "$0" "$@"'
    apart = ("unshare", "--mount", "sh", "-c", script)
    code, found = doctor(daemon.path, *apart)
    assert (code, faults(found)) == (1, {"board", "segment"})
    assert "ask the daemon for descriptors" in found["segment"]["message"]


@ROOT
def test_another_ipc_namespace(daemon):
    code, found = doctor(daemon.path, "unshare", "--ipc")
    assert (code, faults(found)) == (1, {"semaphore"})
    assert "IPC namespace" in found["semaphore"]["message"]


def test_a_decoder_that_does_not_run(start_daemon):
    daemon = start_daemon("--decoder", "/bin/false")
    code, found = doctor(daemon.path)
    assert (code, faults(found)) == (1, {"decoder"})
    assert "decoder-failed" in found["decoder"]["message"]
    assert found["sandbox"]["state"] == "warning"


def test_too_few_descriptors(daemon):
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (300, 300))
    code, found = doctor(daemon.path)
    assert (code, faults(found)) == (1, {"descriptors"})
    assert found["descriptors"]["mend"].startswith("ulimit -Hn")


def with_stats(folder, *prefix, **changes):
    """What the doctor finds where STATS says this; the picture is refused."""
    stats = {**STATS, **{key.replace("_", "-"): value for key, value in changes.items()}}

    def answer(verb, values):
        if verb == "STATS":
            return line("OK", **stats) + b"\n"
        return line("ERR", code="no-space", message="there is no room") + b"\n"

    path = os.path.join(folder, "socket")
    liar = LyingDaemon(path, answer)
    try:
        code, found = doctor(path, *prefix)
    finally:
        liar.close()
        os.unlink(path)
    assert code == 1 and {"board", "decoder"} <= faults(found)
    return found


def test_no_room_for_the_picture(folder):
    found = with_stats(folder)
    assert "no-space: there is no room" in found["decoder"]["message"]
    assert found["decoder"]["mend"].startswith("mount -o remount,size=")
    assert found["sandbox"]["state"] == "ok"
    assert found["socket"]["state"] == "warning", "it has another version"


@pytest.mark.parametrize(
    "sandbox, state",
    [
        ("none", "fault"),
        ("landlock,no-new-privs,rlimits", "fault"),
        ("seccomp,rlimits", "fault"),
        ("noseccomp,no-new-privs,rlimits", "fault"),
        ("seccomp,no-new-privs,rlimits", "warning"),
        ("unknown", "warning"),
    ],
)
def test_the_sandbox(folder, sandbox, state):
    assert with_stats(folder, sandbox=sandbox)["sandbox"]["state"] == state


@pytest.mark.parametrize(
    "memory, state, text",
    [
        ({"free_bytes": 1 << 20}, "fault", "is full"),
        ({"free_bytes": 16 << 20, "memory_max": 1 << 30}, "warning", "can take 1.0 GiB more"),
        ({"pinned_bytes": 1 << 20, "bytes": 1 << 20}, "warning", "held by programs"),
        ({}, "ok", "free"),
    ],
    ids=["full", "promised to others", "pinned", "enough"],
)
def test_the_memory(folder, memory, state, text):
    found = with_stats(folder, **memory)["memory"]
    assert found["state"] == state and text in found["message"]


@pytest.mark.parametrize("resource_word", ["user-connections", "user-loads", "user-pins"])
def test_an_account_that_is_nearly_full(folder, resource_word):
    found = with_stats(folder, **{resource_word: 95, f"{resource_word}-max": 100})
    assert found["limits"]["state"] == "warning"
    assert found["limits"]["mend"] == f"shmimgd --{resource_word} 200"


@ROOT
@pytest.mark.parametrize(
    "options, size, huge",
    [("size=64m", True, False), ("size=1g", False, False), ("size=1g,huge=always", False, True)],
)
def test_the_size_and_pages_of_shared_memory(folder, options, size, huge):
    script = f'mount -t tmpfs -o {options} tmpfs /dev/shm && exec "$0" "$@"'
    found = with_stats(folder, "unshare", "--mount", "sh", "-c", script)
    assert ("size" in found) == size
    assert found["hugepages"]["state"] == ("ok" if huge else "warning")
