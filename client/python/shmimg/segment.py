"""Segments: what the daemon promises of one, what its header says, and its mapping.

Checks all that shmimg-segment(5) tells before a pixel is looked at. Opens for reading only;
never makes, changes or unlinks shared memory, and tells no resource tracker of it.
"""

from __future__ import annotations

import binascii
import ctypes
import mmap
import os
import re
import stat
import struct
import weakref
from dataclasses import dataclass
from typing import NamedTuple

from . import wire
from .errors import BadSegment, ProtocolError

HEADER_SIZE = 4096
MAGIC = b"SHMIMG\r\n"
VERSION = 1
BLOCKS_MAX = 8
ROW_ALIGN = 64
COLOUR_MAX = 2
NAME_OFFSET = 512
FOLDER = "/dev/shm"


class Format(NamedTuple):
    """A pixel format: its word in the protocol and what a pixel is made of."""

    word: str
    number: int
    fourcc: bytes
    channels: int
    depth: int  # bytes of a channel

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel."""
        return self.channels * self.depth


FORMATS = {
    each.word: each
    for each in (
        Format("RGBA8", 1, b"AB24", 4, 1),
        Format("BGRA8-premul", 2, b"AR24", 4, 1),
        Format("RGB8", 3, b"BG24", 3, 1),
        Format("GRAY8", 4, b"R8  ", 1, 1),
        Format("RGBA16", 5, b"AB48", 4, 2),
        Format("GRAY16", 6, b"R16 ", 1, 2),
    )
}

_SEGMENT = re.compile(r"/(?!\.)[A-Za-z0-9._-]{1,254}")
_SEMAPHORE = re.compile(r"([0-9]{1,10}):([0-9]{1,5})")


@dataclass(frozen=True)
class Promise:
    """What an answer of LOAD or FETCH says of a segment."""

    name: str
    segment: str
    size: int
    offset: int
    width: int
    height: int
    stride: int
    format: Format
    generation: int
    semaphore: tuple[int, int]
    slot: int
    orientation: int
    full_width: int
    full_height: int
    cached: bool

    @classmethod
    def of_answer(cls, values: dict[str, str], name: str) -> Promise:
        """Reads an answer to a request for name; raises ProtocolError for what is none."""

        def number(key: str, most: int = 2**63 - 1) -> int:
            found = wire.number(values.get(key), most)
            if found is None:
                raise ProtocolError(f"the daemon's reply has no proper {key}=")
            return found

        def optional(key: str, most: int, absent: int) -> int:
            return number(key, most) if key in values else absent

        def proper(key: str, good: bool) -> str:
            if not good:
                raise ProtocolError(f"the daemon's reply has no proper {key}=")
            return values[key]

        semaphore = _SEMAPHORE.fullmatch(values.get("semaphore", ""))
        proper("semaphore", semaphore is not None)
        assert semaphore is not None
        word = values.get("format", "")
        width, height = number("width", 2**32 - 1), number("height", 2**32 - 1)
        return cls(
            name=proper("name", values.get("name") == name),
            segment=proper("segment", bool(_SEGMENT.fullmatch(values.get("segment", "")))),
            size=number("size"),
            offset=number("offset"),
            width=width,
            height=height,
            stride=number("stride"),
            format=FORMATS[proper("format", word in FORMATS)],
            generation=number("generation", 2**64 - 1),
            semaphore=(int(semaphore[1]), int(semaphore[2])),
            slot=number("slot", 2**32 - 1),
            orientation=optional("orientation", 8, 1),
            full_width=optional("full-width", 2**32 - 1, width),
            full_height=optional("full-height", 2**32 - 1, height),
            cached=values.get("cached") == "yes",
        )


# magic; version, header_size; segment_size, pixel_offset, pixel_size, stride; width, height,
# format, fourcc, colour, orientation; generation; owner, slot; semaphore_id; semaphore_index.
_FIELDS = struct.Struct("=8s2I4Q6IQ2IiI")
_NAME = struct.Struct("=Q2I")  # name_offset, name_length, block_count, at 144
_FULL = struct.Struct("=2I")  # full_width, full_height, at 380
_BLOCK = struct.Struct("=4sIQQ")  # type, reserved, offset, size, from 160 on


@dataclass(frozen=True)
class Header:
    """Page 0 of a segment, once it has been found to be right."""

    owner: int
    name_offset: int
    name_length: int
    blocks: dict[bytes, tuple[int, int]]  # offset and size by type


def _demand(good: bool, message: str) -> None:
    if not good:
        raise BadSegment(message)


def _inside(offset: int, size: int, start: int, end: int) -> bool:
    return start <= offset and offset + size <= end


def _read_blocks(page: bytes, count: int, start: int, end: int) -> dict[bytes, tuple[int, int]]:
    _demand(count <= BLOCKS_MAX, "there are too many metadata blocks")
    blocks: dict[bytes, tuple[int, int]] = {}
    for index in range(count):
        kind, _, offset, size = _BLOCK.unpack_from(page, 160 + index * _BLOCK.size)
        _demand(_inside(offset, size, start, end), "a metadata block is not inside the segment")
        blocks.setdefault(kind, (offset, size))
    return blocks


def _check_pixels(promise: Promise) -> None:
    """Whether what was promised, and found in the header too, makes a picture."""
    _demand(promise.width > 0 and promise.height > 0, "there are no pixels")
    _demand(
        promise.width <= promise.full_width and promise.height <= promise.full_height,
        "the whole picture is smaller than its pixels",
    )
    row = promise.width * promise.format.pixel_bytes
    _demand(
        promise.stride % ROW_ALIGN == 0 and promise.stride >= row,
        "the stride does not fit the width",
    )
    _demand(
        promise.offset % mmap.PAGESIZE == 0
        and _inside(promise.offset, promise.stride * promise.height, HEADER_SIZE, promise.size),
        "the pixels are not inside the segment",
    )
    _demand(1 <= promise.orientation <= 8, "the orientation is unknown")


def read_header(page: bytes, promise: Promise) -> Header:
    """Checks page 0 of a segment against what was promised; raises BadSegment."""
    _demand(len(page) == HEADER_SIZE, "the segment cannot be read")
    found = _FIELDS.unpack_from(page)
    _demand(found[0] == MAGIC, "this is no shmimgd segment")
    _demand(found[1:3] == (VERSION, HEADER_SIZE), "the layout version is unknown")
    (checksum,) = struct.unpack_from("=I", page, 352)
    sealed = page[:352] + bytes(4) + page[356:]
    _demand(binascii.crc32(sealed) == checksum, "the header's checksum is wrong")
    said = {
        "size": (3, promise.size),
        "offset": (4, promise.offset),
        "pixel size": (5, promise.stride * promise.height),
        "stride": (6, promise.stride),
        "width": (7, promise.width),
        "height": (8, promise.height),
        "format": (9, promise.format.number),
        "fourcc": (10, int.from_bytes(promise.format.fourcc, "little")),
        "orientation": (12, promise.orientation),
        "generation": (13, promise.generation),
        "slot": (15, promise.slot),
    }
    for word, (index, value) in said.items():
        _demand(found[index] == value, f"the segment's {word} is not as said")
    _demand(found[16:18] == promise.semaphore, "the segment's semaphore is not as said")
    full = _FULL.unpack_from(page, 380)
    if full == (0, 0):
        full = found[7:9]
    said_full = (promise.full_width, promise.full_height)
    _demand(full == said_full, "the whole picture's size is not as said")
    _demand(found[11] <= COLOUR_MAX, "the colour space is unknown")
    _check_pixels(promise)
    end = promise.offset + promise.stride * promise.height
    offset, length, count = _NAME.unpack_from(page, 144)
    _demand(
        _inside(offset, length, NAME_OFFSET, HEADER_SIZE)
        or _inside(offset, length, end, promise.size),
        "the name is not inside the segment",
    )
    return Header(found[14], offset, length, _read_blocks(page, count, end, promise.size))


def check_file(file: os.stat_result, promise: Promise, makers: tuple[int, int]) -> None:
    """Whether a file is what the daemon makes, before anything in it is believed.

    makers are the uid of the socket's peer and the one that HELLO names. A socket that
    systemd listens on has systemd for its peer, and who root is may say who the daemon is.
    """
    peer, said = makers
    _demand(stat.S_ISREG(file.st_mode), "the segment is no shared memory")
    _demand(file.st_size == promise.size, "the segment has another size than the daemon said")
    is_maker = file.st_uid == peer or (peer == 0 and file.st_uid == said)
    _demand(is_maker, "the segment does not belong to the daemon")
    others = stat.S_IWGRP | stat.S_IWOTH
    _demand(not file.st_mode & others, "others than the daemon may write to the segment")


def open_segment(segment: str) -> int:
    """As shm_open(3) does for reading; the descriptor is the caller's."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.open(FOLDER + segment, flags)


def check(fd: int, promise: Promise, makers: tuple[int, int]) -> tuple[Header, int]:
    """Checks an open segment, by reading: one that is shorter than it says is no SIGBUS.

    Returns its header, and the uid that it belongs to.
    """
    file = os.fstat(fd)
    check_file(file, promise, makers)
    header = read_header(os.pread(fd, HEADER_SIZE, 0), promise)
    name = os.pread(fd, header.name_length, header.name_offset)
    _demand(name == promise.name.encode(), "the segment has another name than was asked for")
    return header, file.st_uid


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                       ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED = ctypes.c_void_p(-1).value


def map_segment(fd: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
    """Maps a segment for reading; it is unmapped when nobody holds the result or a view on it.

    Not by mmap.mmap, which keeps a descriptor for as long as it maps: programs hold more
    images than they may have files open.
    """
    address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == _FAILED or address is None:
        number = ctypes.get_errno()
        raise OSError(number, f"the segment cannot be mapped: {os.strerror(number)}")
    mapping = (ctypes.c_ubyte * size).from_address(address)
    weakref.finalize(mapping, _libc.munmap, address, size).atexit = False
    return mapping
