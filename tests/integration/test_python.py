"""The Python package: pixels, metadata, and how long what is mapped lasts."""

import copy
import gc
import io
import os
import pickle
import re
import resource
import subprocess
import tempfile
import time

import numpy
import pytest
import shmimg
from client import eventually
from PIL import Image, ImageCms
from pictures import (
    noise,
    oriented,
    premultiplied,
    smooth,
    tiny_png,
    turned,
    with_alpha,
    write_gray16,
    write_jpeg,
    write_png,
    write_rgba16,
)
from server import memory


@pytest.fixture
def shm(daemon):
    with shmimg.connect(daemon.path, 60) as client:
        yield client


def maps():
    with open("/proc/self/maps", encoding="utf-8") as file:
        return file.read()


def mappings(daemon):
    """How many of the daemon's images this process has mapped; the tests map its board."""
    board = os.path.basename(daemon.hello["board"])
    lines = maps().splitlines()
    return sum(f"shmimg-{daemon.instance}" in line and board not in line for line in lines)


def test_load(shm, tmp_path):
    pixels = noise(37, 53, 4)
    path = write_png(tmp_path / "a.png", pixels)
    image = shm.load(path)
    assert (image.name, image.width, image.height, image.format) == (path, 53, 37, "RGBA8")
    assert (image.stride, image.orientation, image.owner) == (256, 1, os.getuid())
    assert not image.cached and shm.load(path).cached
    assert numpy.array_equal(image.array, pixels)
    assert repr(image) == f"<shmimg.Image {path!r} 53x37 RGBA8 generation {image.generation}>"


def test_fetch(shm, daemon, tmp_path):
    loaded = shm.load(tiny_png(tmp_path / "a.png"), name="a")
    with shmimg.connect(daemon.path) as other:
        found = other.fetch("a")
    assert found.segment == loaded.segment and found.generation == loaded.generation
    assert numpy.array_equal(found.array, loaded.array)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_pil_decodes(shm, tmp_path, channels):
    path = write_png(tmp_path / "a.png", noise(31, 45, channels))
    with Image.open(path) as other:
        for format, mode in (("RGBA8", "RGBA"), ("native", other.mode)):
            image = shm.load(path, format=format)
            assert numpy.array_equal(image.array, numpy.asarray(other.convert(mode)))
            assert image.to_pil() == other.convert(mode)


def test_jpeg(shm, tmp_path):
    path = write_jpeg(tmp_path / "a.jpg", smooth(70, 90))
    with Image.open(path) as other:
        assert numpy.array_equal(shm.load(path, format="RGB8").array, numpy.asarray(other))


def test_formats(shm, tmp_path):
    pixels = noise(9, 70, 4)
    path = write_png(tmp_path / "a.png", pixels)
    arrays = {word: shm.load(path, format=word) for word in shmimg.segment.FORMATS}
    assert [image.format for image in arrays.values()] == list(arrays)
    shapes = {image.array.shape for word, image in arrays.items() if word.startswith("GRAY")}
    assert shapes == {(9, 70)}
    assert numpy.array_equal(arrays["BGRA8-premul"].array, premultiplied(pixels))
    assert arrays["RGBA16"].array.dtype == numpy.uint16
    assert numpy.array_equal(arrays["RGBA16"].array, pixels * numpy.uint16(257))
    assert arrays["RGBA16"].to_pil() == arrays["RGBA8"].to_pil()
    assert len(arrays["GRAY8"].memoryview) == 9 * 128
    opaque = with_alpha(pixels[:, :, :3])
    straight = shm.load(write_png(tmp_path / "b.png", opaque), format="BGRA8-premul").to_pil()
    assert numpy.array_equal(numpy.asarray(straight), opaque)


def test_sixteen_bits(shm, tmp_path):
    grey = numpy.arange(12 * 40, dtype=numpy.uint16).reshape(12, 40) * 137
    image = shm.load(write_gray16(tmp_path / "grey.png", grey), format="native")
    assert image.format == "GRAY16" and numpy.array_equal(image.array, grey)
    assert numpy.array_equal(numpy.asarray(image.to_pil()), grey)
    colour = numpy.arange(5 * 6 * 4, dtype=numpy.uint16).reshape(5, 6, 4) * 541
    image = shm.load(write_rgba16(tmp_path / "colour.png", colour), format="native")
    assert image.format == "RGBA16" and numpy.array_equal(image.array, colour)


