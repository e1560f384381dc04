"""Calls of the C library that fail in a real daemon, by fault-preload.c, and what must be so then.

The page that both share says which call fails; every fault that was injected is counted here.
"""

import mmap
import os
import struct

from server import BUILD

PRELOAD = os.path.join(BUILD, "tests", "integration", ".libs", "fault-preload.so")
PAGE = struct.Struct("=3I32s2I32s")
COUNTS = struct.Struct("=2I32s")

MEMORY, SYSTEM, INTERRUPT = 1, 2, 4
CLASSES = {"memory": MEMORY, "system": SYSTEM, "interrupt": INTERRUPT}

# shmimg-protocol(7)'s closed list, as far as a fault of the machine's may be answered with it.
CODES = {"no-space", "busy", "decoder-failed", "internal"}
CALLS_MAX = 3000


class Faults:
    """The page of one daemon, or of several, one after the other."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "faults")
        with open(self.path, "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.injected = 0

    @property
    def environment(self):
        """For the daemon alone: its decoders get none of it."""
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        return {"LD_PRELOAD": PRELOAD, "SHMIMG_FAULTS": self.path, "ASAN_OPTIONS": sanitizer}

    def arm(self, classes, first, count=1, only=""):
        """From now on calls are counted, and those from first on fail, count of them."""
        PAGE.pack_into(self.page, 0, 0, first, count, only.encode(), 0, 0, b"")
        struct.pack_into("=I", self.page, 0, classes)

    @property
    def failed(self):
        """How many calls have failed since it was armed."""
        return COUNTS.unpack_from(self.page, PAGE.size - COUNTS.size)[1]

    def disarm(self):
        """No call fails any more. Returns the name of the first one that did, or nothing."""
        struct.pack_into("=I", self.page, 0, 0)
        _, failed, name = COUNTS.unpack_from(self.page, PAGE.size - COUNTS.size)
        self.injected += failed > 0  # a burst counts as one
        return name.rstrip(b"\0").decode()
