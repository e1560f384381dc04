"""Segments: the daemon's reply about one, its header, and its mapping.

Checks everything in shmimg-segment(5) before the pixels are used. Opens segments only for
reading. Never creates, changes or unlinks shared memory, and uses no resource tracker.
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
    """A pixel format: its word in the protocol, and the layout of a pixel."""

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
class ImageReply:
    """The daemon's reply to LOAD and FETCH."""

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
    owner: int | None = None  # of another user's image

    @classmethod
    def of_values(cls, values: dict[str, str], name: str) -> ImageReply:
        """Reads the reply about the image of a name; raises ProtocolError if it is invalid."""

        def number(key: str, maximum: int = 2**63 - 1) -> int:
            found = wire.number(values.get(key), maximum)
            if found is None:
                raise ProtocolError(f"the daemon's reply has no valid {key}=")
            return found

        def optional(key: str, maximum: int, absent: int) -> int:
            return number(key, maximum) if key in values else absent

        def proper(key: str, good: bool) -> str:
            if not good:
                raise ProtocolError(f"the daemon's reply has no valid {key}=")
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
            owner=number("owner", 2**32 - 2) if "owner" in values else None,
        )


# magic; version, header_size; segment_size, pixel_offset, pixel_size, stride; width, height,
# format, fourcc, colour, orientation; generation; owner, slot; semaphore_id; semaphore_index.
_FIELDS = struct.Struct("=8s2I4Q6IQ2IiI")
_NAME = struct.Struct("=Q2I")  # name_offset, name_length, block_count, at 144
_FULL = struct.Struct("=2I")  # full_width, full_height, at 380
_BLOCK = struct.Struct("=4sIQQ")  # type, reserved, offset, size, from 160 on


@dataclass(frozen=True)
class Header:
    """Page 0 of a segment, after its check."""

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


def _check_pixels(reply: ImageReply) -> None:
    """Checks the values of the reply, which are those of the header, against each other."""
    _demand(reply.width > 0 and reply.height > 0, "the image has no pixels")
    _demand(
        reply.width <= reply.full_width and reply.height <= reply.full_height,
        "the whole picture is smaller than its pixels",
    )
    row = reply.width * reply.format.pixel_bytes
    _demand(
        reply.stride % ROW_ALIGN == 0 and reply.stride >= row,
        "the stride does not fit the width",
    )
    _demand(
        reply.offset % mmap.PAGESIZE == 0
        and _inside(reply.offset, reply.stride * reply.height, HEADER_SIZE, reply.size),
        "the pixels are not inside the segment",
    )
    _demand(1 <= reply.orientation <= 8, "the orientation is unknown")


def read_header(page: bytes, reply: ImageReply) -> Header:
    """Checks page 0 of a segment against the reply; raises BadSegment."""
    _demand(len(page) == HEADER_SIZE, "cannot read the segment")
    found = _FIELDS.unpack_from(page)
    _demand(found[0] == MAGIC, "not a shmimgd segment")
    _demand(found[1:3] == (VERSION, HEADER_SIZE), "the layout version is unknown")
    (checksum,) = struct.unpack_from("=I", page, 352)
    sealed = page[:352] + bytes(4) + page[356:]
    _demand(binascii.crc32(sealed) == checksum, "the header's checksum is wrong")
    expected = {
        "size": (3, reply.size),
        "offset": (4, reply.offset),
        "pixel size": (5, reply.stride * reply.height),
        "stride": (6, reply.stride),
        "width": (7, reply.width),
        "height": (8, reply.height),
        "format": (9, reply.format.number),
        "fourcc": (10, int.from_bytes(reply.format.fourcc, "little")),
        "orientation": (12, reply.orientation),
        "generation": (13, reply.generation),
        "slot": (15, reply.slot),
    }
    for word, (index, value) in expected.items():
        _demand(found[index] == value, f"the segment's {word} differs from the daemon's reply")
    is_same = found[16:18] == reply.semaphore
    _demand(
        reply.owner in (None, found[14]), "the segment's owner differs from the daemon's reply"
    )
    _demand(is_same, "the segment's semaphore differs from the daemon's reply")
    full = _FULL.unpack_from(page, 380)
    if full == (0, 0):
        full = found[7:9]
    expected_full = (reply.full_width, reply.full_height)
    _demand(full == expected_full, "the whole picture's size differs from the daemon's reply")
    _demand(found[11] <= COLOUR_MAX, "the colour space is unknown")
    _check_pixels(reply)
    end = reply.offset + reply.stride * reply.height
    offset, length, count = _NAME.unpack_from(page, 144)
    _demand(
        _inside(offset, length, NAME_OFFSET, HEADER_SIZE)
        or _inside(offset, length, end, reply.size),
        "the name is not inside the segment",
    )
    return Header(found[14], offset, length, _read_blocks(page, count, end, reply.size))


def check_file(file: os.stat_result, reply: ImageReply, makers: tuple[int, int]) -> None:
    """Checks that a file is from the daemon, before its content is used.

    makers are the uid of the socket's peer and the uid in the HELLO reply. If systemd listens on
    the socket, the peer is systemd, which is root. Then the uid in the HELLO reply counts.
    """
    peer, reported = makers
    _demand(stat.S_ISREG(file.st_mode), "the segment is not shared memory")
    _demand(file.st_size == reply.size, "the segment's size differs from the daemon's reply")
    is_maker = file.st_uid == peer or (peer == 0 and file.st_uid == reported)
    _demand(is_maker, "the segment does not belong to the daemon")
    others = stat.S_IWGRP | stat.S_IWOTH
    _demand(not file.st_mode & others, "users other than the daemon can write to the segment")


def open_segment(segment: str) -> int:
    """Opens a segment for reading, as shm_open(3). The descriptor is the caller's."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.open(FOLDER + segment, flags)


def check(fd: int, reply: ImageReply, makers: tuple[int, int]) -> tuple[Header, int]:
    """Checks an open segment by reading it: a segment that is too short then causes no SIGBUS.

    Returns its header and the uid of its owner.
    """
    file = os.fstat(fd)
    check_file(file, reply, makers)
    header = read_header(os.pread(fd, HEADER_SIZE, 0), reply)
    name = os.pread(fd, header.name_length, header.name_offset)
    _demand(name == reply.name.encode(), "the segment is of an image with another name")
    return header, file.st_uid


_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                       ctypes.c_int, ctypes.c_long]
_libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_FAILED = ctypes.c_void_p(-1).value


def map_segment(fd: int, size: int) -> ctypes.Array[ctypes.c_ubyte]:
    """Maps a segment for reading. It is unmapped when the result and all views on it are gone.

    mmap.mmap would keep a descriptor open for each mapping, and a program may use more images
    than it may have open files.
    """
    address = _libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address == _FAILED or address is None:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot map the segment: {os.strerror(number)}")
    mapping = (ctypes.c_ubyte * size).from_address(address)
    weakref.finalize(mapping, _libc.munmap, address, size).atexit = False
    return mapping
