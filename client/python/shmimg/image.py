"""An image: pixels and metadata in shared memory, mapped for reading.

Has the mapping and does not use the client. Only to_pil() copies pixels.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .segment import FORMATS, Format, Header, ImageReply
from .semaphore import Lock

if TYPE_CHECKING:
    import numpy
    import PIL.Image

View = memoryview

# For each format: the mode of PIL, and the mode of its raw decoder.
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
    """A decoded image in shared memory, from load() or fetch(). It never changes.

    The pixels and all arrays and views on them stay valid as long as one of them exists, even
    if this object, the client or the daemon is gone. The daemon keeps the image in memory for
    the same time, unless you call release() or close the client. Threads may share it.
    """

    name: str
    """The name: UTF-8 without control characters."""
    segment: str
    """The name of the segment, for shm_open(3)."""
    width: int
    """Pixels in a row, at least 1."""
    height: int
    """Rows, at least 1."""
    stride: int
    """Bytes from one row to the next: a multiple of 64."""
    format: str
    """The pixel format: RGBA8, BGRA8-premul, RGB8, GRAY8, RGBA16 or GRAY16."""
    generation: int
    """Increases with each change of an image. No two images ever have the same."""
    orientation: int
    """The EXIF orientation that the decoder has applied to the pixels: 1 (none) to 8."""
    full_width: int
    """The width of the whole picture. The pixels may be scaled down from it."""
    full_height: int
    """The height of the whole picture."""
    cached: bool
    """Whether the image was already decoded when load() was called."""
    owner: int
    """The uid of the owner."""
    slot: int
    """The slot on the daemon's board: see shmimg-segment(5)."""
    semaphore: tuple[int, int]
    """The id of the System V semaphore set, and the index of the image's semaphore in it."""
    _maker: int = field()
    _blocks: dict[bytes, tuple[int, int]] = field()
    _offset: int = field()
    _mapping: ctypes.Array[ctypes.c_ubyte] = field()

    @classmethod
    def _of(
        cls, reply: ImageReply, header: Header, maker: int, mapping: ctypes.Array[ctypes.c_ubyte]
    ) -> Image:
        return cls(
            name=reply.name,
            segment=reply.segment,
            width=reply.width,
            height=reply.height,
            stride=reply.stride,
            format=reply.format.word,
            generation=reply.generation,
            orientation=reply.orientation,
            full_width=reply.full_width,
            full_height=reply.full_height,
            cached=reply.cached,
            owner=header.owner,
            slot=reply.slot,
            semaphore=reply.semaphore,
            _maker=maker,
            _blocks=header.blocks,
            _offset=reply.offset,
            _mapping=mapping,
        )

    def __repr__(self) -> str:
        size = f"{self.width}x{self.height}"
        return f"<shmimg.Image {self.name!r} {size} {self.format} generation {self.generation}>"

    def __reduce__(self) -> str:
        raise TypeError("an image cannot be copied to another process; fetch it there by its name")

    @property
    def _format(self) -> Format:
        return FORMATS[self.format]

    def _view(self, offset: int, size: int) -> View:
        return memoryview(self._mapping).toreadonly().cast("B")[offset : offset + size]

    @property
    def memoryview(self) -> View:
        """The bytes of all rows, read-only: stride x height bytes."""
        return self._view(self._offset, self.stride * self.height)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """For numpy.asarray() and other users of NumPy's array interface."""
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

        The shape is (height, width, channels), or (height, width) for grey formats. The type is
        uint8 or uint16. Writing raises ValueError: use .array.copy() to change pixels.
        """
        import numpy

        return numpy.asarray(self)

    def to_pil(self) -> PIL.Image.Image:
        """A copy of the pixels as a PIL image, with the colour profile in its info.

        PIL has no colours with 16 bits: RGBA16 becomes RGBA with 8 bits. BGRA8-premul becomes
        RGBA with straight alpha, and GRAY16 becomes the mode I;16. EXIF is not copied, because
        its orientation is already applied: see exif.
        """
        import PIL.Image

        mode, raw = _PIL_MODES[self.format]
        size = (self.width, self.height)
        rows = bytes(self.memoryview)  # PIL does not accept views
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
        """The colour profile (ICC.1) of the pixels; None means sRGB."""
        return self._block(b"ICC ")

    @property
    def exif(self) -> bytes | None:
        """The EXIF data of the file, beginning with the TIFF header; or None.

        Its orientation is that of the file, and is already applied to the pixels.
        """
        return self._block(b"EXIF")

    def lock(self, timeout: float | None = None) -> Lock:
        """The image's lock, for "with image.lock(): ...".

        It is for programs that agree to use it. You do not need it to read pixels. Waits for
        at most timeout seconds, or without limit, and then raises Timeout (a TimeoutError). If
        the holder dies, for whatever reason, the kernel gives the lock back.
        """
        return Lock(self.semaphore, self._maker, self, timeout)
