"""The binary interface of libshmimg, compared with its stored description by abidiff(1).

Run as a program (python3 tests/style/test_abi.py) this writes the description anew, from the
library in the build folder.
"""

import os
import platform
import re
import shutil
import subprocess
import tempfile

import pytest
from sources import BUILD, TOP

DESCRIPTION = "tests/abi/libshmimg.abi"
LIBRARY = os.path.join(BUILD, "client", "lib", ".libs", "libshmimg.so")
HEADERS = os.path.join(TOP, "client", "include")
MACHINE = "x86_64"  # that the description is of

ADVICE = f"""
The binary interface of libshmimg is not what {DESCRIPTION} says.
Programs that are installed already were built with the interface described there.
Allowed at any time: a new function, a new constant at the end of an enumeration, a new member
at the end of struct shmimg_options. Raise SHMIMG_LTVERSION in configure.ac then (current + 1,
revision 0, age + 1) and run
    SHMIMG_BUILD={BUILD} python3 tests/style/test_abi.py
Anything else breaks these programs. Undo it; or, for a new major version, raise
SHMIMG_LTVERSION (current + 1, revision 0, age 0) so that they keep the old library.
"""

pytestmark = pytest.mark.skipif(
    platform.machine() != MACHINE, reason=f"the description is of {MACHINE}"
)

# Edits of the public interface: what changes, and in which file. Each must be noticed.
EDITS = {
    "member": [("client/include/shmimg.h", "uint32_t reserved;", "uint32_t reserved, more;")],
    "constant": [
        ("client/include/shmimg.h", "SHMIMG_PRIVATE = 0, ", "SHMIMG_PRIVATE = 1, "),
        ("client/include/shmimg.h", "SHMIMG_GROUP = 1, ", "SHMIMG_GROUP = 0, "),
        ("client/lib/options.c", '_Static_assert((int)SHMIMG_PRIVATE == ', "_Static_assert(1 + "),
    ],
    "prototype": [
        ("client/include/shmimg.h", "unsigned microseconds);", "uint64_t microseconds);"),
        ("client/lib/connect.c", "unsigned microseconds)", "uint64_t microseconds)"),
        ("client/lib/connect.c", "= microseconds", "= (unsigned)microseconds"),
    ],
    "symbol": [("client/lib/libshmimg.map", "\tshmimg_fourcc;\n", "")],
}


def describe(library, headers):
    """The description of a library, without what differs from one build folder to another."""
    options = (
        "--no-comp-dir-path --no-corpus-path --no-elf-needed --no-parameter-names"
        " --no-show-locs --drop-private-types --exported-interfaces-only --type-id-style hash"
    )
    command = ["abidw", *options.split(), "--headers-dir", headers, library]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return re.sub(r" path='[^']*?(client/lib/[^']*)'", r" path='\1'", done.stdout)


def compare(description):
    """What abidiff says of a description; nothing when the interface is the stored one."""
    with tempfile.NamedTemporaryFile("w", suffix=".abi") as file:
        file.write(description)
        file.flush()
        done = subprocess.run(
            ["abidiff", "--harmless", "--no-show-locs", os.path.join(TOP, DESCRIPTION), file.name],
            capture_output=True,
            text=True,
        )
    assert done.returncode & 3 == 0, done.stderr  # abidiff itself failed
    return done.stdout if done.returncode else ""


def build_edited(folder, edits):
    """Builds the library from edited sources. Returns its path and that of its header."""
    for part in ("include", "lib", "protocol"):
        shutil.copytree(os.path.join(TOP, "client", part), folder / "client" / part)
    for path, old, new in edits:
        text = (folder / path).read_text()
        assert old in text, f"{path} has no {old!r}"
        (folder / path).write_text(text.replace(old, new))
    sources = [
        str(path)
        for part in ("lib", "protocol")
        for path in sorted((folder / "client" / part).glob("*.c"))
        if not path.name.startswith("example")
    ]
    library = str(folder / "libshmimg.so")
    flags = "-std=gnu11 -g -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE".split()
    script = folder / "client" / "lib" / "libshmimg.map"
    options = [f"-I{folder}", f"-Wl,--version-script={script}", "-Wl,-soname,libshmimg.so.0"]
    subprocess.run(["cc", *flags, *options, "-o", library, *sources], check=True)
    return library, str(folder / "client" / "include")


def test_the_interface_is_as_described():
    difference = compare(describe(LIBRARY, HEADERS))
    assert not difference, ADVICE + difference


@pytest.mark.parametrize("edit", EDITS)
def test_a_change_is_noticed(edit, tmp_path):
    assert compare(describe(*build_edited(tmp_path, EDITS[edit]))) != ""


def test_no_change_is_no_difference(tmp_path):
    assert compare(describe(*build_edited(tmp_path, []))) == ""


if __name__ == "__main__":
    with open(os.path.join(TOP, DESCRIPTION), "w", encoding="utf-8") as stored:
        stored.write(describe(LIBRARY, HEADERS))
