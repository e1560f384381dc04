"""What the manual pages promise: every key is told, and every example works."""

import fcntl
import os
import re
import select
import signal
import subprocess
import sys

import numpy
import pytest
from client import TIMEOUT, eventually, parse
from pictures import (
    noise,
    oriented,
    write_gray16,
    write_png,
    write_rgba16,
)
from segment import check_reply
from server import TOP

PROTOCOL = os.path.join(TOP, "client", "protocol", "shmimg-protocol.7")
SEGMENT = os.path.join(TOP, "client", "protocol", "shmimg-segment.5")


def rendered(path):
    """A page as its readers see it, each paragraph on one line."""
    command = ["mandoc", "-T", "utf8", "-O", "width=1000", path]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return re.sub(r".\x08", "", done.stdout)


def words(path):
    return set(re.findall(r"[a-z][a-z-]*", rendered(path)))


def examples(path, start):
    """The literal blocks of a page that begin with start, as a reader sees them."""
    with open(path, encoding="utf-8") as file:
        blocks = re.findall(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", file.read(), re.M | re.S)
    return [block.replace("\\e", "\\") for block in blocks if block.startswith(start)]


def example(path, start):
    (text,) = examples(path, start)
    return text


@pytest.fixture
def logo(client, tmp_path):
    pixels = noise(6, 5, 4)
    return client.ask("LOAD", path=write_png(tmp_path / "logo.png", pixels), name="logo"), pixels


def run_python(program, daemon, argument=""):
    done = subprocess.run(
        [sys.executable, "-c", program, argument],
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


# ---- Requests of the protocol ----

# What stands for a value in a synopsis, and one that it can be.
VALUES = {
    "NAME": "logo",
    "FORMAT": "RGBA8",
    "NUMBER": "1",
    "UID": str(os.getuid()),
    "GLOB": "*",
    "KEY,...": "width,pins",
    "ID": "7",
}


def synopses():
    commands = rendered(PROTOCOL).partition("\nCOMMANDS\n")[2].partition("\nIMAGES\n")[0]
    return [
        synopsis.replace("[,NUMBER]...", "").translate(str.maketrans("", "", "[]()")).split()
        for synopsis in re.findall(r"^ {5}([A-Z]{4,}(?: \S+)*)", commands, re.M)
    ]


def test_each_synopsis_can_be_sent(client, tmp_path):
    """With all its keys, and with each choice of a value."""
    path = write_png(tmp_path / "logo.png", noise(6, 5, 4))
    client.ask("LOAD", path=path, name="logo")
    values = {**VALUES, "PATH": path}
    found = synopses()
    assert len(found) >= 12
    for verb, *fields in found:
        if "|" in fields:  # path=PATH | source=fd
            del fields[fields.index("|") : fields.index("|") + 2]
        pairs = [field.split("=", 1) for field in fields]
        choices = {key: value.split("|") for key, value in pairs}
        for turn in range(max(map(len, choices.values()), default=1)):
            keys = {}
            for key, words_of in choices.items():
                word = words_of[min(turn, len(words_of) - 1)]
                keys[key] = values.get(word, word)
            if keys.get("keep") == "attached":
                del keys["pin"]  # it must be pinned
            if verb in ("DROP", "HELLO", "LIST") or turn:
                keys["id"] = "7"
            client.send(verb, **keys)
            name, answer = client.reply()
            while name not in ("OK", "ERR"):
                assert name in ("ITEM", "EVENT")
                name, answer = client.reply()
            assert answer.get("code", "not-found") == "not-found", (verb, keys, answer)
            if verb == "DROP":
                client.ask("LOAD", path=path, name="logo")


def steps(block):
    """Of a session: the requests that are sent together, and the lines that answer them."""
    lines = re.sub(r"\n  +", " ", block).splitlines()
    found = []
    for line in lines:
        if not line.startswith("> "):
            found[-1][1].append(line)
        elif found and not found[-1][1]:
            found[-1][0].append(line[2:])
        else:
            found.append(([line[2:]], []))
    return found


FIELD = re.compile(r"[a-z][a-z0-9-]*=(?:[!-$&-~]|%[0-9A-Fa-f]{2})*")

# Values that are different each time.
VARYING = {"segment", "generation", "semaphore", "slot", "uid", "owner", "version", "board"}


def check_line(printed, received):
    (verb, told), (got_verb, got) = parse(printed.encode()), received
    assert (got_verb, list(got)) == (verb, list(told)), (printed, received)
    for key, value in told.items():
        if value.endswith("..."):
            assert got[key].startswith(value[:-3]), (printed, received)
        elif key not in VARYING:
            assert got[key] == value, (printed, received)


def in_order(lines):
    """Lines by their id: only those of one id, or of none, are in order."""
    return sorted(lines, key=lambda values: values[1].get("id", ""))


def test_the_sessions(connect, tmp_path):
    """Each request can be sent as it is printed, and gets the answer that is printed."""
    path = write_png(tmp_path / "logo.png", noise(48, 48, 4))
    blocks = examples(PROTOCOL, "> ")
    assert len(blocks) >= 5
    client = connect(hello=False)
    verbs = set()
    for requests, answers in (step for block in blocks for step in steps(block)):
        for request in requests:
            verb, *fields = request.split(" ")
            malformed = any("code=protocol" in answer for answer in answers)
            assert all(FIELD.fullmatch(field) for field in fields) != malformed
            verbs.add(verb)
            client.send(request.replace("/usr/share/pixmaps/debian-logo.png", path).encode())
        received = in_order(client.reply() for _ in answers)
        printed = in_order([(*parse(answer.encode()), answer) for answer in answers])
        for (*_, answer), line in zip(printed, received, strict=True):
            check_line(answer, line)
        client.send("NOOP")
        assert client.reply() == ("OK", {})
    assert verbs >= {"HELLO", "LOAD", "FETCH", "RELEASE", "DROP", "STAT", "LIST", "NOOP", "WATCH"}


WRONG = {
    b"LIST limit=0": "limit",
    b"LIST keys=colour": "keys",
    b"LIST after=%01": "after",
    b"LIST owner=1": "after",
    b"LIST match=" + 1025 * b"a": "match",
    b"WATCH initial=1": "initial",
    b"RELEASE name=a generation=0": "generation",
    b"RELEASE name=a format=native": "format",
    b"STAT name=a height=0": "height",
    b"HELLO fd=1": "fd",
    b"LOAD path=/a watch=1": "watch",
    b"LOAD name=a source=path": "source",
    b"CANCEL": "id",
}


@pytest.mark.parametrize("request_line", WRONG)
def test_a_wrong_value_has_its_key_in_the_error(client, request_line):
    client.send(request_line)
    _, values = client.reply()
    assert (values["code"], values["key"]) == ("invalid-argument", WRONG[request_line])


def test_what_a_missing_key_means(client, tmp_path):
    """For a name that is there: also when the file has changed."""
    path = write_png(tmp_path / "a.png", noise(9, 9, 3))
    told = ("format", "keep", "share", "watch", "pins", "full-width")

    def state():
        stat = client.ask("STAT", name=path)
        return [stat.get(key) for key in told]

    client.ask("LOAD", path=path, width=3, format="GRAY8")
    assert state() == ["GRAY8", "cache", "private", "no", "1", "9"]
    client.ask("DROP", name=path)
    client.ask("LOAD", path=path, keep="pinned", share="group", watch="yes", pin="no")
    assert state() == ["RGBA8", "pinned", "group", "yes", "0", None]
    client.ask("LOAD", path=path)
    assert state() == ["RGBA8", "pinned", "group", "yes", "1", None]
    client.ask("RELEASE", name=path)
    os.replace(write_png(tmp_path / "b.png", noise(9, 9, 3, 2)), path)
    assert not client.fds
    client.ask("LOAD", path=path, pin="no")
    assert state() == ["RGBA8", "pinned", "group", "yes", "0", None]


@pytest.mark.parametrize("request_line", [b"HELLO fd=yes", b"FETCH name=logo fd=yes"])
def test_what_a_descriptor_is_of(client, logo, request_line):
    del logo
    reply = client.ask(request_line)
    (fd,) = client.fds
    name = reply.get("segment", reply.get("board"))
    assert os.path.samestat(os.fstat(fd), os.stat("/dev/shm" + name))
    assert fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    assert os.lseek(fd, 0, os.SEEK_CUR) == 0


# ---- Pixels ----

BOXES = [(0, 0), (2, 0), (0, 2), (1, 1), (3, 5), (7, 9), (30, 1), (1, 30), (10, 10), (99, 99)]


@pytest.mark.parametrize("size", [(4, 3), (13, 30), (30, 13), (2, 31), (40, 1), (10, 10)])
def test_sizes_are_those_of_the_formula(client, tmp_path, size):
    """Ties too: a picture of 4 x 3 becomes 2 x 2."""
    scope = {}
    exec(example(PROTOCOL, "def fit("), scope)
    width, height = size
    path = write_png(tmp_path / "a.png", noise(height, width, 3))
    for box in BOXES:
        keys = {key: side for key, side in zip(("width", "height"), box, strict=True) if side}
        reply = client.ask("LOAD", path=path, name="a", **keys)
        got = int(reply["width"]), int(reply["height"])
        assert got == scope["fit"](width, height, *box), box


def formulas():
    """The conversions of the page, by their names, as Python computes them."""
    text = rendered(PROTOCOL).partition("The formulas:\n")[2].partition("\n\n")[0]
    pairs = re.findall(r"^ {5}(\S.*)\n {8,}(\S.*)$", text, re.M)
    assert len(pairs) == 6
    return {name: formula.replace("/", "//") for name, formula in pairs}


def convert(name, **samples):
    return eval(formulas()[name], {}, {key: numpy.int64(value) for key, value in samples.items()})


@pytest.fixture
def pixels_of(client):
    def load(path, format):
        reply = client.ask("LOAD", path=path, name="a", format=format)
        return numpy.array(check_reply(reply).pixels, numpy.int64)

    return load


def wide_noise(height, width):
    generator = numpy.random.default_rng(5)
    return generator.integers(0, 65536, (height, width, 4), numpy.uint16)


def test_conversions_from_8_bits(pixels_of, tmp_path):
    file = noise(512, 512, 4).astype(numpy.int64)  # so many that some are at a border
    path = write_png(tmp_path / "a.png", noise(512, 512, 4))
    red, green, blue, alpha = (file[:, :, i] for i in range(4))
    assert (pixels_of(path, "RGB8") == file[:, :, :3]).all()
    grey = convert("colour to GRAY8", R=red, G=green, B=blue)
    assert (pixels_of(path, "GRAY8")[:, :, 0] == grey).all()
    wide = convert("8 bits to 16", V=file)
    assert (pixels_of(path, "RGBA16") == wide).all()
    grey = convert("colour to GRAY16", R16=wide[:, :, 0], G16=wide[:, :, 1], B16=wide[:, :, 2])
    assert (pixels_of(path, "GRAY16")[:, :, 0] == grey).all()
    premultiplied = pixels_of(path, "BGRA8-premul")
    for channel, colour in enumerate((blue, green, red)):
        expected = convert("BGRA8-premul, from 8 bits", R=colour, A=alpha)
        assert (premultiplied[:, :, channel] == expected).all()
    assert (premultiplied[:, :, 3] == alpha).all()


def test_conversions_from_16_bits(pixels_of, tmp_path):
    file = wide_noise(512, 512)
    path = write_rgba16(tmp_path / "a.png", file)
    file = file.astype(numpy.int64)
    narrow = convert("16 bits to 8", V=file)
    assert (pixels_of(path, "native") == file).all()
    assert (pixels_of(path, "RGBA8") == narrow).all()
    assert (pixels_of(path, "RGB8") == narrow[:, :, :3]).all()
    red, green, blue, alpha = (narrow[:, :, i] for i in range(4))
    grey = convert("colour to GRAY8", R=red, G=green, B=blue)
    assert (pixels_of(path, "GRAY8")[:, :, 0] == grey).all()
    grey = convert("colour to GRAY16", R16=file[:, :, 0], G16=file[:, :, 1], B16=file[:, :, 2])
    assert (pixels_of(path, "GRAY16")[:, :, 0] == grey).all()
    premultiplied = pixels_of(path, "BGRA8-premul")
    for channel in range(3):
        colour = file[:, :, 2 - channel]
        expected = convert("BGRA8-premul, from 16 bits", R16=colour, A16=file[:, :, 3])
        assert (premultiplied[:, :, channel] == expected).all()
    assert (premultiplied[:, :, 3] == alpha).all()


def test_every_value_of_16_bits_as_8(pixels_of, tmp_path):
    file = numpy.arange(65536, dtype=numpy.uint16).reshape(256, 256)
    path = write_gray16(tmp_path / "a.png", file)
    narrow = convert("16 bits to 8", V=file)
    assert (pixels_of(path, "GRAY8")[:, :, 0] == narrow).all()
    assert (pixels_of(path, "native")[:, :, 0] == file).all()


def test_orientations_are_those_of_the_table(pixels_of, tmp_path):
    text = rendered(PROTOCOL).partition("\n     orientation ")[2].partition("\n\n")[0]
    table = re.findall(r"^ {5}(\d) {2,}(\S.*?) {2,}(\S.*)$", text, re.M)
    assert [int(number) for number, *_ in table] == list(range(1, 9))
    file = noise(16, 24, 3)
    plain = pixels_of(oriented(tmp_path / "plain.jpg", file, 1), "RGB8")
    h, w, _ = plain.shape
    for number, column, row in table:
        got = pixels_of(oriented(tmp_path / f"{number}.jpg", file, int(number)), "RGB8")
        y, x = numpy.mgrid[0 : got.shape[0], 0 : got.shape[1]]
        where = {"x": x, "y": y, "w": w, "h": h}
        assert (got == plain[eval(row, {}, where), eval(column, {}, where)]).all(), number


# ---- Programs ----


def test_the_client_in_python(daemon, tmp_path):
    pixels = noise(6, 5, 4)
    program = example(PROTOCOL, "import mmap, os, socket")
    assert len(program.splitlines()) <= 40
    output = run_python(program, daemon, write_png(tmp_path / "logo.png", pixels))
    assert output.split() == ["RGBA8", *map(str, pixels[0, 0])]


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


LOCK_PROGRAM = """
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
int id = atoi(argv[1]);
unsigned short index = (unsigned short)atoi(argv[2]);
uid_t owner = (uid_t)atoi(argv[argc - 1]);
%s
return 0;
}
"""

INSIDE = "/* Here, no other program has the lock. */"


@pytest.fixture
def lock_command(client, logo, tmp_path):
    """The example of the lock, which says so when it has it, and then waits for a line."""
    text = example(SEGMENT, "union semun {")
    assert text.count(INSIDE) == 1
    source, program = tmp_path / "lock.c", str(tmp_path / "lock")
    text = text.replace(INSIDE, 'puts("held");\nfflush(stdout);\ngetchar();')
    source.write_text(LOCK_PROGRAM % text, encoding="ascii")
    subprocess.run(["cc", "-Wall", "-Werror", "-o", program, str(source)], check=True)
    return [program, *logo[0]["semaphore"].split(":"), client.hello["uid"]]


def test_the_lock_in_c(client, lock_command):
    """The lock is held between the two halves of the example, free after it, and ends by DROP."""
    command = lock_command
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert client.ask("STAT", name="logo")["lock"] == str(holder.pid)
        holder.communicate(b"\n")
    assert holder.returncode == 0
    assert client.ask("STAT", name="logo")["lock"] == "free"
    with subprocess.Popen(command, stderr=subprocess.PIPE, **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        client.ask("DROP", name="logo")
        _, complaint = holder.communicate(b"\n")
    assert holder.returncode == 1 and b"the lock was lost" in complaint
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b"the image is gone" in done.stderr


def test_the_lock_in_c_when_it_is_interrupted(client, lock_command):
    """Stopped while it waits for the lock, it waits again when it goes on, and gets the lock."""

    def wait_for(waiters):
        eventually(lambda: client.ask("STAT", name="logo")["waiters"] == waiters)

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with (
        subprocess.Popen(lock_command, **pipes) as holder,
        subprocess.Popen(lock_command, **pipes) as waiter,
    ):
        first, second = holder, waiter
        ready, *_ = select.select([holder.stdout, waiter.stdout], [], [], TIMEOUT)
        if waiter.stdout in ready:
            first, second = waiter, holder
        assert first.stdout.readline() == b"held\n"
        wait_for("1")
        second.send_signal(signal.SIGSTOP)
        wait_for("0")
        second.send_signal(signal.SIGCONT)
        wait_for("1")
        first.communicate(b"\n")
        assert second.stdout.readline() == b"held\n"
        second.communicate(b"\n")
    assert (first.returncode, second.returncode) == (0, 0)


# ---- What requests do ----


def test_a_quiet_request_has_no_answer(client, logo):
    """Not even items, but the events of a quiet WATCH come."""
    del logo
    client.send(b"LIST quiet=ok")
    client.send(b"FETCH name=logo fd=yes quiet=ok")
    client.ask("NOOP")
    assert not client.fds
    client.send(b"WATCH initial=yes quiet=ok")
    assert [client.reply()[1]["type"] for _ in range(2)] == ["loaded", "listed"]


@pytest.mark.parametrize("other", ["source", "path"])
def test_a_followed_image_gets_pixels_from_elsewhere(client, tmp_path, other):
    """It stays followed, and the next change of the followed file brings that file back."""
    path = write_png(tmp_path / "a.png", noise(5, 5, 3))
    elsewhere = write_png(tmp_path / "b.png", noise(6, 6, 3))
    client.ask("LOAD", path=path, name="a", watch="yes")
    if other == "source":
        with open(elsewhere, "rb") as file:
            client.ask("LOAD", [file.fileno()], source="fd", name="a")
    else:
        client.ask("LOAD", path=elsewhere, name="a")
    stat = client.ask("STAT", name="a")
    assert (stat["watch"], stat["width"]) == ("yes", "6")
    os.replace(write_png(tmp_path / "c.png", noise(7, 7, 3)), path)
    eventually(lambda: client.ask("STAT", name="a")["width"] == "7")


def test_a_list_begins_behind_all_images_of_a_name(client, logo):
    del logo
    assert [item["name"] for item in client.items(after="logn")] == ["logo"]
    assert client.items(after="logo") == []
    assert client.items(after="logo", owner=os.getuid()) == []


@pytest.mark.parametrize(
    ("text", "id"),
    [
        (b"FETCH id=a name", "a"),
        (b"FETCH name id=a%20b", "a b"),
        (b"FETCH id=a id=b", None),
        (b"FETCH id=%01 name", None),
        (b"FETCH id=a% name=b", None),
        (b"FETCH id=a quiet=ok name", "a"),
    ],
)
def test_a_malformed_line_has_its_id_if_it_can_be_read(client, text, id):
    client.send(text)
    verb, values = client.reply()
    assert (verb, values["code"], values.get("id")) == ("ERR", "protocol", id)
    client.ask("NOOP")
