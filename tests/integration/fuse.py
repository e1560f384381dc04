"""A file system served by this process, with one file, that leaves out answers on demand.

Speaks the kernel's protocol itself (fuse(4), include/uapi/linux/fuse.h).
"""

import ctypes
import os
import signal
import struct

LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
GETXATTR, FLUSH, INIT, INTERRUPT, BATCH_FORGET = 22, 25, 26, 36, 42
UNANSWERED = (FORGET, BATCH_FORGET, INTERRUPT)
ENOENT, ENOSYS = 2, 38
MNT_DETACH = 2
LIBC = ctypes.CDLL(None, use_errno=True)


def attributes(inode, size, mode):
    return struct.pack("<6Q10I", inode, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class FileSystem:
    """Mounted at a folder; its file is "file". What is in silent gets no answer."""

    def __init__(self, folder, content, silent=(), user=None, disk=None):
        """Only a user may use it, or everybody; disk: a block device that it is mounted from."""
        self.folder, self.content, self.silent, self.disk = folder, content, silent, disk
        self.path = os.path.join(folder, "file")
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id={user or 0},group_id={user or 0}"
        if user is None:
            options += ",allow_other"
        source, kind = (disk.encode(), b"fuseblk") if disk else (b"test", b"fuse")
        if LIBC.mount(source, os.fsencode(folder), kind, 6, options.encode()) < 0:
            os.close(self.device)
            raise OSError(ctypes.get_errno(), "no file system can be mounted here")
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._serve()
            finally:
                os._exit(0)
        os.close(self.device)

    def kill(self):
        """Ends the server: the kernel answers all that waits with an error."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        self.pid = None

    def close(self):
        self.kill()
        LIBC.umount2(os.fsencode(self.folder), MNT_DETACH)

    def _serve(self):
        while True:
            request = os.read(self.device, 1 << 17)
            _, opcode, unique, node = struct.unpack("<IIQQ", request[:24])
            if opcode in UNANSWERED or opcode in self.silent:
                continue
            error, body = self._answer(opcode, node, request[40:])
            head = struct.pack("<IiQ", 16 + len(body), -error, unique)
            os.write(self.device, head + body)

    def _attributes(self, node):
        if node == 1:
            return attributes(1, 0, 0o40755)
        return attributes(2, len(self.content), 0o100644)

    def _answer(self, opcode, node, body):
        if opcode == INIT:
            return 0, struct.pack("<4IHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 0, 0, 0)
        if opcode == LOOKUP:
            known = body == b"file\0"
            entry = struct.pack("<4QII", 2, 0, 3600, 3600, 0, 0) + self._attributes(2)
            return (0, entry) if known else (ENOENT, b"")
        if opcode == GETATTR:
            return 0, struct.pack("<QII", 3600, 0, 0) + self._attributes(node)
        if opcode == OPEN:
            return 0, struct.pack("<QIi", 1, 0, 0)
        if opcode == READ:
            _, offset, size = struct.unpack("<QQI", body[:20])
            return 0, self.content[offset : offset + size]
        return (0, b"") if opcode in (FLUSH, RELEASE) else (ENOSYS, b"")
