"""The arrows between the parts: who may include whom, directly and through headers."""

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

# The folders of daemon/, from the top down: each may include those below its own line.
LAYERS = [
    ["socket"],
    ["command"],
    ["engine"],
    ["store", "decode"],
    ["segment", "file", "config"],
    ["user", "job", "log"],
    ["base"],
]
# Arrows within a line.
SAME_LAYER = set()
DECODER = ["decoder"]
RANK = {folder: rank for rank, line in enumerate(LAYERS) for folder in line}

# What is directly in daemon/: the process, and what its manager asks of it.
PROCESS = {"main", "instance", "activation", "notify", "reload"}

# Files: headers that they must not come to, through any number of headers.
MUST_NOT_REACH = [
    ("daemon/socket/*", ["daemon/store/*", "daemon/decode/*", "daemon/segment/*"]),
    ("daemon/command/*", ["daemon/socket/*", "sys/socket.h"]),
    ("daemon/engine/*", ["daemon/command/*", "daemon/socket/*"]),
    ("daemon/store/*", ["daemon/engine/*", "daemon/command/*", "daemon/file/*"]),
    ("daemon/decode/*", ["daemon/store/*"]),
    ("daemon/segment/*", ["daemon/store/*"]),
    ("daemon/decoder/*", ["systemd/*", "daemon/decode/*", "daemon/store/*", "daemon/log/*"]),
    ("client/lib/*", ["systemd/*"]),
]

# What the Python package may import, where it is asked for.
LAZY = {"numpy", "PIL"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
SOURCES = c_files()
INCLUDES = {path: INCLUDE.findall(read(path)) for path in SOURCES}


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
        for quote, header in INCLUDES[path]:
            fault = fault_of(quote, header, allowed)
            faults += [f"{path}: {header} {fault}"] if fault else []
    assert faults == []


def folder_of(path):
    """The folder of daemon/ that a file is in; None for one of another place."""
    parts = path.split("/")
    return parts[1] if parts[0] == "daemon" and len(parts) > 2 else None


def arrow_is_wrong(path, header):
    here, there = folder_of(path), folder_of(header)
    if here not in RANK or here == there or not header.startswith("daemon/"):
        return False
    if there not in RANK:
        return True
    return RANK[there] < RANK[here] or (
        RANK[there] == RANK[here] and (here, there) not in SAME_LAYER
    )


def test_folders_are_layers():
    """Nothing that a file of daemon/ includes, or that its headers include, stands above it."""
    arrows = [
        f"{path}: {header}"
        for path in SOURCES
        for _, header in INCLUDES[path]
        if arrow_is_wrong(path, header)
    ]
    assert arrows == []


def test_folders_are_known():
    folders = {folder_of(path) for path in SOURCES} - {None}
    assert folders == set(RANK) | set(DECODER)


def test_the_process_alone_is_directly_in_the_daemons_folder():
    found = [path for path in SOURCES if re.fullmatch(r"daemon/[^/]+", path)]
    assert {os.path.splitext(os.path.basename(path))[0] for path in found} == PROCESS


def reach(path):
    """Each header that a file comes to, with the header of ours that led there."""
    found, waiting = {}, [path]
    while waiting:
        here = waiting.pop()
        for _, header in INCLUDES.get(here, []):
            if header not in found:
                found[header] = here
                waiting.append(header)
    return found


@pytest.mark.parametrize("pattern, forbidden", MUST_NOT_REACH)
def test_what_must_not_be_known(pattern, forbidden):
    paths = [path for path in SOURCES if fnmatch.fnmatch(path, pattern)]
    assert paths, f"{pattern} is no file"
    faults = [
        f"{path}: {header} by {by}"
        for path in paths
        for header, by in reach(path).items()
        if any(fnmatch.fnmatch(header, each) for each in forbidden)
    ]
    assert faults == []


def module_of(path):
    return os.path.splitext(path)[0]


def circles(arrows):
    """Sets of modules that come back to themselves (Tarjan's strongly connected components)."""
    number, low, stack, found = {}, {}, [], []

    def visit(module):
        number[module] = low[module] = len(number)
        stack.append(module)
        for other in sorted(arrows[module]):
            if other not in number:
                visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], number[other])
        if low[module] == number[module]:
            start = stack.index(module)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for module in sorted(arrows):
        if module not in number:
            visit(module)
    return found


def module_arrows(paths):
    """A module is a .c with its .h; an arrow goes to each other module whose header it has."""
    arrows = {module_of(path): set() for path in paths}
    for path in paths:
        for _, header in INCLUDES[path]:
            other = module_of(header)
            if other in arrows and other != module_of(path):
                arrows[module_of(path)].add(other)
    return arrows


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_are_a_circle():
    paths = [path for path in SOURCES if path.startswith(("client/", "daemon/"))]
    assert circles(module_arrows(paths)) == []


PROTOTYPE = re.compile(
    r"^(?!static|typedef|return|else)[a-z][\w \t*]*?\b(\w+)\([^;{}]*\);", re.MULTILINE
)


def test_nothing_is_declared_by_hand():
    """A function of another file is declared by its header alone."""
    faults = [
        f"{path}: {name}"
        for path in SOURCES
        if path.startswith(("client/", "daemon/")) and path.endswith(".c")
        for name in PROTOTYPE.findall(read(path))
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
