"""Pixels: every format of every kind of file, compared with other decoders."""

import numpy
import pytest
from pictures import (
    djpeg,
    image_of,
    noise,
    oriented,
    pngtopnm,
    premultiplied,
    smooth,
    turned,
    with_alpha,
    write_gray16,
    write_jpeg,
    write_png,
    write_rgba16,
)
from PIL import Image, ImageCms
from segment import FORMATS, check_reply


def load(client, path, **values):
    return check_reply(client.ask("LOAD", path=path, **values))


def assert_same(actual, expected, tolerance=0):
    assert actual.shape == expected.shape
    assert actual.dtype == expected.dtype
    difference = numpy.abs(actual.astype(numpy.int64) - expected.astype(numpy.int64))
    assert difference.max() <= tolerance


def luma(rgb):
    """Grey of RGB as ITU-R BT.601 weighs it, which JPEG uses (JFIF 1.02)."""
    return (rgb[:, :, :3] @ numpy.array([0.299, 0.587, 0.114]))[:, :, None]


def test_png_in_every_format(client, tmp_path):
    rgba = noise(37, 29, 4)
    path = write_png(tmp_path / "a.png", rgba)
    assert_same(load(client, path).pixels, rgba)
    assert_same(load(client, path, format="RGBA8").pixels, rgba)
    assert_same(load(client, path, format="native").pixels, rgba)
    assert_same(load(client, path, format="RGBA16").pixels, rgba.astype(numpy.uint16) * 257)
    assert_same(load(client, path, format="BGRA8-premul").pixels, premultiplied(rgba), 1)


def test_opaque_png_in_every_format(client, tmp_path):
    rgb = noise(33, 21)
    path = write_png(tmp_path / "a.png", rgb)
    assert_same(pngtopnm(path), rgb)
    rgba = with_alpha(rgb)
    assert_same(load(client, path).pixels, rgba)
    assert_same(load(client, path, format="RGB8").pixels, rgb)
    assert_same(load(client, path, format="BGRA8-premul").pixels, premultiplied(rgba))
    assert_same(load(client, path, format="RGBA16").pixels, rgba.astype(numpy.uint16) * 257)
    grey = luma(rgb)
    assert_same(load(client, path, format="GRAY8").pixels, grey.round().astype(numpy.uint8), 1)
    grey16 = (grey * 257).round().astype(numpy.uint16)
    assert_same(load(client, path, format="GRAY16").pixels, grey16, 257)


