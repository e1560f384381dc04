"""Servers that shmimgd is compared with: private ones, on sockets in a folder of the run's.

They end with the process that started them, and leave nothing.
"""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys


class Peer:
    """A server of a row: what it is called, who has it, and when it is ready."""

    def __init__(self, row, package, program, ready, arguments):
        self.row = row
        self.package = package
        self.program = program
        self.ready = ready  # in a line of its output
        self.arguments = arguments  # of a folder

    def find(self, build):
        """The program's path, or None."""
        own = os.path.join(build, "tests", "bench", self.program)
        return own if os.access(own, os.X_OK) else shutil.which(self.program)

    @contextlib.contextmanager
    def run(self, folder, build):
        """A server that is ready."""
        command = [self.find(build), *self.arguments(folder)]
        with subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, "TMPDIR": folder},
        ) as process:
            try:
                self._await(process)
                yield
            finally:
                process.terminate()
                process.communicate()

    def _await(self, process):
        said = []
        for line in process.stdout:
            said.append(line.decode(errors="replace"))
            if self.ready in said[-1].lower():
                return
        sys.exit(f"{self.program} did not start:\n{''.join(said[-5:])}")


class Memcached(Peer):
    """Says that it is ready only where it says each request, too: until it is told not to."""

    @contextlib.contextmanager
    def run(self, folder, build):
        with super().run(folder, build):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(os.path.join(folder, "memcached"))
                client.sendall(b"verbosity 0\r\n")
                if client.recv(64) != b"OK\r\n":
                    sys.exit("memcached does not get silent")
            yield


def redis_arguments(folder):
    path = os.path.join(folder, "redis")
    return ["--port", "0", "--unixsocket", path, "--save", "", "--appendonly", "no"]


def memcached_arguments(folder):
    user = pwd.getpwuid(os.getuid()).pw_name
    path = os.path.join(folder, "memcached")
    return ["-vv", "-u", user, "-s", path, "-m", "256", "-I", "64m"]


def qt_arguments(folder):
    return [os.path.join(folder, "qt"), os.path.join(folder, "uhd.jpg")]


SERVERS = {
    peer.row: peer
    for peer in (
        Peer("peer-redis", "redis-server", "redis-server", "ready to accept", redis_arguments),
        Memcached(
            "peer-memcached", "memcached", "memcached", "server listening", memcached_arguments
        ),
        Peer("peer-qt", "qtbase5-dev", "shmimg-bench-qt", "ready", qt_arguments),
    )
}


def is_there(row, build):
    """Whether a row can be measured; says in a line what is missing if not."""
    peer = SERVERS.get(row)
    if not peer or peer.find(build):
        return True
    print(f"{row}: not measured: needs the package {peer.package}", file=sys.stderr)
    return False


@contextlib.contextmanager
def running(rows, folder, build):
    """All servers that rows need."""
    with contextlib.ExitStack() as stack:
        for row in rows:
            if row in SERVERS:
                stack.enter_context(SERVERS[row].run(folder, build))
        yield
