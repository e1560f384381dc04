"""Each allocation and each system call of a decoder fails in turn, once it is confined: that
costs one LOAD an error, and is never said to be the file's fault.
"""

import contextlib
import itertools
import os

import numpy
import pytest
from client import Refused
from faults import CALLS_MAX, CLASSES, Faults
from pictures import noise, write_jpeg, write_png
from segment import check_reply
from server import BUILD

DECODER = os.path.join(BUILD, "daemon", "decoder", "shmimg-decoder")
CODES = {"busy", "decoder-failed", "no-space"}


def write_xpm(path):
    rows = [b'"40 30 2 1",', b'". c #102030",', b'"X c #ff8040",']
    rows += [b'"%s",' % (b".X" * 20 if number % 3 else b"XX.." * 10) for number in range(30)]
    with open(path, "wb") as file:
        file.write(b"/* XPM */\nstatic char *a[] = {\n" + b"\n".join(rows)[:-1] + b"};\n")
    return str(path)


KINDS = {
    "png": lambda path: write_png(path, noise(30, 40)),
    "jpeg": lambda path: write_jpeg(path, noise(30, 40)),
    "progressive": lambda path: write_jpeg(path, noise(30, 40), progressive=True),
    "xpm": write_xpm,
}


@pytest.fixture
def faults(folder):
    return Faults(folder)


@pytest.fixture
def daemon(start_daemon, faults, folder):
    """Its decoders are put under the faults by a program that is one for the daemon."""
    wrapper = os.path.join(folder, "decoder")
    settings = [f"export {key}='{value}'" for key, value in faults.environment.items()]
    with open(wrapper, "w", encoding="ascii") as file:
        file.write("\n".join(["#!/bin/sh", *settings, f"exec {DECODER}"]) + "\n")
    os.chmod(wrapper, 0o755)
    return start_daemon("--decoders", "1", "--decoder", wrapper)


def decode_anew(client, path):
    client.ask("DROP", name="a")
    return client.ask("LOAD", path=path, name="a")


def use_up(client, path):
    """A decoder that met with a fault after its answer is lost with the next load."""
    with contextlib.suppress(Refused):
        decode_anew(client, path)
    client.ask("LOAD", path=path, name="a")


def pixels_of(reply):
    return check_reply(reply).pixels


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CLASSES)
def test_a_decoder(daemon, client, faults, tmp_path, record_property, kind, name):
    path = KINDS[kind](tmp_path / "a")
    right = pixels_of(client.ask("LOAD", path=path, name="a")).copy()
    for number in itertools.count(1):
        assert number < CALLS_MAX
        faults.arm(CLASSES[name], number)
        try:
            reply = decode_anew(client, path)
        except Refused as refusal:
            failed = faults.disarm()
            assert failed and refusal.code in CODES, f"call {number} ({failed}): {refusal}"
        else:
            failed = faults.disarm()
            assert numpy.array_equal(pixels_of(reply), right), f"call {number} ({failed})"
        use_up(client, path)
        if not failed:
            break
    assert number > 1
    record_property("faults", faults.injected)
