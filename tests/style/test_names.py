"""What functions are called: a backtrace must say which file is meant."""

import os
import re

from sources import c_files, read

STATIC = re.compile(
    r"^static (?:inline )?(?:__attribute__\(\(\w+\)\) )?[\w \t*]*?\b([a-z_]\w*)\(", re.MULTILINE
)


def nouns(path):
    """The words of a file's name; those of shmimgctl's commands have the command's."""
    stem = os.path.splitext(os.path.basename(path))[0]
    return stem.split("-")


def has_noun(name, words):
    parts = name.split("_")
    return any(word in parts or word + "s" in parts for word in words)


def is_checked(path):
    """Examples are for people who read them alone."""
    return (
        path.endswith(".c")
        and path.startswith(("client/", "daemon/"))
        and not os.path.basename(path).startswith("example")
    )


def test_a_static_function_has_its_modules_noun():
    paths = [path for path in c_files() if is_checked(path)]
    functions = [(path, name) for path in paths for name in STATIC.findall(read(path))]
    assert len(functions) > 1000
    faults = [f"{path}: {name}" for path, name in functions if not has_noun(name, nouns(path))]
    assert faults == []


def test_no_source_sends_its_reader_to_its_own_header():
    faults = []
    for path in c_files():
        stem = os.path.splitext(os.path.basename(path))[0]
        head = read(path).partition("*/")[0]
        if path.endswith(".c") and re.search(rf"\bSee {re.escape(stem)}\.h\b", head):
            faults.append(path)
    assert faults == []
