"""What the manual pages promise: every key is told, and every example works."""

import os
import re
import subprocess
import sys

import pytest
from pictures import noise, write_png
from server import TOP

PROTOCOL = os.path.join(TOP, "client", "protocol", "shmimg-protocol.7")
SEGMENT = os.path.join(TOP, "client", "protocol", "shmimg-segment.5")


def words(path):
    done = subprocess.run(
        ["mandoc", "-T", "utf8", path], stdout=subprocess.PIPE, text=True, check=True
    )
    return set(re.findall(r"[a-z][a-z-]*", re.sub(r".\x08", "", done.stdout)))


def example(path, start):
    """The literal block of a page that begins with start, as a reader sees it."""
    with open(path, encoding="utf-8") as file:
        blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", file.read(), re.M | re.S)
    (text,) = [block for block in blocks if block.startswith(start)]
    return text.replace("\\e", "\\")


@pytest.fixture
def logo(client, tmp_path):
    pixels = noise(6, 5, 4)
    return client.ask("LOAD", path=write_png(tmp_path / "logo.png", pixels), name="logo"), pixels


def run_python(program, daemon, name=""):
    done = subprocess.run(
        [sys.executable, "-c", program, name],
        env={**os.environ, "SHMIMG_SOCKET": daemon.path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_key_of_an_answer_is_told(client, logo):
    told = words(PROTOCOL)
    given = set(client.hello) | set(logo[0]) | set(client.ask("STATS"))
    given |= set(client.ask("FETCH", name="logo")) | set(client.ask("STAT", name="logo"))
    assert given - told == set()


def test_the_client_in_python(daemon, logo):
    output = run_python(example(PROTOCOL, "import mmap, os, socket"), daemon)
    assert output.split() == ["RGBA8", *map(str, logo[1][0, 0])]


def test_the_mapping_in_python(daemon, logo):
    reply, pixels = logo
    program = "import sys\nname = sys.argv[1]\n" + example(SEGMENT, "import mmap, os, struct")
    output = run_python(program + "print(*pixels.ravel())\n", daemon, reply["segment"])
    assert output.split() == list(map(str, pixels.ravel()))


C_PROGRAM = """
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv)
{
const char *name = argv[argc - 1];
%s
printf("%%u %%u %%u\\n", (unsigned)width, (unsigned)height, last_row[0]);
return 0;
}
"""


def test_the_mapping_in_c(logo, tmp_path):
    reply, pixels = logo
    source = tmp_path / "map.c"
    source.write_text(C_PROGRAM % example(SEGMENT, "int fd = shm_open"), encoding="ascii")
    program = str(tmp_path / "map")
    subprocess.run(["cc", "-Wall", "-Werror", "-o", program, str(source)], check=True)
    done = subprocess.run([program, reply["segment"]], stdout=subprocess.PIPE, check=True)
    assert done.stdout.split() == [b"5", b"6", b"%d" % pixels[-1, 0, 0]]
