"""The project's files, for the tests that read them. Reads, never writes."""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SHMIMG_BUILD", os.path.join(TOP, ".build", "normal")))
FOLDERS = ("client", "daemon", "systemd", "tests")
TEXT_ENDINGS = tuple(".c .cc .h .py .mk .am .ac .in .sh .ini .toml .syms .map".split())
MANUAL = re.compile(r"\.[1-9]$")


def all_files():
    """Paths from the top of every file that somebody wrote."""
    found = [name for name in os.listdir(TOP) if os.path.isfile(os.path.join(TOP, name))]
    for folder in FOLDERS:
        for place, folders, names in os.walk(os.path.join(TOP, folder)):
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            found += [os.path.relpath(os.path.join(place, name), TOP) for name in names]
    return sorted(found)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def c_files():
    return [path for path in all_files() if path.endswith((".c", ".cc", ".h"))]


def is_script(path):
    """A file without an ending that begins with #!, or one of the top's."""
    full = os.path.join(TOP, path)
    if "." in os.path.basename(path) or not os.access(full, os.X_OK):
        return False
    with open(full, "rb") as file:
        return file.read(2) == b"#!"


def scripts():
    folders = FOLDERS + (".ci",)
    return [path for path in all_files() if path.startswith(folders) and is_script(path)]


def manuals():
    return [path for path in all_files() if MANUAL.search(path) and "/" in path]


def texts():
    """Sources, scripts, build files and manuals: all that is read by people."""
    written = [path for path in all_files() if path.endswith(TEXT_ENDINGS)]
    written = [path for path in written if path not in ("aclocal.m4", "Makefile.in", "config.h.in")]
    return sorted(set(written) | set(scripts()) | set(manuals()) | {"README"})
