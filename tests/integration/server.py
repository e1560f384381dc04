"""A daemon under test: started, awaited, stopped, and checked to have left nothing."""

import contextlib
import glob
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile

import semaphore
from client import TIMEOUT, Client, eventually
from segment import Board

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SHMIMG_BUILD", os.path.join(TOP, ".build", "normal")))
SHMIMGD = os.path.join(BUILD, "daemon", "shmimgd")
BOARD_NAME = re.compile(r"/shmimg-([0-9a-f]{16})-[!-.0-~]+")


def children(pid):
    """Processes whose parent is pid, whichever of its threads has started them."""
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            with open(path, encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    return sorted(found)


def pidfds(pids):
    """Descriptors of those processes that have not been reaped."""
    found = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            found.append(os.pidfd_open(pid))
    return found


def suspend(pid):
    """Stops a process, and waits until the last of its threads runs no more."""
    os.kill(pid, signal.SIGSTOP)

    def state(path):
        """As proc(5) has it; nothing of a thread that has just ended."""
        try:
            with open(path, encoding="ascii") as file:
                return file.read().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    eventually(lambda: {state(path) for path in glob.glob(f"/proc/{pid}/task/*/stat")} == {"T"})


def cpu_ticks(pid):
    """Clock ticks that a process has used; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(fields[11]) + int(fields[12])


def has_sanitizers():
    """Whether the build has them; one that is made by other means has none."""
    try:
        with open(os.path.join(BUILD, "Makefile"), encoding="utf-8") as file:
            return "-fsanitize=" in file.read()
    except FileNotFoundError:
        return False


def memory(pid):
    """Bytes of private memory of a process."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"RssAnon:\s+(\d+)", file.read())[1]) * 1024


def ended(pidfd, timeout=TIMEOUT):
    """Waits for the end of a process; False when it still runs after timeout."""
    return bool(select.select([pidfd], [], [], timeout)[0])


class Daemon:
    """One shmimgd on a private socket."""

    def __init__(
        self,
        *options,
        folder=None,
        environment=None,
        socket="socket",
        keep_notify=False,
        descriptors=None,
        user=None,
    ):
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="shmimgd-test-")
        self.path = os.path.join(self.folder, socket)
        self.options = options
        self.environment = environment or {}
        self.keep_notify = keep_notify  # whoever keeps it must read it
        self.prefix = ["prlimit", f"--nofile={descriptors}"] if descriptors else []
        if user:  # a user and a group by their numbers
            os.chown(self.folder, *user)
            identity = [f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"]
            self.prefix += ["setpriv", *identity]
        self.notify = None
        self.process = None
        self.instance = None
        self.was_ended = False
        self.semids = set()

    def patience(self):
        """A machine with much else to do may not let a decoder run for long."""
        if {"--decode-timeout", "--config"} & set(self.options):
            return ()
        return ("--decode-timeout", str(int(TIMEOUT * 2 / 3)))

    def room(self):
        """As root a daemon serves others too, and its defaults leave them room and a decoder."""
        if "--config" in self.options:
            return ()
        return ("--user-bytes", "8388607T", "--user-decoders", "256")

    def start(self):
        notify = os.path.join(self.folder, "notify")
        with contextlib.ExitStack() as stack:
            ready = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            ready.bind(notify)
            os.chmod(notify, 0o777)
            with open(os.path.join(self.folder, "log"), "ab") as log:
                self.process = subprocess.Popen(
                    [
                        *self.prefix,
                        SHMIMGD,
                        "--socket",
                        self.path,
                        *self.patience(),
                        *self.room(),
                        *self.options,
                    ],
                    env={
                        **os.environ,
                        "NOTIFY_SOCKET": notify,
                        "XDG_CONFIG_HOME": os.path.join(self.folder, "config"),
                        **self.environment,
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self.pidfd = os.pidfd_open(self.process.pid)
            try:
                self._await_ready(ready)
                if self.keep_notify:
                    self.notify = ready
                    stack.pop_all()
            finally:
                if not self.notify:
                    os.unlink(notify)
        self._learn()
        return self

    def _await_ready(self, ready):
        while True:
            readable = select.select([ready, self.pidfd], [], [], TIMEOUT)[0]
            assert readable, "the daemon does not get ready\n" + self.log()
            if ready not in readable:
                self.was_ended = True
                self.process.wait()
                os.close(self.pidfd)
                raise AssertionError(f"exit {self.process.returncode}\n{self.log()}")
            if b"READY=1" in ready.recv(4096).split(b"\n"):
                return

    def _learn(self):
        with self.connect() as client:
            self.hello = client.hello
        match = BOARD_NAME.fullmatch(self.hello["board"])
        assert match, self.hello["board"]
        self.instance = match[1]
        self.board = Board(self.hello["board"])

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, **options):
        return Client(self.path, **options)

    def segments(self):
        """Files of this daemon in /dev/shm."""
        return sorted(glob.glob(f"/dev/shm/shmimg-{self.instance}-*"))

    def decoders(self):
        return children(self.pid)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settled_files(self, client):
        """Open files, when none that a client has sent is still to be closed."""
        eventually(lambda: client.stats()["files-closing"] == 0)
        return self.open_files()

    def note_sets(self):
        """Remembers the semaphore sets that there are now, for left_over()."""
        for key in self.board.set_keys():
            try:
                self.semids.add(semaphore.find(key))
            except FileNotFoundError:
                continue

    def left_over(self):
        """What is still there of this daemon: segments, semaphore sets."""
        sets = [f"semaphore set {semid}" for semid in self.semids if semaphore.exists(semid)]
        return self.segments() + sets

    def kill(self):
        """Ends the daemon as a crash would; its decoders must go by themselves."""
        self.was_ended = True
        self.note_sets()
        workers = pidfds(self.decoders())
        self.process.kill()
        self.process.wait()
        self._reap(workers)

    def stop(self, signum=signal.SIGTERM):
        """Ends the daemon cleanly; checks its exit and that nothing of it is left."""
        self.was_ended = True
        self.note_sets()
        workers = pidfds(self.decoders())
        self.process.send_signal(signum)
        try:
            code = self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the daemon does not stop\n" + self.log()) from None
        self._reap(workers)
        assert code == 0, f"exit {code}\n{self.log()}"
        assert "Sanitizer" not in self.log() and "runtime error:" not in self.log(), self.log()
        assert not self.left_over()
        assert not os.path.exists(self.path)

    def _sweep(self):
        """Removes what a daemon that failed its test has left: no other daemon will."""
        for path in self.segments() if self.instance else ():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for semid in self.semids:
            semaphore.remove(semid)

    def _reap(self, workers):
        os.close(self.pidfd)
        gone = [ended(worker, 10) for worker in workers]
        for worker in workers:
            os.close(worker)
        assert all(gone), "decoders outlive their daemon"

    def close(self):
        """Stops a daemon that nobody ended yet, and removes its folder."""
        try:
            if self.process and not self.was_ended:
                self.stop()
        finally:
            self._sweep()
            if self.notify:
                self.notify.close()
            if self.own_folder:
                shutil.rmtree(self.folder, ignore_errors=True)
