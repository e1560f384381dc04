"""Picture files for the tests, and what their pixels must be after decoding.

Expected pixels come from other decoders (djpeg and pngtopnm) or from the array that was saved.
"""

import io
import subprocess

import numpy
from PIL import Image

MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def noise(height, width, channels=3, seed=1):
    """Pixels without any pattern: what decodes wrong does not go unseen."""
    generator = numpy.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, channels), numpy.uint8)


def smooth(height, width, seed=1):
    """RGB pixels that JPEG keeps well, different in every corner."""
    rows, columns = numpy.mgrid[0:height, 0:width].astype(numpy.float64)
    red = rows * 255 / max(height - 1, 1)
    green = columns * 255 / max(width - 1, 1)
    blue = (rows + columns + 40 * seed) % 256
    return numpy.dstack([red, green, blue]).astype(numpy.uint8)


def image_of(pixels):
    mode = MODES[pixels.shape[2]]
    return Image.fromarray(pixels[:, :, 0] if mode == "L" else pixels, mode)


def write_png(path, pixels, **options):
    """Saves 8-bit pixels; PNG gives back exactly these."""
    image_of(pixels).save(path, "PNG", **options)
    return str(path)


def write_jpeg(path, pixels, **options):
    image_of(pixels).save(path, "JPEG", quality=90, **options)
    return str(path)


def write_gray16(path, pixels):
    """Saves height x width uint16 as a 16-bit grey PNG."""
    Image.fromarray(pixels).save(path, "PNG")
    return str(path)


def write_rgba16(path, pixels):
    """Saves height x width x 4 uint16 by way of pamtopng: PIL has no such mode."""
    height, width, _ = pixels.shape
    head = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH 4\nMAXVAL 65535\n"
    pam = head.encode() + b"TUPLTYPE RGB_ALPHA\nENDHDR\n" + pixels.astype(">u2").tobytes()
    png = subprocess.run(["pamtopng"], input=pam, stdout=subprocess.PIPE, check=True).stdout
    with open(path, "wb") as file:
        file.write(png)
    return str(path)


def tiny_png(path, seed=0):
    return write_png(path, noise(2, 3, 3, seed))


def big_png(path, height=4000, width=5000):
    """
    A picture that keeps a decoder busy for a good part of a second at least: the transparent
    colour leaves it to libpng, which takes longer.
    """
    rows = noise(64, width, 3)
    pixels = numpy.tile(rows, (height // 64 + 1, 1, 1))[:height]
    return write_png(path, pixels, compress_level=1, transparency=(1, 2, 3))


def oriented(path, pixels, orientation):
    """A JPEG whose EXIF says how it is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return write_jpeg(path, pixels, exif=exif.tobytes())


def turned(pixels, orientation):
    """Pixels of the file as EXIF (CIPA DC-008, tag 274) wants them shown."""
    steps = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: p[::-1].transpose(1, 0, 2),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: p[:, ::-1].transpose(1, 0, 2),
    }
    return steps[orientation](pixels)


def pnm_pixels(pnm):
    pixels = numpy.asarray(Image.open(io.BytesIO(pnm)))
    return pixels.reshape(pixels.shape[0], pixels.shape[1], -1)


def djpeg(path, *options):
    """A JPEG as libjpeg's own program decodes it."""
    command = ["djpeg", "-pnm", *options, path]
    return pnm_pixels(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def pngtopnm(path, *options):
    """A PNG as netpbm decodes it, without its alpha."""
    command = ["pngtopnm", *options, path]
    return pnm_pixels(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def with_alpha(pixels, alpha=255):
    """RGBA of grey or RGB pixels."""
    if pixels.shape[2] == 1:
        pixels = numpy.repeat(pixels, 3, axis=2)
    full = numpy.full(pixels.shape[:2] + (1,), alpha, pixels.dtype)
    return numpy.concatenate([pixels, full], axis=2)


def premultiplied(rgba):
    """BGRA of straight RGBA, rounded to nearest."""
    alpha = rgba[:, :, 3:].astype(numpy.uint32)
    colours = (rgba[:, :, 2::-1].astype(numpy.uint32) * alpha + 127) // 255
    return numpy.concatenate([colours, alpha], axis=2).astype(numpy.uint8)
