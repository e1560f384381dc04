"""shmimgctl show: each way of drawing, compared with the picture, on a pseudo-terminal."""

import os
import subprocess
import time

import numpy
import pytest
from pictures import noise, smooth, write_gray16, write_png, write_rgba16
from server import BUILD
from terminal import Terminal, direct_colour, half_blocks, indexed_colour, sixels

SHMIMGCTL = os.path.join(BUILD, "client/ctl/shmimgctl")
ANSWERS = b"\x1b_Gi=31"


def begins(count, size):
    return [i * size // count for i in range(count)]


def scaled(rgba, width, height):
    """The mean of the pixels that each stands for, weighted by alpha."""
    rgba = rgba.astype(float)
    height_in, width_in = rgba.shape[:2]
    colours = rgba[:, :, :3] * rgba[:, :, 3:]

    def mean(values):
        if height <= height_in:
            rows = begins(height, height_in)
            sizes = numpy.diff(rows + [height_in])[:, None, None]
            values = numpy.add.reduceat(values, rows, axis=0) / sizes
        else:
            values = values[begins(height, height_in)]
        if width <= width_in:
            columns = begins(width, width_in)
            sizes = numpy.diff(columns + [width_in])[None, :, None]
            return numpy.add.reduceat(values, columns, axis=1) / sizes
        return values[:, begins(width, width_in)]

    alpha = mean(rgba[:, :, 3:])
    return numpy.concatenate([mean(colours) / numpy.maximum(alpha, 1e-9), alpha], axis=2)


def over(rgba, background):
    alpha = rgba[:, :, 3:] / 255
    return rgba[:, :, :3] * alpha + numpy.array(background) * (1 - alpha)


def differ(one, other):
    assert one.shape == other.shape
    return abs(one.astype(float) - other.astype(float)).max()


def opaque(rgb):
    return numpy.dstack([rgb, numpy.full(rgb.shape[:2], 255)])


def in_terminal(daemon, *words, **settings):
    return Terminal(SHMIMGCTL, "--socket", daemon.path, "show", *words, **settings)


def shown(terminal):
    """What was written besides requests; the program has ended well."""
    code, said = terminal.finish()
    assert (code, said) == (0, "")
    assert terminal.is_restored()
    return terminal.written[terminal._asked :]


@pytest.fixture
def picture(client, tmp_path):
    """A picture with alpha in shared memory, and its pixels."""
    pixels = numpy.dstack([smooth(150, 240), noise(150, 240, 1) | 1])
    client.ask("LOAD", path=write_png(tmp_path / "alpha.png", pixels), name="alpha")
    return pixels


@pytest.fixture
def plain_picture(client, tmp_path):
    pixels = smooth(60, 90)
    client.ask("LOAD", path=write_png(tmp_path / "plain.png", pixels), name="plain")
    return opaque(pixels)


def leftovers(terminal):
    """What was offered to a terminal and is still there."""
    assert terminal.names and all(name.startswith("/shmimgctl-") for name in terminal.names)
    return [name for name in terminal.names if os.path.exists("/dev/shm" + name)]


def test_kitty_from_shared_memory(daemon, client, picture):
    with in_terminal(daemon, "alpha", answers=["kitty", "shared", "cell"]) as terminal:
        assert shown(terminal).endswith(b"\r\n")
        (pixels,) = terminal.pictures
    assert (pixels == picture).all()
    # What the terminal got and removed was a copy: the image is still there.
    assert not leftovers(terminal)
    assert os.path.exists("/dev/shm" + client.ask("FETCH", name="alpha")["segment"])


def test_kitty_without_shared_memory(daemon, picture):
    with in_terminal(daemon, "alpha", answers=["kitty", "cell"]) as terminal:
        shown(terminal)
        (pixels,) = terminal.pictures
    assert (pixels == picture).all() and not leftovers(terminal)
    longest = max(map(len, terminal.written.split(b"\x1b\\")))
    assert longest < 4096 + 64


def test_kitty_whose_shared_memory_fails_the_second_time(daemon, picture):
    with in_terminal(daemon, "alpha", answers=["kitty", "shared", "once", "cell"]) as terminal:
        shown(terminal)
        (pixels,) = terminal.pictures
    assert (pixels == picture).all() and not leftovers(terminal)


def test_kitty_fits_the_window(daemon, picture):
    settings = {"answers": ["kitty", "shared", "cell"], "size": (12, 24)}
    with in_terminal(daemon, "alpha", **settings) as terminal:
        shown(terminal)
        (pixels,) = terminal.pictures
    assert differ(pixels, scaled(picture, 120, 75)) <= 1


def test_the_size_of_a_cell_by_the_kernel(daemon, picture):
    settings = {"answers": ["kitty"], "size": (40, 11), "pixels": (160, 55)}
    with in_terminal(daemon, "alpha", **settings) as terminal:
        shown(terminal)
        (pixels,) = terminal.pictures
    assert differ(pixels, scaled(picture, 80, 50)) <= 1


def test_sixel(daemon, picture):
    background = b"\x1b]11;rgb:ffff/8080/00\x1b\\"
    settings = {"answers": ["sixel", "cell"], "background": background}
    with in_terminal(daemon, "alpha", **settings) as terminal:
        pixels = sixels(shown(terminal))
    expected = over(picture, (255, 128, 0))
    assert pixels.shape == expected.shape
    # 256 colours, in hundredths, for some thousands: near on the whole, and nowhere far.
    assert abs(pixels - expected).mean() < 8 and abs(pixels - expected).max() < 100


def test_sixel_of_few_colours_is_exact(daemon, client, tmp_path):
    hundredths = numpy.array([0, 51, 102, 153, 204, 255], numpy.uint8)
    pixels = hundredths[noise(45, 70) % 6]
    client.ask("LOAD", path=write_png(tmp_path / "few.png", pixels), name="few")
    with in_terminal(daemon, "few", "--mode", "sixel") as terminal:
        assert (sixels(shown(terminal)) == pixels).all()


def test_sixel_of_one_pixel(daemon, client, tmp_path):
    pixels = numpy.full((1, 1, 3), 255, numpy.uint8)
    client.ask("LOAD", path=write_png(tmp_path / "one.png", pixels), name="one")
    with in_terminal(daemon, "one", answers=["sixel"]) as terminal:
        assert (sixels(shown(terminal)) == pixels).all()


def test_half_blocks_of_all_colours(daemon, plain_picture):
    with in_terminal(daemon, "plain", env={"COLORTERM": "truecolor"}) as terminal:
        pixels = half_blocks(shown(terminal), direct_colour)
    assert pixels.shape[0] <= 46 and pixels.shape[1] <= 80
    assert differ(pixels, scaled(plain_picture, 69, 46)[:, :, :3]) <= 1


def test_half_blocks_over_the_background(daemon, picture):
    settings = {"background": b"\x1b]11;rgb:ff/0/8000\a", "env": {"TERM": "xterm-direct"}}
    with in_terminal(daemon, "alpha", **settings) as terminal:
        pixels = half_blocks(shown(terminal), direct_colour)
    assert differ(pixels, over(scaled(picture, 74, 46), (255, 0, 128))) <= 1.5


def test_half_blocks_over_a_colour_of_ones_own(daemon, picture):
    words = ["alpha", "--mode", "blocks", "--background", "ff00cc"]
    with in_terminal(daemon, *words) as terminal:
        pixels = half_blocks(shown(terminal), direct_colour)
    assert differ(pixels, over(scaled(picture, 74, 46), (255, 0, 204))) <= 1.5


def test_half_blocks_of_256_colours(daemon, client, tmp_path):
    colours = numpy.array([[[255, 0, 0], [95, 135, 175], [8, 8, 8]]] * 2, numpy.uint8)
    client.ask("LOAD", path=write_png(tmp_path / "c.png", colours), name="c")
    with in_terminal(daemon, "c") as terminal:
        assert (half_blocks(shown(terminal), indexed_colour) == colours).all()


def test_256_colours_are_near(daemon, plain_picture):
    with in_terminal(daemon, "plain", "--mode", "blocks256") as terminal:
        pixels = half_blocks(shown(terminal), indexed_colour)
    assert differ(pixels, scaled(plain_picture, 69, 46)[:, :, :3]) <= 48


def test_an_odd_number_of_rows(daemon, client, tmp_path):
    pixels = noise(5, 7)
    client.ask("LOAD", path=write_png(tmp_path / "odd.png", pixels), name="odd")
    with in_terminal(daemon, "odd", "--mode", "blocks") as terminal:
        assert (half_blocks(shown(terminal), direct_colour) == pixels).all()


def run(daemon, *words, **settings):
    return subprocess.run(
        [SHMIMGCTL, "--socket", daemon.path, "show", *words],
        capture_output=True,
        check=False,
        **settings,
    )


def test_a_size_of_ones_own(daemon, client, tmp_path):
    pixels = noise(4, 6)
    client.ask("LOAD", path=write_png(tmp_path / "small.png", pixels), name="small")
    done = run(daemon, "small", "--mode", "blocks", "--size", "12x9")
    blocks = half_blocks(done.stdout, direct_colour)
    assert (blocks == pixels.repeat(2, axis=0).repeat(2, axis=1)).all()


def test_without_a_terminal_it_is_plain_text(daemon, client, tmp_path):
    levels = numpy.linspace(0, 255, 10).astype(numpy.uint8)
    pixels = levels[None, :, None].repeat(2, axis=0).repeat(3, axis=2)
    client.ask("LOAD", path=write_png(tmp_path / "steps.png", pixels), name="steps")
    done = run(daemon, "steps")
    assert (done.returncode, done.stdout, done.stderr) == (0, b" .:-=+*#%@\n", b"")
    assert run(daemon, "steps", "--json").stdout == done.stdout


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_nothing_is_asked_nothing(daemon, plain_picture, term):
    with in_terminal(daemon, "plain", env={"TERM": term}) as terminal:
        shown(terminal)
    assert b"\x1b" not in terminal.written


def test_a_terminal_that_is_silent_is_not_waited_for_long(daemon, plain_picture):
    began = time.monotonic()
    with in_terminal(daemon, "plain", answers=["nothing", "kitty"]) as terminal:
        terminal.finish()
        blocks = terminal.written[terminal._asked :]
        assert terminal.is_restored() and not leftovers(terminal)
    assert 0.9 < time.monotonic() - began < 20
    assert half_blocks(blocks, indexed_colour).shape == (46, 69, 3)


def test_interrupted_while_it_waits(daemon, plain_picture):
    with in_terminal(daemon, "plain", answers=["nothing", "kitty"]) as terminal:
        terminal.read_until(lambda: ANSWERS in terminal.written)
        terminal.type("\x03")
        assert terminal.finish()[0] == -2
        assert terminal.is_restored() and not leftovers(terminal)


@pytest.mark.parametrize(
    "garbage",
    [b"\x1b]11;rgb:\x1b\\", b"\x1b]11;rgb:zz/1/2\x1b\\", b"\x1b[6;0;0t", b"\x1b[6;99999999;1t"]
    + [b"\x1b_Gi=31;ENO\x1b\\", b"\x00\xff\x1b[?c\x1b[?1;2", b"\x1b[?" + b"9" * 900],
)
def test_answers_that_are_none(daemon, plain_picture, garbage):
    with in_terminal(daemon, "plain", background=garbage) as terminal:
        blocks = half_blocks(shown(terminal), indexed_colour)
    assert blocks.shape == (46, 69, 3)


@pytest.mark.parametrize("pixel_format", ["RGB8", "GRAY8", "BGRA8-premul", "RGBA16", "GRAY16"])
def test_every_format(daemon, client, tmp_path, pixel_format):
    if pixel_format == "GRAY16":
        deep = (noise(6, 8, 2).astype(numpy.uint16) * 200)[:, :, 0]
        path = write_gray16(tmp_path / "p.png", deep)
        expected = opaque((deep / 257.0)[:, :, None].repeat(3, axis=2))
    elif pixel_format == "RGBA16":
        deep = noise(6, 8, 4).astype(numpy.uint16) * 257
        path = write_rgba16(tmp_path / "p.png", deep)
        expected = deep / 257.0
    else:
        expected = numpy.dstack([noise(6, 8), noise(6, 8, 1) | 0x80])
        if pixel_format != "BGRA8-premul":
            expected = opaque(expected[:, :, :3])
        path = write_png(tmp_path / "p.png", expected.astype(numpy.uint8))
    client.ask("LOAD", path=path, name="p", format=pixel_format)
    done = run(daemon, "p", "--mode", "blocks")
    pixels = half_blocks(done.stdout, direct_colour)
    if pixel_format == "GRAY8":
        expected = opaque((expected[:, :, :3] @ [0.299, 0.587, 0.114])[:, :, None].repeat(3, 2))
    assert differ(pixels, over(expected, (0, 0, 0))) <= 2


def test_what_cannot_be_shown(daemon, plain_picture):
    assert run(daemon, "nothing").returncode == 1
    for words in (
        ["--size", "0x5"],
        ["--size", "5"],
        ["--size", "9999x5"],
        ["--size", "5x5x"],
        ["--background", "red"],
        ["--background", "12345g"],
        ["--mode", "chess"],
    ):
        done = run(daemon, "plain", *words)
        assert (done.returncode, done.stdout) == (2, b""), words
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [SHMIMGCTL, "-s", daemon.path, "show", "plain"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1 and b"No space left" in done.stderr


def test_nothing_is_left_pinned(daemon, client, plain_picture):
    client.ask("RELEASE", name="plain")
    run(daemon, "plain", "--mode", "sixel")
    assert client.ask("STAT", name="plain")["pins"] == "0"
