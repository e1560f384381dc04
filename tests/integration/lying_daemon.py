"""A daemon that says what a test wants, and a segment to go with it that can be wrong.

For clients that must not believe it. Serves one connection after the other, in a thread.
"""

import array
import binascii
import contextlib
import os
import secrets
import socket
import struct
import threading

from client import TIMEOUT, line, parse
from segment import FIELDS, FORMATS, MAGIC, NAMES

HELLO = b"OK protocol=1 version=0 uid=%d formats=RGBA8 max-pixels=1 board=/shmimg-none\n"


class FakeSegment:
    """A right segment of 5x3 pixels in /dev/shm, but for the fields that are given."""

    def __init__(self, name="a", blocks=b"", **wrong):
        self.fields = {
            **dict.fromkeys(NAMES, 0),
            "magic": MAGIC,
            "version": 1,
            "header_size": 4096,
            "segment_size": 8192,
            "pixel_offset": 4096,
            "pixel_size": 3 * 64,
            "stride": 64,
            "width": 5,
            "height": 3,
            "format": 1,
            "fourcc": int.from_bytes(FORMATS["RGBA8"][1], "little"),
            "orientation": 1,
            "generation": 77,
            "owner": os.getuid(),
            "slot": 4,
            "semaphore_id": 1,
            "semaphore_index": 2,
            "name_offset": 512,
            "name_length": len(name),
            "block_count": len(blocks) // 24,
        }
        self.fields.update({key: value for key, value in wrong.items() if key in NAMES})
        page = bytearray(4096)
        FIELDS.pack_into(page, 0, *(self.fields[key] for key in NAMES))
        page[160 : 160 + len(blocks)] = blocks
        page[512 : 512 + len(name)] = name.encode()
        struct.pack_into("=I", page, 352, binascii.crc32(page) ^ wrong.get("checksum", 0))
        self.name = f"/shmimg-lie-{secrets.token_hex(8)}"
        self.path = "/dev/shm" + self.name
        with open(self.path, "xb") as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(page + bytes(range(256)) * 16)

    def close(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def reply(self, **changes):
        """The answer of FETCH that fits the segment, but for the changes."""
        values = {
            "name": "a",
            "segment": self.name,
            "size": 8192,
            "offset": 4096,
            "width": 5,
            "height": 3,
            "stride": 64,
            "format": "RGBA8",
            "generation": 77,
            "semaphore": "1:2",
            "slot": 4,
        }
        return line("OK", **{**values, **changes}) + b"\n"


class LyingDaemon:
    """Answers HELLO as one should, and all else as answer(verb, values) says.

    That returns bytes, or bytes and a descriptor, or None to end the connection, or an
    Event to be waited for before the connection is ended.
    """

    def __init__(self, path, answer, uid=None, features=None):
        self.path = path
        self.heard = []
        self._answer = answer
        self._hello = HELLO % (os.getuid() if uid is None else uid)
        if features:
            self._hello = self._hello[:-1] + f" features={features}\n".encode()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT)
        self._listener.close()
        assert not self._thread.is_alive(), "the client does not end its connection"

    def _run(self):
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            with connection, contextlib.suppress(ConnectionError):
                connection.settimeout(TIMEOUT)
                self._serve(connection)

    def _serve(self, connection):
        with connection.makefile("rb") as lines:
            for text in lines:
                verb, values = text.split(b" ")[0].strip().decode(), {}
                if b" " in text:
                    values = parse(b"OK " + text.strip().split(b" ", 1)[1])[1]
                self.heard.append((verb, values))
                answer = self._hello if verb == "HELLO" else self._answer(verb, values)
                if isinstance(answer, threading.Event):
                    answer.wait(TIMEOUT)
                    return
                if answer is None:
                    return
                self._send(connection, answer)

    def _send(self, connection, answer):
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return
        data, *fds = answer
        rights = array.array("i", fds).tobytes()
        connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