def test_nothing_can_be_written(shm, tmp_path):
    image = shm.load(tiny_png(tmp_path / "a.png"))
    with pytest.raises(ValueError):
        image.array[0, 0] = 1
    with pytest.raises(ValueError):
        image.array.flags.writeable = True
    with pytest.raises(TypeError):
        image.memoryview[0] = 1
    with pytest.raises(AttributeError):
        image.width = 7
    with open("/proc/self/maps", encoding="utf-8") as maps:
        modes = [line.split()[1] for line in maps if image.segment[1:] in line]
    assert modes == ["r--s"]


def test_an_image_is_not_pickled(shm, tmp_path):
    image = shm.load(write_png(tmp_path / "a.png", noise(4, 4, 4)))
    for make in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="fetch"):
            make(image)
    assert numpy.array_equal(pickle.loads(pickle.dumps(image.array)), image.array)


def test_the_array_is_the_mapping(shm, tmp_path):
    image = shm.load(write_png(tmp_path / "a.png", noise(100, 100, 4)))
    view = numpy.frombuffer(image.memoryview, numpy.uint8)
    assert numpy.shares_memory(image.array, view) and numpy.shares_memory(image.array, image)
    assert image.array.strides == (image.stride, 4, 1)


def test_a_large_image_is_there_at_once_and_not_copied(shm, daemon, tmp_path):
    """3840 x 2160 as an array, by a client that has not seen it: no page more, below 1 ms."""
    path = write_png(tmp_path / "uhd.png", numpy.tile(noise(60, 64), (36, 60, 1)))
    shm.load(path, name="uhd")
    times = []
    with shmimg.connect(daemon.path, 60) as other:
        other.fetch("uhd").array.any()
        gc.collect()
        before = memory(os.getpid())
        for _ in range(100):
            begun = time.perf_counter()
            array = other.fetch("uhd").array
            times.append(time.perf_counter() - begun)
        assert memory(os.getpid()) - before < 1 << 20
        assert array.shape == (2160, 3840, 4) and not array.flags.writeable
    places = re.findall(rf"^(\w+)-(\w+) r--s .*{shm.fetch('uhd').segment}$", maps(), re.M)
    assert any(int(start, 16) < array.ctypes.data < int(end, 16) for start, end in places)
    print(f"fetched in {sorted(times)[50] * 1e6:.0f} us")
    assert min(times) < 1e-3


def test_views_outlive_image_client_and_daemon(start_daemon, folder, tmp_path):
    daemon = start_daemon()
    pixels = noise(20, 20, 4)
    with shmimg.connect(daemon.path) as client:
        image = client.load(write_png(tmp_path / "a.png", pixels))
        part, rows = image.array[5:, 5:], image.memoryview
        client.drop(image.name)
        del image
    gc.collect()
    assert mappings(daemon) == 1
    daemon.stop()
    assert numpy.array_equal(part, pixels[5:, 5:])
    assert bytes(rows[:80]) == pixels[0].tobytes()
    del part, rows
    gc.collect()
    assert mappings(daemon) == 0


