"""The arrows between the parts: who may include whom."""

import ast
import fnmatch
import os
import re
import subprocess
import sys

import pytest
from sources import BUILD, TOP, all_files, c_files, read

# Files: folders (or headers) of ours that they may include. The first match counts.
MAY_INCLUDE = [
    ("client/protocol/*", ["client/protocol/"]),
    ("client/include/*", []),
    ("client/lib/*", ["client/include/", "client/lib/", "client/protocol/"]),
    ("client/common/*", ["client/common/", "client/include/"]),
    ("client/ctl/*", ["client/common/", "client/ctl/", "client/include/", "client/protocol/"]),
    ("client/viewer/*", ["client/common/", "client/include/", "client/viewer/"]),
    ("client/*", ["client/"]),
    ("daemon/decoder/*", ["client/protocol/", "daemon/decoder/", "daemon/job/"]),
    ("daemon/*", ["client/protocol/", "daemon/"]),
    ("tests/*", ["client/", "daemon/", "tests/"]),
]

# Files: headers that they must not include, directly.
MUST_NOT_INCLUDE = [
    ("daemon/command/*", ["daemon/socket/*", "sys/socket.h"]),
    ("daemon/socket/*", ["daemon/store/*", "daemon/segment/*"]),
    ("client/lib/*", ["systemd/*"]),
    ("daemon/decoder/*", ["systemd/*"]),
]

# What the Python package may import, where it is asked for.
LAZY = {"numpy", "PIL"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = c_files()


def includes(path):
    """(quote, header) of each #include of a file."""
    return INCLUDE.findall(read(path))


def matches(header, pattern):
    if pattern.endswith("/"):
        return header.startswith(pattern)
    return fnmatch.fnmatch(header, pattern) and header.count("/") == pattern.count("/")


def test_there_are_sources():
    assert len(SOURCES) > 20


def fault_of(quote, header, allowed):
    """What is wrong with an #include, or nothing."""
    if quote == "<":
        return "is ours" if os.path.exists(os.path.join(TOP, header)) else None
    if header == "config.h":
        return None
    if not os.path.exists(os.path.join(TOP, header)):
        return "is no path from the top"
    return None if any(matches(header, pattern) for pattern in allowed) else "is not its to use"


def test_includes_keep_to_the_arrows():
    faults = []
    for path in SOURCES:
        allowed = next(rule for pattern, rule in MAY_INCLUDE if fnmatch.fnmatch(path, pattern))
        for quote, header in includes(path):
            fault = fault_of(quote, header, allowed)
            faults += [f"{path}: {header} {fault}"] if fault else []
    assert faults == []


@pytest.mark.parametrize("pattern, forbidden", MUST_NOT_INCLUDE)
def test_forbidden_includes(pattern, forbidden):
    paths = [path for path in SOURCES if fnmatch.fnmatch(path, pattern)]
    assert paths, f"{pattern} is no file"
    faults = [
        f"{path}: {header}"
        for path in paths
        for _, header in includes(path)
        if any(fnmatch.fnmatch(header, each) for each in forbidden)
    ]
    assert faults == []


def python_imports(path):
    """(module, dots of a relative one, whether it is done as the file is) of each import."""
    tree = ast.parse(read(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0], node.level, node in tree.body
        elif isinstance(node, ast.Import):
            yield from ((name.name.split(".")[0], 0, node in tree.body) for name in node.names)


def test_the_python_package_needs_python_alone():
    """Of ours it uses nothing but itself; NumPy and PIL only where they are asked for."""
    paths = [path for path in all_files() if fnmatch.fnmatch(path, "client/python/shmimg/*.py")]
    assert len(paths) > 10
    faults = []
    for path in paths:
        for module, dots, at_once in python_imports(path):
            allowed = sys.stdlib_module_names | (set() if at_once else LAZY)
            if dots > 1 or (dots == 0 and module not in allowed):
                faults.append(f"{path}: {module}")
    assert faults == []


def test_headers_are_guarded():
    for path in SOURCES:
        if path.endswith(".h"):
            text = read(path)
            assert "#pragma once" in text or "#ifndef SHMIMG_H" in text, path


def test_the_library_exports_its_prefix_alone():
    library = os.path.join(BUILD, "client", "lib", ".libs", "libshmimg.so")
    done = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    )
    names = {line.split()[-1].partition("@")[0] for line in done.stdout.splitlines()}
    exported = {name for name in names if not name.startswith(("SHMIMG_", "LIBSHMIMG_"))}
    declared = set(re.findall(r"\b(shmimg_\w+)\(", read("client/include/shmimg.h")))
    assert exported and exported <= declared
    assert declared - exported == set()
