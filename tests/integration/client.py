"""A client of the daemon over a raw socket: lines, replies and descriptors.

Knows the grammar of shmimg-protocol(7) and no command; uses nothing of ours but the socket.
"""

import array
import collections
import os
import re
import socket
import time

LINE_MAX = 16384
TIMEOUT = float(os.environ.get("SHMIMG_TEST_TIMEOUT", "150"))
FIELD = re.compile(rb"([a-z][a-z0-9-]*)=([!-~]*)")


def encode(value):
    """Percent-encodes a value: what is not printable ASCII, the space and '%'."""
    if isinstance(value, int):
        value = str(value)
    if isinstance(value, str):
        value = value.encode()
    return b"".join(
        bytes([byte]) if 0x20 < byte < 0x7F and byte != 0x25 else b"%%%02X" % byte
        for byte in value
    )


def decode(value):
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda hit: bytes([int(hit[1], 16)]), value).decode()


def line(verb, **values):
    """One request; '_' in a key stands for '-'; values of None are left out."""
    parts = [verb.encode()]
    for key, value in values.items():
        if value is not None:
            parts.append(key.replace("_", "-").encode() + b"=" + encode(value))
    return b" ".join(parts)


def parse(text):
    """A received line as (verb, {key: value}); checks that it keeps to the grammar."""
    verb, *fields = text.split(b" ")
    assert verb in (b"OK", b"ERR", b"ITEM", b"EVENT"), text
    values = {}
    for field in fields:
        match = FIELD.fullmatch(field)
        assert match, f"{field!r} in {text!r} is no key=value"
        key = match[1].decode()
        assert key not in values, f"{key} twice in {text!r}"
        values[key] = decode(match[2])
    return verb.decode(), values


def eventually(condition):
    """Asks again until a condition holds, for what there is no event to wait for; returns it."""
    deadline = time.monotonic() + TIMEOUT
    while not (held := condition()):
        assert time.monotonic() < deadline, "it does not come true"
    return held


class Refused(Exception):
    """The daemon answered ERR."""

    def __init__(self, values):
        super().__init__(f"{values.get('code')}: {values.get('message')}")
        self.code = values["code"]
        self.message = values["message"]


class Closed(AssertionError):
    """The daemon closed the connection in place of an answer."""


class Client:
    def __init__(self, path, hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT)
        self.buffer = b""
        self.fds = collections.deque()
        try:
            self.socket.connect(path)
            if hello:
                self.hello = self.ask("HELLO", protocol=1)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        while self.fds:
            os.close(self.fds.popleft())

    def raw(self, data, fds=()):
        """Sends bytes as they are; the descriptors go with the first of them."""
        if fds:
            rights = array.array("i", fds)
            sent = self.socket.sendmsg(
                [data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights.tobytes())]
            )
            data = data[sent:]
        if data:
            self.socket.sendall(data)

    def send(self, text, fds=(), **values):
        """Sends one line: a whole one as bytes, or a verb and its values."""
        if isinstance(text, str):
            text = line(text, **values)
        self.raw(text + b"\n", fds)

    def _receive(self):
        room = socket.CMSG_SPACE(16 * array.array("i").itemsize)
        data, ancillary, flags, _ = self.socket.recvmsg(1 << 16, room, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                rights = array.array("i")
                rights.frombytes(payload[: len(payload) // rights.itemsize * rights.itemsize])
                self.fds.extend(rights)
        assert not flags & socket.MSG_CTRUNC
        return data

    def read_line(self):
        """One line without its newline, or None at the end of the connection."""
        while b"\n" not in self.buffer:
            try:
                data = self._receive()
            except ConnectionResetError:
                data = b""
            if not data:
                assert not self.buffer, f"the connection ended within {self.buffer!r}"
                return None
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\n", 1)
        assert len(text) < LINE_MAX
        return text

    def reply(self):
        text = self.read_line()
        if text is None:
            raise Closed("the daemon closed the connection")
        return parse(text)

    def ask(self, text, fds=(), **values):
        """Sends one request and returns the values of its OK; raises Refused for ERR."""
        self.send(text, fds, **values)
        return self.answer()

    def answer(self):
        verb, values = self.reply()
        if verb == "ERR":
            raise Refused(values)
        assert verb == "OK", verb
        return values

    def error(self, text, fds=(), **values):
        """Sends a request that must be refused and returns its error code."""
        self.send(text, fds, **values)
        verb, reply = self.reply()
        assert verb == "ERR", (verb, reply)
        assert "code" in reply and list(reply)[-1] == "message", reply
        assert reply["message"]
        return reply["code"]

    def items(self, text="LIST", **values):
        """A listing: its ITEMs, which its OK must have counted."""
        self.send(text, **values)
        items = []
        while True:
            verb, reply = self.reply()
            if verb == "OK":
                assert reply == {"count": str(len(items))}
                return items
            if verb == "ERR":
                raise Refused(reply)
            assert verb == "ITEM", (verb, reply)
            items.append(reply)

    def stats(self):
        return {key: int(value) for key, value in self.ask("STATS").items() if value.isdigit()}

    def load_fd(self, path, **values):
        """LOAD source=fd of a file that this process opens."""
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self.ask("LOAD", fds=[fd], source="fd", **values)
        finally:
            os.close(fd)

    def at_end(self):
        """True when the daemon has closed the connection and nothing more was sent."""
        return self.read_line() is None
