"""An image: pixels and metadata in shared memory, mapped for reading.

Holds the mapping and nothing of the client. Never copies pixels but for to_pil().
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .segment import FORMATS, Format, Header, Promise
from .semaphore import Lock

if TYPE_CHECKING:
    import numpy
    import PIL.Image

View = memoryview

# What PIL calls a format: its mode, and how its raw decoder reads one.
_PIL_MODES = {
    "RGBA8": ("RGBA", "RGBA"),
    "BGRA8-premul": ("RGBA", "BGRa"),
    "RGB8": ("RGB", "RGB"),
    "GRAY8": ("L", "L"),
    "RGBA16": ("RGBA", "RGBA;16L" if sys.byteorder == "little" else "RGBA;16B"),
    "GRAY16": ("I;16", "I;16" if sys.byteorder == "little" else "I;16B"),
}


@dataclass(frozen=True, eq=False, repr=False)
class Image:
    """A decoded image in shared memory, as load() and fetch() give it. It never changes.

    Its pixels, and all arrays and views on them, stay valid for as long as any of them is
    there, whatever becomes of this object, the client and the daemon. The daemon keeps the
    image in memory for as long too, unless release() or the end of the client says that it
    need not. Threads may share it.
    """

    name: str
    """Its name, UTF-8 without control characters."""
    segment: str
    """The name of its segment, for shm_open(3)."""
    width: int
    """Pixels in a row, at least 1."""
    height: int
    """Rows, at least 1."""
    stride: int
    """Bytes from a row to the next: a multiple of 64."""
    format: str
    """What pixels are made of: RGBA8, BGRA8-premul, RGB8, GRAY8, RGBA16 or GRAY16."""
    generation: int
    """Counts up with each change of an image; never used twice by any image."""
    orientation: int
    """The EXIF orientation that was undone in decoding: 1 (none) to 8."""
    full_width: int
    """The width of the whole picture, of which the pixels may be a smaller form."""
    full_height: int
    """Its height."""
    cached: bool
    """Whether load() found it decoded already."""
    owner: int
    """The uid of whose it is."""
    slot: int
    """Its slot in the daemon's board: see shmimg-segment(5)."""
    semaphore: tuple[int, int]
    """The id of the System V set of its semaphore, and its index there."""
    _maker: int = field()
    _blocks: dict[bytes, tuple[int, int]] = field()
    _offset: int = field()
    _mapping: ctypes.Array[ctypes.c_ubyte] = field()

    @classmethod
    def _of(
        cls, promise: Promise, header: Header, maker: int, mapping: ctypes.Array[ctypes.c_ubyte]
    ) -> Image:
        return cls(
            name=promise.name,
            segment=promise.segment,
            width=promise.width,
            height=promise.height,
            stride=promise.stride,
            format=promise.format.word,
            generation=promise.generation,
            orientation=promise.orientation,
            full_width=promise.full_width,
            full_height=promise.full_height,
            cached=promise.cached,
            owner=header.owner,
            slot=promise.slot,
            semaphore=promise.semaphore,
            _maker=maker,
            _blocks=header.blocks,
            _offset=promise.offset,
            _mapping=mapping,
        )

    def __repr__(self) -> str:
        size = f"{self.width}x{self.height}"
        return f"<shmimg.Image {self.name!r} {size} {self.format} generation {self.generation}>"

    def __reduce__(self) -> str:
        raise TypeError("an image is not copied: let the other process fetch it by its name")

    @property
    def _format(self) -> Format:
        return FORMATS[self.format]

    def _view(self, offset: int, size: int) -> View:
        return memoryview(self._mapping).toreadonly().cast("B")[offset : offset + size]

    @property
    def memoryview(self) -> View:
        """The bytes of all rows, read-only: stride x height of them."""
        return self._view(self._offset, self.stride * self.height)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """For numpy.asarray() and whatever else knows NumPy's array interface."""
        channels, depth = self._format.channels, self._format.depth
        order = "|" if depth == 1 else "<" if sys.byteorder == "little" else ">"
        shape: tuple[int, ...] = (self.height, self.width)
        strides: tuple[int, ...] = (self.stride, channels * depth)
        if channels > 1:
            shape, strides = (*shape, channels), (*strides, depth)
        return {
            "version": 3,
            "shape": shape,
            "strides": strides,
            "typestr": f"{order}u{depth}",
            "data": self.memoryview,
        }

    @property
    def array(self) -> numpy.ndarray[Any, Any]:
        """The pixels as a read-only NumPy array on the mapping, without a copy.

        Its shape is (height, width, channels), or (height, width) for grey formats; its type
        uint8 or uint16. Writing to it raises ValueError: work on .array.copy().
        """
        import numpy

        return numpy.asarray(self)

    def to_pil(self) -> PIL.Image.Image:
        """A copy of the pixels as a PIL image, with its colour profile in info.

        PIL has no colours of 16 bits: RGBA16 becomes RGBA of 8. BGRA8-premul becomes
        straight RGBA, GRAY16 the mode I;16. EXIF is left out, since the orientation that it
        asks for has been applied: see exif.
        """
        import PIL.Image

        mode, raw = _PIL_MODES[self.format]
        size = (self.width, self.height)
        rows = bytes(self.memoryview)  # PIL takes no views
        image = PIL.Image.frombytes(mode, size, rows, "raw", raw, self.stride, 1)
        profile = self.icc
        if profile is not None:
            image.info["icc_profile"] = profile
        return image

    def _block(self, kind: bytes) -> bytes | None:
        if kind not in self._blocks:
            return None
        return bytes(self._view(*self._blocks[kind]))

    @property
    def icc(self) -> bytes | None:
        """The colour profile (ICC.1) that the pixels are in; None for sRGB."""
        return self._block(b"ICC ")

    @property
    def exif(self) -> bytes | None:
        """EXIF from its TIFF header on, as the file has it; None when there is none.

        Its orientation is that of the file and has been applied to the pixels.
        """
        return self._block(b"EXIF")

    def lock(self, timeout: float | None = None) -> Lock:
        """The image's lock, to be held by "with image.lock(): ...".

        It is for what programs agree on; nobody needs it to read pixels. Waits at most
        timeout seconds, or for ever, and then raises Timeout (a TimeoutError). When its
        holder dies, however that is, the kernel lets go of it.
        """
        return Lock(self.semaphore, self._maker, self, timeout)
