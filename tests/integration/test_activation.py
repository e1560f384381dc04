"""Several sockets handed over as systemd does: the one that is named shmimgd is served."""

import os
import socket
import subprocess

from client import TIMEOUT, Client
from server import SHMIMGD


def start(sockets, names):
    """shmimgd with sockets as its descriptors from 3 on, and their names."""

    def hand_over():
        # First out of the way of one another.
        copies = [os.dup(os.dup(each.fileno())) for each in sockets]
        high = [os.dup2(fd, 100 + place) for place, fd in enumerate(copies)]
        for place, fd in enumerate(high):
            os.dup2(fd, 3 + place, inheritable=True)

    return subprocess.Popen(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$0"', SHMIMGD],
        env={**os.environ, "LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(names)},
        preexec_fn=hand_over,
        pass_fds=range(3, 3 + len(sockets)),
        stderr=subprocess.PIPE,
        text=True,
    )


def listeners(folder, count):
    made = []
    for number in range(count):
        made.append(socket.socket(socket.AF_UNIX))
        made[-1].bind(os.path.join(folder, f"socket{number}"))
        made[-1].listen()
    return made


def test_the_named_one_of_several_is_served(folder):
    sockets = listeners(folder, 3)
    with start(sockets, ["other", "shmimgd", "another"]) as process:
        for each in sockets:
            each.close()
        with Client(os.path.join(folder, "socket1")) as client:
            assert client.ask("STATS")
        with socket.socket(socket.AF_UNIX) as other:
            try:
                other.connect(os.path.join(folder, "socket0"))
                raise AssertionError("a socket of another name is kept open")
            except ConnectionRefusedError:
                pass
        process.terminate()
        assert process.wait(TIMEOUT) == 0
    assert sorted(os.listdir(folder)) == ["socket0", "socket1", "socket2"]


def test_several_without_the_name_are_refused(folder):
    sockets = listeners(folder, 2)
    with start(sockets, ["one", "other"]) as process:
        _, said = process.communicate(timeout=TIMEOUT)
    for each in sockets:
        each.close()
    assert process.returncode == 1
    assert "none with FileDescriptorName=shmimgd" in said


def test_a_path_without_room_for_its_lock_is_refused(folder):
    name = "s" * (106 - len(folder))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.join(folder, name))
        listener.listen()
        with start([listener], ["shmimgd"]) as process:
            _, said = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "no listening stream socket" in said