@pytest.mark.parametrize("options", [(), ("-grayscale",)], ids=["RGBA8", "GRAY8"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_is_as_djpeg_decodes_it(client, tmp_path, options, subsampling, progressive):
    path = write_jpeg(
        tmp_path / "a.jpg", smooth(75, 113), subsampling=subsampling, progressive=progressive
    )
    expected = djpeg(path, *options)
    if options:
        assert_same(load(client, path, format="GRAY8").pixels, expected)
    else:
        assert_same(load(client, path).pixels, with_alpha(expected))
        assert_same(load(client, path, format="RGB8").pixels, expected)
        premul = load(client, path, format="BGRA8-premul").pixels
        assert_same(premul, premultiplied(with_alpha(expected)))
        wide = load(client, path, format="RGBA16").pixels
        assert_same(wide, with_alpha(expected).astype(numpy.uint16) * 257)


def test_grey_jpeg(client, tmp_path):
    path = str(tmp_path / "a.jpg")
    image_of(noise(40, 50, 1)).save(path, "JPEG")
    grey = djpeg(path)
    assert grey.shape[2] == 1
    assert_same(load(client, path, format="native").pixels, grey)
    assert_same(load(client, path).pixels, with_alpha(grey))
    assert_same(load(client, path, format="RGB8").pixels, numpy.repeat(grey, 3, axis=2))
    assert_same(load(client, path, format="GRAY16").pixels, grey.astype(numpy.uint16) * 257)


def test_cmyk_jpeg(client, tmp_path):
    path = str(tmp_path / "a.jpg")
    flat = numpy.zeros((16, 16, 4), numpy.uint8)
    flat[:, :, 0] = 255
    Image.fromarray(flat, "CMYK").save(path, "JPEG", quality=100, subsampling=0)
    red, green, blue, alpha = load(client, path).pixels[8, 8].tolist()
    assert red < 60 and green > 120 and blue > 120 and alpha == 255


def test_native_is_the_nearest(client, tmp_path):
    files = {
        "RGB8": write_png(tmp_path / "rgb.png", noise(3, 5)),
        "RGBA8": write_png(tmp_path / "rgba.png", noise(3, 5, 4)),
        "GRAY8": write_png(tmp_path / "grey.png", noise(3, 5, 1)),
        "GRAY16": write_gray16(tmp_path / "grey16.png", noise(3, 5, 2).view(numpy.uint16)[..., 0]),
        "RGBA16": write_rgba16(tmp_path / "rgba16.png", noise(3, 5, 8).view(numpy.uint16)),
    }
    native = {
        word: client.ask("LOAD", path=path, format="native")["format"]
        for word, path in files.items()
    }
    assert native == {word: word for word in files}
    jpeg = write_jpeg(tmp_path / "a.jpg", smooth(9, 9))
    assert client.ask("LOAD", path=jpeg, format="native")["format"] == "RGB8"


def test_16_bits_are_kept(client, tmp_path):
    rgba = noise(13, 17, 8).view(numpy.uint16)
    path = write_rgba16(tmp_path / "a.png", rgba)
    assert_same(load(client, path, format="RGBA16").pixels, rgba)
    expected = (rgba / 257).round().astype(numpy.uint8)
    assert_same(load(client, path).pixels, expected, 1)
    grey = noise(13, 17, 2).view(numpy.uint16)
    path = write_gray16(tmp_path / "b.png", grey[:, :, 0])
    assert_same(load(client, path, format="GRAY16").pixels, grey)
    expected = (grey / 257).round().astype(numpy.uint8)
    assert_same(load(client, path, format="GRAY8").pixels, expected, 1)


def test_palette_with_transparency(client, tmp_path):
    path = str(tmp_path / "a.png")
    indices = numpy.arange(64, dtype=numpy.uint8).reshape(8, 8) % 4
    image = Image.fromarray(indices, "P")
    palette = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 8, 7]
    image.putpalette(palette)
    image.save(path, transparency=bytes([0, 85, 170, 255]))
    colours = numpy.array(palette, numpy.uint8).reshape(4, 3)
    alphas = numpy.array([0, 85, 170, 255], numpy.uint8)
    expected = numpy.dstack([colours[indices], alphas[indices]])
    assert_same(load(client, path).pixels, expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P"])
def test_other_png_types(client, tmp_path, mode):
    path = str(tmp_path / "a.png")
    image = image_of(noise(19, 23, 4)).convert("RGB" if mode in "1LP" else "RGBA").convert(mode)
    image.save(path)
    assert_same(load(client, path).pixels, numpy.asarray(image.convert("RGBA")))


def test_xpm(client, tmp_path):
    path = tmp_path / "a.xpm"
    path.write_text(
        '/* XPM */\nstatic char *a[] = {\n"3 2 3 1",\n"  c None",\n"r c #FF0000",\n'
        '"b c #0000FF",\n"rb ",\n" rb"};\n',
        encoding="ascii",
    )
    red, blue, none = [255, 0, 0, 255], [0, 0, 255, 255], [0, 0, 0, 0]
    expected = numpy.array([[red, blue, none], [none, red, blue]], numpy.uint8)
    assert_same(load(client, str(path)).pixels, expected)
    assert client.ask("STAT", name=str(path))["type"] == "XPM"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_and_said(client, tmp_path, orientation):
    path = oriented(tmp_path / "a.jpg", smooth(30, 50), orientation)
    plain = djpeg(path)
    assert plain.shape[:2] == (30, 50)
    segment = load(client, path, format="RGB8")
    assert_same(segment.pixels, turned(plain, orientation))
    assert segment.orientation == orientation
    assert client.ask("STAT", name=path)["orientation"] == str(orientation)


def test_profile_and_exif_are_kept(client, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "a description"
    for kind, write in (("jpg", write_jpeg), ("png", write_png)):
        path = str(tmp_path / f"a.{kind}")
        write(path, smooth(8, 8), icc_profile=profile, exif=exif.tobytes())
        segment = load(client, path)
        assert segment.colour == 2
        assert segment.blocks["icc"] == profile
        assert b"a description" in segment.blocks["exif"]
        assert segment.blocks["exif"][:2] in (b"II", b"MM")
    bare = load(client, write_png(tmp_path / "bare.png", noise(2, 2)))
    assert bare.blocks == {} and bare.colour == 0


@pytest.mark.parametrize("width", [1, 2, 15, 16, 17, 63, 64, 65, 1025])
def test_odd_widths(client, tmp_path, width):
    rgb = noise(3, width)
    path = write_png(tmp_path / "a.png", rgb)
    for word in ("RGB8", "RGBA8"):
        expected = rgb if word == "RGB8" else with_alpha(rgb)
        assert_same(load(client, path, format=word).pixels, expected)


def test_a_real_size(client, tmp_path):
    path = write_jpeg(tmp_path / "a.jpg", smooth(1080, 1920))
    assert_same(load(client, path).pixels, with_alpha(djpeg(path)))


def test_one_reply_for_each_format_of_hello(client, tmp_path):
    path = write_png(tmp_path / "a.png", noise(5, 5))
    words = set(client.hello["formats"].split(",")) - {"native"}
    assert words == set(FORMATS)
    for word in words:
        assert client.ask("LOAD", path=path, format=word)["format"] == word
