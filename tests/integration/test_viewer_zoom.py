"""shmimg-viewer's picture: how large it is, which part is seen, and what is under it."""

import numpy
import pytest
from client import TIMEOUT, eventually
from pictures import noise, write_png
from viewer import QUADRANTS, flat

# What the theme marks things with.
FRAME = (53, 132, 228)

SQUARES = [(204, 204, 204), (153, 153, 153)]


def box_of(pixels, colours):
    """Rows and columns of all that has one of these colours: top, bottom, left, right."""
    found = numpy.argwhere(
        numpy.any([(pixels == colour).all(axis=2) for colour in colours], axis=0)
    )
    if not len(found):
        return 0, 0, 0, 0
    (top, left), (bottom, right) = found.min(axis=0), found.max(axis=0)
    return top, bottom + 1, left, right + 1


def size_of(viewer, colours=QUADRANTS):
    top, bottom, left, right = box_of(viewer.shown(), colours)
    return right - left, bottom - top


@pytest.fixture
def viewer(daemon, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    return viewer


def test_fitted_actual_larger_smaller(viewer):
    fitted = size_of(viewer)
    assert fitted[0] > 400 and abs(fitted[0] / fitted[1] - 80 / 60) < 0.02
    for keys, size in {
        "1": (80, 60),
        "plus": (100, 75),
        "equal": (125, 94),
        "minus": (100, 75),
        "ctrl+minus": (80, 60),
        "KP_Subtract": (64, 48),
        "0": fitted,
        "ctrl+1": (80, 60),
        "ctrl+KP_0": fitted,
    }.items():
        viewer.press(keys)
        eventually(lambda: size_of(viewer) == size)


def test_pixels_are_sharp(daemon, start_viewer, tmp_path):
    """Each is a rectangle of its own colour, and there is no colour between two."""
    pixels = noise(6, 8) | 1
    viewer = start_viewer("--socket", daemon.path, write_png(tmp_path / "n.png", pixels))
    colours = [tuple(colour) for colour in pixels.reshape(-1, 3)]
    viewer.screen.await_colours(colours)
    top, bottom, left, right = box_of(viewer.shown(), colours)
    seen = viewer.shown()[top:bottom, left:right]
    height, width = seen.shape[:2]
    rows = ((numpy.arange(height) + 0.5) * 6 / height).astype(int)
    columns = ((numpy.arange(width) + 0.5) * 8 / width).astype(int)
    differing = (seen != pixels[rows][:, columns]).any(axis=2)
    # A pixel of the screen that two of the image's share may be either's.
    assert differing.mean() < 0.02
    assert {tuple(c) for c in seen.reshape(-1, 3)} <= set(colours)


@pytest.mark.parametrize("pixel_format", ["BGRA8-premul", "RGB8", "GRAY8", "RGBA16", "GRAY16"])
def test_magnified_in_every_format(daemon, client, start_viewer, tmp_path, pixel_format):
    greys = [(20, 20, 20), (90, 90, 90), (160, 160, 160), (250, 250, 250)]
    path = write_png(tmp_path / "g.png", flat(greys))
    client.ask("LOAD", path=path, name="g", format=pixel_format)
    viewer = start_viewer("--socket", daemon.path, "--exact", "g")
    viewer.screen.await_colours(greys)
    (left, top), (right, bottom) = (
        [int(numpy.median(axis)) for axis in numpy.nonzero((viewer.shown() == grey).all(axis=2))]
        for grey in (greys[0], greys[3])
    )
    assert left < right and top < bottom


def point(viewer, across, down):
    """Moves the pointer to a place right of the list."""
    viewer.screen.xdotool("mousemove", viewer.SIDE + across, down)


def test_the_wheel_zooms_about_the_pointer(viewer):
    top, bottom, left, right = box_of(viewer.shown(), QUADRANTS)
    # Within the upper left quadrant, near to its lower right corner.
    across, down = (left + right) // 2 - 20, (top + bottom) // 2 - 20
    point(viewer, across, down)
    for _ in range(4):
        viewer.screen.xdotool("click", 4)
    eventually(lambda: viewer.shown()[:420, :580][down, across].tolist() == list(QUADRANTS[0]))

    def corner():
        """How far the middle of the picture is from the pointer."""
        found = numpy.argwhere((viewer.shown() == QUADRANTS[0]).all(axis=2))
        return tuple(found.max(axis=0) - (down, across))

    zoomed = 1.25**4
    eventually(lambda: max(abs(numpy.array(corner()) - 20 * zoomed)) <= 4)
    for _ in range(4):
        viewer.screen.xdotool("click", 5)
    eventually(lambda: max(abs(numpy.array(corner()) - 20)) <= 2)


def middle(viewer):
    """Where the four quadrants meet."""
    found = numpy.argwhere((viewer.shown() == QUADRANTS[0]).all(axis=2))
    return found.max(axis=0)[::-1] if len(found) else numpy.array([0, 0])


def test_dragging_moves_it(viewer):
    for _ in range(4):
        viewer.press("plus")
    eventually(lambda: size_of(viewer)[0] > 560)
    before = middle(viewer)
    across, down = map(int, before)
    point(viewer, across, down)
    viewer.screen.xdotool("mousedown", 1)
    for step in range(1, 11):
        point(viewer, across + 5 * step, down - 4 * step)
    eventually(lambda: abs(middle(viewer) - before - (50, -40)).max() <= 4)
    viewer.screen.xdotool("mouseup", 1)


def test_keys_move_it(viewer):
    for _ in range(4):
        viewer.press("plus")
    point(viewer, 250, 200)
    viewer.screen.xdotool("click", 1)
    before = middle(viewer)
    viewer.press("Right", "Down")
    eventually(lambda: (middle(viewer) < before - 20).all())
    viewer.press("Left", "Up")
    eventually(lambda: abs(middle(viewer) - before).max() <= 3)


def test_one_sees_that_keys_move_it(viewer):
    def framed():
        """The frame's pixels, all at the edges of what shows the image."""
        return (viewer.shown() == FRAME).all(axis=2).sum()

    point(viewer, 250, 200)
    viewer.screen.xdotool("click", 1)
    assert framed() == 0
    viewer.press("Tab", "shift+Tab")
    eventually(lambda: framed() > 2000)


def test_no_gap_on_one_side_alone(viewer):
    for _ in range(4):
        viewer.press("plus")
    point(viewer, 250, 200)
    viewer.screen.xdotool("click", 1)
    for _ in range(40):
        viewer.press("Right")
    eventually(lambda: (viewer.shown()[200, 100:500] == QUADRANTS[1]).all())


def test_another_generation_keeps_the_zoom(daemon, client, viewer, quadrants):
    viewer.press("1")
    eventually(lambda: size_of(viewer) == (80, 60))
    turned = QUADRANTS[::-1]
    write_png(quadrants, flat(turned))
    client.ask("LOAD", path=quadrants)

    def upper_left():
        top, bottom, left, right = box_of(viewer.shown(), QUADRANTS)
        return (bottom - top, right - left, viewer.shown()[top, left].tolist())

    eventually(lambda: upper_left() == (60, 80, list(turned[0])))
    write_png(quadrants, flat(turned, 90, 80))
    client.ask("LOAD", path=quadrants)
    eventually(lambda: size_of(viewer)[1] > 300)


def test_chequers_under_what_one_can_see_through(daemon, start_viewer, tmp_path):
    pixels = numpy.zeros((40, 60, 4), numpy.uint8)
    pixels[:, 30:] = (255, 0, 0, 128)
    viewer = start_viewer("--socket", daemon.path, write_png(tmp_path / "a.png", pixels))
    viewer.screen.await_colours(SQUARES, 20000)
    counts = [(viewer.shown() == colour).all(axis=2).sum() for colour in SQUARES]
    assert abs(counts[0] / counts[1] - 1) < 0.05
    for grey in SQUARES:
        mixed = numpy.array(grey) * 127 / 255 + numpy.array([128, 0, 0])
        eventually(lambda: (abs(viewer.shown() - mixed).max(axis=2) <= 2).sum() > 20000)


def test_no_chequers_under_what_is_opaque(viewer):
    assert not any((viewer.shown() == colour).all(axis=2).sum() > 200 for colour in SQUARES)


def test_the_side_makes_room(viewer):
    before = size_of(viewer)
    viewer.press("F9")
    eventually(lambda: size_of(viewer) != before)
    viewer.press("F9")
    eventually(lambda: size_of(viewer) == before)


def test_nothing_to_zoom(daemon, start_viewer):
    viewer = start_viewer("--socket", daemon.path)
    viewer.press("plus", "minus", "1", "0")
    viewer.press("ctrl+w")
    assert viewer.process.wait(TIMEOUT) == 0 and viewer.said() == ""
