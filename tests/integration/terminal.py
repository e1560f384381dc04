"""A terminal of one's own: a program on a pseudo-terminal, and what it is answered.

Plays the terminals that shmimgctl knows: what they can do is said when one is made. Decodes
the pictures that it is sent, by the documents of kitty, xterm and DEC alone.
"""

import base64
import errno
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time

import numpy
from client import TIMEOUT

CELL = (10, 20)
REQUEST = re.compile(
    rb"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\|\x1b\]11;\?\x1b\\|\x1b\[16t|\x1b\[c"
)


class Terminal:
    """Runs a program; the keys of answers say what is answered: kitty, shared, sixel, ..."""

    def __init__(self, *words, size=(80, 24), pixels=(0, 0), answers=(), env=None, **settings):
        self.answers = set(answers)
        self.background = settings.get("background")
        self.written = b""
        self.pictures = []
        self.names = []
        self._asked = 0
        self._direct = None
        self.master, slave = os.openpty()
        try:
            self.resize(*size, *pixels)
            self.mode = termios.tcgetattr(slave)
            self.process = subprocess.Popen(
                words,
                stdin=slave,
                stdout=slave,
                stderr=subprocess.PIPE,
                env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "", **(env or {})},
                start_new_session=True,
                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            )
            self.slave = slave
        except BaseException:
            os.close(self.master)
            os.close(slave)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stderr.close()
        os.close(self.master)
        os.close(self.slave)

    def resize(self, columns, rows, width=0, height=0):
        size = struct.pack("4H", rows, columns, width, height)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def type(self, text):
        os.write(self.master, text.encode())

    def is_restored(self):
        return termios.tcgetattr(self.slave) == self.mode

    def _read(self, seconds):
        """What came within a time; False at the end or when nothing came."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.master, 1 << 16)
        except OSError as error:
            assert error.errno == errno.EIO
            return False
        self.written += data
        self._answer()
        return bool(data)

    def read_until(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline, (self.written[-2000:], "it does not come true")
            self._read(0.05)
            if self.process.poll() is not None:
                break
        if self.process.poll() is not None:
            while self._read(0):
                pass
        assert condition(), (self.written[-2000:], self.process.stderr.read())

    def finish(self):
        """Waits for the end of the program; returns its exit code and what it complained of."""
        self.read_until(lambda: self.process.poll() is not None)
        return self.process.returncode, self.process.stderr.read().decode()

    def _answer(self):
        while match := REQUEST.search(self.written, self._asked):
            self._asked = match.end()
            reply = self._reply_to(match[0], match[1], match[2])
            if reply and "nothing" not in self.answers:
                os.write(self.master, reply)

    def _reply_to(self, request, control, payload):
        if control is not None:
            return self._graphics(control, payload) if "kitty" in self.answers else None
        if request == b"\x1b[c":
            return b"\x1b[?62;4;22c" if "sixel" in self.answers else b"\x1b[?62;22c"
        if request == b"\x1b[16t":
            return b"\x1b[6;%d;%dt" % CELL[::-1] if "cell" in self.answers else None
        return self.background

    def _graphics(self, control, payload):
        """One command of kitty's graphics protocol."""
        keys = dict(field.split(b"=") for field in control.split(b","))
        if self._direct and set(keys) == {b"m"}:
            keys = {**self._direct[0], **keys}
            payload = self._direct[1] + payload
        if keys.get(b"m") == b"1":
            self._direct = keys, payload
            return None
        self._direct = None
        data = base64.b64decode(payload, validate=True)
        good = True
        if keys.get(b"t") == b"s":
            good, data = self._take_shared(data)
        depth = int(keys[b"f"]) // 8
        shape = int(keys[b"v"]), int(keys[b"s"]), depth
        if good:
            pixels = numpy.frombuffer(data, numpy.uint8).reshape(shape)
            if keys[b"a"] == b"T":
                self.pictures.append(pixels)
        if keys.get(b"q") == b"2":
            return None
        return b"\x1b_Gi=%s;%s\x1b\\" % (keys[b"i"], b"OK" if good else b"EBADF:no such memory")

    def _take_shared(self, name):
        """Takes it as kitty does: reads it, and removes its name."""
        self.names.append(name.decode())
        first = len(self.names) == 1
        if "shared" not in self.answers or ("once" in self.answers and not first):
            return False, b""
        path = "/dev/shm" + name.decode()
        assert os.stat(path).st_mode & 0o777 == 0o600
        with open(path, "rb") as file:
            data = file.read()
        os.unlink(path)
        return True, data


SGR = re.compile(rb"\x1b\[([\d;]*)m|(\xe2\x96\x80)|(\r?\n)")


def half_blocks(text, colour_of):
    """The picture of half blocks: rows x columns x RGB; colour_of reads what follows 38 or 48."""
    rows, line, now, end = [], [], {}, 0
    for match in SGR.finditer(text):
        assert match.start() == end, text[end : match.start()]
        end = match.end()
        if match[2]:
            line.append((now["38"], now.get("48")))
        elif match[3]:
            rows += [[upper for upper, _ in line], [lower for _, lower in line]]
            line = []
        elif match[1] == b"0":
            now = {}
        else:
            layer, *rest = match[1].decode().split(";")
            now[layer] = colour_of(rest)
    assert end == len(text) and not line
    if None in rows[-1]:
        assert set(rows.pop()) == {None}
    return numpy.array(rows, numpy.uint8)


def direct_colour(words):
    assert words[0] == "2"
    return tuple(map(int, words[1:]))


def xterm_palette():
    steps = [0, 95, 135, 175, 215, 255]
    cube = [(r, g, b) for r in steps for g in steps for b in steps]
    return {str(16 + i): c for i, c in enumerate(cube + [(8 + 10 * i,) * 3 for i in range(24)])}


def indexed_colour(words, palette=xterm_palette()):
    assert words[0] == "5"
    return palette[words[1]]


SIXEL = re.compile(rb'#(\d+)(;2;(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])')


def sixels(text):
    """The picture of sixels: rows x columns x RGB."""
    match = re.search(rb'\x1bP0;1;0q"1;1;(\d+);(\d+)([^\x1b]*)\x1b\\', text)
    width, height = int(match[1]), int(match[2])
    pixels = numpy.full((height, width, 3), -1)
    palette, colour, x, y, end = {}, None, 0, 0, 0
    for hit in SIXEL.finditer(match[3]):
        assert hit.start() == end, match[3][end : hit.start()]
        end = hit.end()
        if hit[1]:
            colour = hit[1]
            if hit[2]:
                palette[colour] = [round(int(hit[i]) * 255 / 100) for i in (3, 4, 5)]
        elif hit[9]:
            x, y = 0, y + (6 if hit[9] == b"-" else 0)
        else:
            count = int(hit[6] or 1)
            bits = (hit[7] or hit[8])[0] - 63
            for row in range(6):
                if bits >> row & 1:
                    assert (pixels[y + row, x : x + count] == -1).all(), "drawn twice"
                    pixels[y + row, x : x + count] = palette[colour]
            x += count
            assert x <= width
    assert end == len(match[3]) and pixels.min() >= 0
    return pixels.astype(numpy.uint8)
