"""Segments and the board, mapped from their manual page shmimg-segment(5) alone."""

import binascii
import mmap
import os
import struct

import numpy

MAGIC = b"SHMIMG\r\n"
BOARD_MAGIC = b"SHMBRD\r\n"
BLOCKS = {b"ICC ": "icc", b"EXIF": "exif"}

# Word on the wire: number in the header, DRM code, numpy type of a channel, channels.
FORMATS = {
    "RGBA8": (1, b"AB24", numpy.uint8, 4),
    "BGRA8-premul": (2, b"AR24", numpy.uint8, 4),
    "RGB8": (3, b"BG24", numpy.uint8, 3),
    "GRAY8": (4, b"R8  ", numpy.uint8, 1),
    "RGBA16": (5, b"AB48", numpy.uint16, 4),
    "GRAY16": (6, b"R16 ", numpy.uint16, 1),
}

FIELDS = struct.Struct(
    "=8s"  # magic
    "2I"  # version, header_size
    "4Q"  # segment_size, pixel_offset, pixel_size, stride
    "6I"  # width, height, format, fourcc, colour, orientation
    "Q"  # generation
    "2I"  # owner, slot
    "iI"  # semaphore_id, semaphore_index
    "3Q2q2I"  # source: device, inode, size, mtime, ctime, their nanoseconds
    "Q2I"  # name_offset, name_length, block_count
)
NAMES = (
    "magic version header_size segment_size pixel_offset pixel_size stride width height format"
    " fourcc colour orientation generation owner slot semaphore_id semaphore_index device inode"
    " source_size mtime ctime mtime_nsec ctime_nsec name_offset name_length block_count"
).split()
assert FIELDS.size == 160


def shm_path(name):
    """Where Linux keeps what shm_open(3) calls name."""
    assert name.startswith("/") and "/" not in name[1:], name
    return "/dev/shm" + name


class Segment:
    """A read-only mapping of a whole segment."""

    def __init__(self, name=None, fd=None):
        own = fd is None
        if own:
            fd = os.open(shm_path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self.size = os.fstat(fd).st_size
            self.map = mmap.mmap(fd, self.size, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            if own:
                os.close(fd)
        for key, value in zip(NAMES, FIELDS.unpack_from(self.map)):
            setattr(self, key, value)
        self._check()

    def _check(self):
        assert self.magic == MAGIC and self.version == 1 and self.header_size == 4096
        assert self.segment_size == self.size
        page = bytearray(self.map[:4096])
        (checksum,) = struct.unpack_from("=I", page, 352)
        page[352:356] = bytes(4)
        assert binascii.crc32(page) == checksum
        assert self.pixel_offset % mmap.PAGESIZE == 0 and self.stride % 64 == 0
        assert self.pixel_size == self.stride * self.height
        assert self.pixel_offset + self.pixel_size <= self.size

    @property
    def name(self):
        return self.map[self.name_offset : self.name_offset + self.name_length].decode()

    @property
    def format_word(self):
        words = {number: word for word, (number, *_) in FORMATS.items()}
        return words[self.format]

    @property
    def blocks(self):
        found = {}
        for index in range(self.block_count):
            kind, _, offset, size = struct.unpack_from("=4sIQQ", self.map, 160 + 24 * index)
            assert offset >= self.pixel_offset + self.pixel_size and offset + size <= self.size
            found[BLOCKS[kind]] = self.map[offset : offset + size]
        return found

    @property
    def pixels(self):
        """The pixels: a view of height x width x channels, without a copy."""
        _, fourcc, kind, channels = FORMATS[self.format_word]
        assert self.fourcc == int.from_bytes(fourcc, "little")
        width = numpy.dtype(kind).itemsize
        assert self.stride >= self.width * channels * width
        return numpy.ndarray(
            (self.height, self.width, channels),
            kind,
            self.map,
            self.pixel_offset,
            (self.stride, channels * width, width),
        )


def check_reply(reply):
    """Maps what an OK of LOAD or FETCH tells and checks that the header says the same."""
    segment = Segment(reply["segment"])
    assert segment.size == int(reply["size"])
    assert segment.pixel_offset == int(reply["offset"])
    for key in ("width", "height", "stride", "generation", "slot"):
        assert getattr(segment, key) == int(reply[key]), key
    assert segment.format_word == reply["format"]
    assert segment.name == reply["name"]
    semid, index = reply["semaphore"].split(":")
    assert (segment.semaphore_id, segment.semaphore_index) == (int(semid), int(index))
    return segment


class Board:
    """The board: newest generations by slot, and the keys of the semaphore sets."""

    def __init__(self, name):
        fd = os.open(shm_path(name), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self.map = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            os.close(fd)
        magic, version, self.slot_offset, self.slot_count = struct.unpack_from("=8s3I", self.map)
        assert magic == BOARD_MAGIC and version == 1
        assert self.slot_offset + 8 * self.slot_count <= len(self.map)

    def generation(self, slot):
        assert 0 <= slot < self.slot_count
        return struct.unpack_from("=Q", self.map, self.slot_offset + 8 * slot)[0]

    def epoch(self):
        return struct.unpack_from("=Q", self.map, 16416)[0]

    def set_keys(self):
        return [key for key in struct.unpack_from("=4096i", self.map, 32) if key]