def test_what_nobody_has_is_unmapped_and_unpinned(shm, daemon, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    image, array = shm.load(path), shm.load(path).array
    assert mappings(daemon) == 2
    del image
    assert mappings(daemon) == 1 and shm.stat(path)["pins"] == 1
    del array
    assert mappings(daemon) == 0 and shm.stat(path)["pins"] == 0


def test_attached_lasts_as_long_as_its_array(shm, client, tmp_path):
    array = shm.load(tiny_png(tmp_path / "a.png"), name="a", keep="attached").array
    assert client.ask("STAT", name="a")["keep"] == "attached"
    assert array.size
    del array
    eventually(lambda: not client.items())  # nobody waits for the answer to a release


def test_more_images_than_files(shm, tmp_path):
    """A mapping keeps no descriptor."""
    before = len(os.listdir("/proc/self/fd"))
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before + 20, limits[1]))
    try:
        path = tiny_png(tmp_path / "a.png")
        images = [shm.load(path, name=str(number)).array for number in range(60)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(images) == 60 and len(os.listdir("/proc/self/fd")) == before


def test_a_new_generation(shm, tmp_path):
    path = write_png(tmp_path / "a.png", noise(5, 5, 4, 1))
    old = shm.load(path)
    before = old.array.copy()
    write_png(path, noise(6, 7, 4, 2))
    new = shm.load(path)
    assert new.generation > old.generation and new.array.shape == (6, 7, 4)
    assert numpy.array_equal(old.array, before)


def test_metadata(shm, tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010E] = "a description"
    path = write_jpeg(tmp_path / "a.jpg", smooth(8, 8), icc_profile=profile, exif=exif.tobytes())
    image = shm.load(path)
    assert image.icc == profile == image.to_pil().info["icc_profile"]
    assert b"a description" in image.exif and image.exif[:2] in (b"II", b"MM")
    plain = shm.load(tiny_png(tmp_path / "b.png"))
    assert plain.icc is None and plain.exif is None


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_orientation(shm, tmp_path, orientation):
    path = oriented(tmp_path / "a.jpg", smooth(16, 24), orientation)
    image = shm.load(path, format="RGB8")
    with Image.open(path) as other:
        wanted = turned(numpy.asarray(other), orientation)
    assert image.orientation == orientation and numpy.array_equal(image.array, wanted)


def test_names(shm, client, tmp_path):
    path = tiny_png(tmp_path / "a.png")
    longest = "ü" * 2047 + "x"
    for name in ("with space", "100%", "=", "日本", longest):
        image = shm.load(path, name=name)
        assert image.name == name == shm.fetch(name).name == shm.stat(name)["name"]
        assert client.ask("FETCH", name=name)["segment"] == image.segment
    for name in ("", "x" * 4096, "ü" * 2048, "a\nb", "\x9f", "\udc80"):
        for call in (shm.fetch, shm.stat, shm.drop):
            with pytest.raises(shmimg.InvalidArgument):
                call(name)


def test_names_of_paths(shm, tmp_path, monkeypatch):
    real = tmp_path / "real"
    real.mkdir()
    tiny_png(real / "a.png")
    (tmp_path / "link").symlink_to("real")
    (real / "b.png").symlink_to("a.png")
    monkeypatch.chdir(tmp_path)
    folder = os.path.realpath(real)
    for path in ("real/a.png", "link/a.png", b"link/../real//a.png", real / "a.png"):
        assert shm.load(path).name == shmimg.name_of_path(path) == f"{folder}/a.png"
    assert shm.load("link/b.png").name == f"{folder}/b.png"
    assert shmimg.name_of_path("link/") == os.path.realpath("link")[:-4] + "link"
    assert shmimg.name_of_path("/") == "/" and shmimg.name_of_path(".") == os.getcwd()


def test_the_same_name_as_shmimgctl(shm, daemon, tmp_path, monkeypatch):
    from server import BUILD

    (tmp_path / "b").mkdir()
    (tmp_path / "link").symlink_to("b")
    tiny_png(tmp_path / "b" / "a.png")
    monkeypatch.chdir(tmp_path)
    program = os.path.join(BUILD, "client", "ctl", "shmimgctl")
    command = [program, "--socket", daemon.path, "load", "link/../link/a.png"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert shm.load("link/a.png").cached


def test_sources(shm, tmp_path):
    pixels = noise(8, 8, 4)
    path = write_png(tmp_path / "a.png", pixels)
    with open(path, "rb") as file:
        file.seek(17)
        image = shm.load(file)
        assert image.name == path and file.tell() == 17
        assert shm.load(file.fileno(), name="by number").array.shape == (8, 8, 4)
        with pytest.raises(shmimg.InvalidArgument, match="name"):
            shm.load(file.fileno())
        file.seek(0)
        memory = io.BytesIO(file.read())
    assert numpy.array_equal(shm.load(memory, name="memory").array, pixels)
    with tempfile.TemporaryFile() as hidden:
        hidden.write(memory.getvalue())
        hidden.flush()
        assert numpy.array_equal(shm.load(hidden, name="hidden").array, pixels)


def test_what_is_no_file(shm, tmp_path):
    with pytest.raises(FileNotFoundError):
        shm.load(tmp_path / "none.png")
    with pytest.raises(shmimg.InvalidArgument):
        shm.load(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(shmimg.InvalidArgument):
        shm.load(tmp_path / "fifo")
    for wrong in (None, True, 1.5):
        with pytest.raises(TypeError):
            shm.load(wrong, name="x")


def test_without_numpy_and_pil(daemon, tmp_path):
    """Nothing but the standard library is loaded until it is asked for."""
    program = (
        "import sys, shmimg\n"
        f"image = shmimg.connect({daemon.path!r}).load({tiny_png(tmp_path / 'a.png')!r})\n"
        "print(len(image.memoryview), {'numpy', 'PIL'} & set(sys.modules))\n"
    )
    command = [os.sys.executable, "-c", program]
    path = {"PYTHONPATH": os.path.dirname(os.path.dirname(shmimg.__file__))}
    done = subprocess.run(command, env={**os.environ, **path}, capture_output=True, check=True)
    assert done.stdout == b"128 set()\n"
