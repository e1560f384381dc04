"""The Python package around its modules: command line, manual, examples, installation."""

import json
import os
import re
import select
import shutil
import subprocess
import sys

import numpy
import pytest
import shmimg
from client import eventually
from PIL import Image
from pictures import noise, smooth, tiny_png, write_jpeg, write_png
from server import TOP

FOLDER = os.path.join(TOP, "client", "python")
EXAMPLES = os.path.join(FOLDER, "examples")
MANUAL = os.path.join(FOLDER, "shmimg-python.3")


@pytest.fixture
def run(daemon, tmp_path):
    """Runs a program that finds the package and the daemon."""

    def run(*command, socket=daemon.path, path=FOLDER):
        return subprocess.run(
            list(map(str, command)),
            env={**os.environ, "SHMIMG_SOCKET": str(socket), "PYTHONPATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def shell(run):
    """python3 -m shmimg"""

    def shell(*arguments, **settings):
        return run(sys.executable, "-m", "shmimg", *arguments, **settings)

    return shell


def good(done):
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# ---- The command line ----


def test_load_and_fetch(shell, tmp_path):
    paths = [tiny_png(tmp_path / f"{number}.png", number) for number in range(2)]
    loaded = [json.loads(line) for line in good(shell("--json", "load", *paths)).splitlines()]
    assert [(image["name"], image["cached"]) for image in loaded] == [(p, False) for p in paths]
    fetched = good(shell("fetch", paths[0]))
    assert f"segment: {loaded[0]['segment']}\nwidth: 3\nheight: 2\n" in fetched
    assert json.loads(good(shell("--json", "load", "0.png", "--format", "GRAY8")))["stride"] == 64


def test_list_stat_and_stats(shell, tmp_path):
    good(shell("load", tiny_png(tmp_path / "a.png"), "--name", "ä b"))
    assert good(shell("list")) == "ä b: 3x2 RGBA8, 0 pins\n"
    assert good(shell("list", "x*")) == ""
    assert "renditions: RGBA8\npins: 0\n" in good(shell("stat", "ä b"))
    assert json.loads(good(shell("--json", "stats")))["images"] == 1


def test_watching(shell, daemon, tmp_path):
    command = [sys.executable, "-m", "shmimg", "--json", "watch"]
    with shmimg.connect(daemon.path) as client, subprocess.Popen(
        command,
        env={**os.environ, "SHMIMG_SOCKET": daemon.path, "PYTHONPATH": FOLDER},
        stdout=subprocess.PIPE,
    ) as watcher:

        def has_heard():
            client.load(tiny_png(tmp_path / "a.png"), name="a", keep="attached")
            return select.select([watcher.stdout], [], [], 0.05)[0]

        eventually(has_heard)
        event = json.loads(watcher.stdout.readline())
        watcher.terminate()
        watcher.stdout.read()
    assert event["name"] == "a" and event["type"] in ("loaded", "dropped")


def test_exit_codes(shell, tmp_path):
    (tmp_path / "text").write_text("x")
    refused = shell("load", "text", "none.png", tiny_png(tmp_path / "a.png"))
    assert refused.returncode == 1 and "width: 3" in refused.stdout
    assert refused.stderr.startswith("shmimg: text: ")
    assert refused.stderr.endswith("shmimg: none.png: No such file or directory\n")
    missing = shell("fetch", "none")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("shmimg: none: no image has this name")
    assert shell().returncode == shell("fetch").returncode == shell("juggle").returncode == 2
    assert shell("load", "a", "b", "--name", "c").returncode == 2
    nobody = shell("stats", socket=tmp_path / "nothing")
    assert nobody.returncode == 3 and "no shmimgd at" in nobody.stderr


def test_a_reader_that_has_enough(daemon, tmp_path):
    with shmimg.connect(daemon.path) as client:
        for number in range(300):
            client.load(tiny_png(tmp_path / "a.png"), name=f"{number:03}" + "x" * 1000)
    command = f"{sys.executable} -m shmimg list | head -n 1"
    environment = {**os.environ, "SHMIMG_SOCKET": daemon.path, "PYTHONPATH": FOLDER}
    done = subprocess.run(
        command, shell=True, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("000x") and done.stderr == ""


# ---- The examples ----


def test_edges(run, tmp_path):
    path = write_jpeg(tmp_path / "a b.jpg", smooth(40, 60))
    command = (sys.executable, os.path.join(EXAMPLES, "edges.py"), path, "edges.png")
    assert good(run(*command)) == "60x40, decoded\n"
    assert good(run(*command)) == "60x40, from memory\n"
    grey = numpy.asarray(Image.open(path).convert("L")).astype(int)
    with Image.open(tmp_path / "edges.png") as result:
        assert result.size == (59, 39)
        across = grey[:-1, 1:] - grey[:-1, :-1]
        wanted = abs(grey[1:, :-1] - grey[:-1, :-1]) + abs(across)
        assert abs(numpy.asarray(result).astype(int) - wanted).max() <= 4


@pytest.mark.parametrize("name", ["a.png", "ä b%41=.png"])
def test_brightness(run, tmp_path, name):
    pixels = noise(33, 70, 1)
    path = write_png(tmp_path / name, pixels)
    done = good(run(os.path.join(EXAMPLES, "brightness.sh"), os.path.basename(path)))
    assert done == f"{pixels.mean():.2f}\n"
    none = run(os.path.join(EXAMPLES, "brightness.sh"), "none.png")
    assert none.returncode == 1 and "code=not-found" in none.stderr


# ---- The manual ----


def manual():
    with open(MANUAL, encoding="utf-8") as file:
        return file.read()


def test_the_manual_shows_the_example():
    blocks = re.findall(r"^\.Bd -literal\n(.*?)^\.Ed$", manual(), re.M | re.S)
    with open(os.path.join(EXAMPLES, "edges.py"), encoding="utf-8") as file:
        assert file.read() in [block.replace("\\e", "\\") for block in blocks]


def test_the_manual_tells_all():
    told = set(re.findall(r"\w+", manual()))
    assert set(shmimg.__all__) - {"Record"} - told == set()
    public = {name for kind in (shmimg.Client, shmimg.Image) for name in vars(kind)}
    public = {name for name in public if not name.startswith("_")}
    assert public - {"path", "timeout"} - told == set()
    for kind in shmimg.Error.__subclasses__():
        assert not kind.word or f"{kind.__name__} Ta {kind.word} Ta" in manual()


def test_everything_is_documented():
    for name in shmimg.__all__:
        thing = getattr(shmimg, name)
        assert name == "Record" or thing.__doc__, name
        if isinstance(thing, type) and not issubclass(thing, shmimg.Error):
            for part, value in vars(thing).items():
                if not part.startswith("_") and (callable(value) or isinstance(value, property)):
                    assert value.__doc__, f"{name}.{part}"


def test_the_version_is_the_projects():
    with open(os.path.join(TOP, "configure.ac"), encoding="utf-8") as file:
        (version,) = re.findall(r"AC_INIT\(\[shmimgd\], \[([^]]+)\]\)", file.read())
    assert shmimg.__version__ == version


# ---- Installation ----


def test_pip_install(run, tmp_path):
    copy, target = tmp_path / "copy", tmp_path / "target"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    options = "--no-build-isolation --no-deps --no-index --no-compile -q".split()
    done = run(sys.executable, "-m", "pip", "install", *options, "--target", target, copy)
    assert done.returncode == 0, done.stderr
    installed = {path.name for path in (target / "shmimg").iterdir()}
    written = os.listdir(os.path.join(FOLDER, "shmimg"))
    assert installed == {name for name in written if not name.startswith("__pycache__")}
    program = "import shmimg; print(shmimg.__file__, shmimg.stats()['images'])"
    found = good(run(sys.executable, "-c", program, path=str(target)))
    assert found == f"{target}/shmimg/__init__.py 0\n"
