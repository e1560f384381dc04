"""How files look: lengths, formatting, words that must not be there."""

import os
import re
import subprocess

from sources import TOP, c_files, read, scripts, texts

LINES_MAX = 600
FUNCTION_LINES_MAX = 60

# Split, so that this file passes its own test.
MARKERS = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
PHRASES = ["st" + "ub", "st" + "ubs", "for" + " now", "not" + " implemented"]
FORBIDDEN = re.compile(r"\b(?:%s|(?i:%s))\b" % ("|".join(MARKERS), "|".join(PHRASES)))


def test_length_of_files():
    paths = [path for path in texts() if path.endswith((".c", ".cc", ".h", ".py"))]
    assert [path for path in paths if read(path).count("\n") > LINES_MAX] == []


def functions(text):
    """(first line, lines) of each function body that begins in column 0."""
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            yield start, number - start - 1
            start = None


def test_length_of_functions():
    long = [
        f"{path}:{start}: {lines} lines"
        for path in c_files()
        if path.endswith((".c", ".cc"))
        for start, lines in functions(read(path))
        if lines > FUNCTION_LINES_MAX
    ]
    assert long == []


def test_files_open_with_what_they_are_for():
    assert [path for path in c_files() if not read(path).startswith("/*\n * ")] == []


def test_words():
    hits = [
        f"{path}:{number}: {line}"
        for path in texts()
        for number, line in enumerate(read(path).splitlines(), 1)
        if FORBIDDEN.search(line)
    ]
    assert hits == []


def test_ends_of_lines_and_files():
    faults = []
    for path in texts():
        text = read(path)
        if not text.endswith("\n") or text.endswith("\n\n"):
            faults.append(f"{path}: does not end with one newline")
        if re.search(r"[ \t\r]$", text, re.MULTILINE):
            faults.append(f"{path}: has space at the end of a line")
    assert faults == []


def test_width_of_lines():
    wide = [
        f"{path}:{number}"
        for path in texts()
        if path.endswith((".c", ".cc", ".h", ".py"))
        for number, line in enumerate(read(path).splitlines(), 1)
        if len(line.expandtabs(8)) > 100
    ]
    assert wide == []


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
    inner = re.findall(r"%D%/([\w.-]+)", read("tests/fuzz/local.mk"))
    listed |= {f"fuzz/{name}" for name in [*inner, "local.mk"]}
    for folder in ("fuzz", "integration", "style", "systemd"):
        names = os.listdir(os.path.join(TOP, "tests", folder))
        written = {f"{folder}/{name}" for name in names if not name.startswith((".", "__"))}
        assert written - listed == set()


def test_scripts_parse():
    paths = scripts()
    assert {"tests/run-all", "tests/demo", "tests/setup"} <= set(paths)
    for path in paths:
        first = read(path).splitlines()[0]
        if "python" in first:
            compile(read(path), path, "exec")
            continue
        shell = "bash" if "bash" in first else "sh"
        subprocess.run([shell, "-n", os.path.join(TOP, path)], check=True)
