"""How files look: lengths, formatting, words that must not be there."""

import os
import re
import subprocess

import pytest
from sources import TOP, c_files, read, scripts, texts

LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# Split, so that this file passes its own test.
MARKERS = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
PHRASES = ["st" + "ub", "st" + "ubs", "for" + " now", "not" + " implemented"]
FORBIDDEN = re.compile(r"\b(?:%s|(?i:%s))\b" % ("|".join(MARKERS), "|".join(PHRASES)))


@pytest.mark.parametrize("path", [path for path in texts() if path.endswith((".c", ".h", ".py"))])
def test_length_of_files(path):
    assert read(path).count("\n") <= LINES_MAX


def functions(text):
    """(first line, lines) of each function body that begins in column 0."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start - 1
            start = None


@pytest.mark.parametrize("path", [path for path in c_files() if path.endswith(".c")])
def test_length_of_functions(path):
    long = [start for start, lines in functions(read(path)) if lines > FUNCTION_LINES_MAX]
    assert not long, f"{path}: functions at lines {long}"


@pytest.mark.parametrize("path", c_files())
def test_files_open_with_what_they_are_for(path):
    assert read(path).startswith("/*\n * ")


@pytest.mark.parametrize("path", texts())
def test_words(path):
    hits = [
        f"{path}:{number}: {line}"
        for number, line in enumerate(read(path).splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert not hits


@pytest.mark.parametrize("path", texts())
def test_lines(path):
    text = read(path)
    assert text.endswith("\n") and not text.endswith("\n\n")
    assert not re.search(r"[ \t\r]$", text, re.MULTILINE)
    if path.endswith((".c", ".h", ".py")):
        assert max(len(line.expandtabs(8)) for line in text.splitlines()) <= 100


def test_c_is_formatted():
    paths = [os.path.join(TOP, path) for path in c_files()]
    done = subprocess.run(
        ["clang-format", "--dry-run", "-Werror", *paths],
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[:4000]


def test_the_tests_are_distributed():
    listed = set(re.findall(r"%D%/(\S+)", read("tests/local.mk")))
    for folder in ("integration", "style"):
        names = os.listdir(os.path.join(TOP, "tests", folder))
        written = {f"{folder}/{name}" for name in names if not name.startswith((".", "__"))}
        assert written - listed == set()


@pytest.mark.parametrize("path", scripts())
def test_scripts_parse(path):
    first = read(path).splitlines()[0]
    if "python" in first:
        compile(read(path), path, "exec")
        return
    shell = "bash" if "bash" in first else "sh"
    subprocess.run([shell, "-n", os.path.join(TOP, path)], check=True)
