"""Things of every kind that another user can put where a daemon will look."""

import contextlib
import fcntl
import os
import signal
import socket
import stat

STRANGER = 4711


def plant_fifo(path):
    os.mkfifo(path, 0o666)


def plant_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path)


def plant_link(path):
    os.symlink("/etc/passwd", path)


def plant_link_to_nothing(path):
    os.symlink(path + "-nothing", path)


def plant_folder(path):
    os.mkdir(path, 0o777)


def plant_file(path):
    with open(path, "wb") as file:
        file.write(b"SHMIMG\r\n" + bytes(8184))
    os.chmod(path, 0o444)


def plant_secret(path):
    plant_file(path)
    os.chmod(path, 0)


def plant_device(path):
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


KINDS = [
    plant_fifo,
    plant_socket,
    plant_link,
    plant_link_to_nothing,
    plant_folder,
    plant_file,
    plant_secret,
    plant_device,
]


def plant(kind, path, uid=STRANGER):
    """Plants something that belongs to another user. Returns what lstat says of it."""
    kind(path)
    os.chown(path, uid, uid, follow_symlinks=False)
    return os.lstat(path)


def uproot(path):
    """Removes what was planted, if it is still there."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.rmdir(path)
        else:
            os.unlink(path)


@contextlib.contextmanager
def leased(path, uid=STRANGER):
    """A file of another user with a lease that is never given back: who opens it, waits."""
    planted = plant(plant_file, path, uid)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            os.setresuid(uid, uid, uid)
            os.chmod(path, 0o600)
            fd = os.open(path, os.O_RDWR)
            signal.signal(signal.SIGIO, signal.SIG_IGN)
            fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
            os.write(writing, b"leased")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    try:
        assert os.read(reading, 6) == b"leased"
        yield planted
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        uproot(path)
