"""Manual pages: well formed, and complete against the tables in the sources."""

import os
import re
import subprocess
import tempfile

from sources import BUILD, TOP, manuals, read

PROTOCOL = "client/protocol/shmimg-protocol.7"
SEGMENT = "client/protocol/shmimg-segment.5"
DAEMON = "daemon/manual/shmimgd.8"
CONFIGURATION = "daemon/manual/shmimgd.conf.5"
SECURITY = "daemon/manual/shmimgd-security.7"
PERFORMANCE = "daemon/manual/shmimgd-performance.7"


def table(path, name, pattern):
    """What pattern finds in each line X(...) of a table of a header."""
    text = read(path)
    start = text.index(f"#define {name}(X)")
    lines = []
    for line in text[start:].splitlines():
        lines.append(line)
        if not line.endswith("\\"):
            break
    return re.findall(pattern, "\n".join(lines))


def plain(path):
    """A manual page as its readers see it, without bold, hyphens or breaks."""
    done = subprocess.run(
        ["mandoc", "-T", "utf8", "-O", "width=1000", os.path.join(TOP, path)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return re.sub(r".\x08", "", done.stdout)


def words(path):
    return set(re.findall(r"[A-Za-z0-9][A-Za-z0-9_-]*", plain(path)))


def test_mandoc_has_no_complaint():
    paths = [os.path.join(TOP, path) for path in manuals()]
    assert paths
    subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *paths], check=True)


def test_groff_has_no_complaint():
    for path in manuals():
        done = subprocess.run(
            ["groff", "-t", "-ww", "-mdoc", "-Tutf8", "-z", os.path.join(TOP, path)],
            stderr=subprocess.PIPE,
            text=True,
            check=True,
        )
        assert not done.stderr, path


def test_the_protocol_is_told_whole():
    told = words(PROTOCOL)
    verbs = table("client/protocol/command.h", "COMMAND_TABLE", r"X\((\w+),")
    keys = table("client/protocol/command.h", "KEY_TABLE", r'X\(\w+, "([^"]+)"')
    faults = table("client/protocol/fault.h", "FAULT_TABLE", r'X\(\w+, "([^"]+)"')
    formats = table("client/protocol/format.h", "FORMAT_TABLE", r'X\(\w+, \d+, "([^"]+)"')
    assert len(verbs) >= 8 and len(keys) >= 12 and len(faults) >= 12 and len(formats) >= 6
    sandbox = table("daemon/job/job.h", "JOB_SANDBOX_TABLE", r'X\(\w+, \d+, "([^"]+)"')
    assert len(sandbox) >= 4
    assert set(verbs + keys + faults + formats + sandbox) - told == set()


def synopses():
    """Each command of the protocol's page as it is printed: its keys, and the optional ones."""
    commands = plain(PROTOCOL).partition("\nCOMMANDS\n")[2].partition("\nIMAGES\n")[0]
    found = {}
    for verb, rest in re.findall(r"^ {5}([A-Z]{4,})((?: \S+)*)", commands, re.MULTILINE):
        depth, keys, optional = 0, [], []
        for word in rest.split():
            depth += word.count("[")
            field = word.translate(str.maketrans("", "", "[]()"))
            if field != "|":
                assert re.fullmatch(r"[a-z][a-z0-9-]*=[!-$&-~]+", field), (verb, word)
                key = field.partition("=")[0]
                keys.append(key)
                optional += [key] * (depth > 0 or "|" in rest.split())
            depth -= word.count("]")
        assert depth == 0 and len(set(keys)) == len(keys), verb
        found[verb] = (set(keys), set(optional))
    return found


def test_the_synopses_can_be_typed():
    """Each key is followed by '=' and its value without a space, and is one that is taken."""
    words_of = dict(
        table("client/protocol/command.h", "KEY_TABLE", r'X\((\w+), "([^"]+)"'),
    )
    header = read("client/protocol/command.h")
    groups = dict(re.findall(r"^#define (KEY_(?:RENDITION|LISTING)) \((.*)\)$", header, re.M))
    assert len(groups) == 2

    def keys_of(text):
        for name, keys in groups.items():
            text = text.replace(name, keys)
        return {words_of[key] for key in re.findall(r"KEY_BIT\((\w+)\)", text)}

    text = header[header.index("#define COMMAND_TABLE(X)") :]
    rows = re.findall(r"X\((\w+), \w+, ([^,]+),([^\"]*),[\s\\]*\"", text)
    assert len(rows) >= 12
    told = synopses()
    assert set(told) == {verb for verb, *_ in rows}
    for verb, required, optional in rows:
        assert told[verb][0] == keys_of(required + optional), verb
        if verb != "LOAD":
            assert told[verb][0] - told[verb][1] == keys_of(required), verb


def test_no_key_is_apart_from_its_value():
    keys = table("client/protocol/command.h", "KEY_TABLE", r'X\(\w+, "([^"]+)"')
    for page in manuals():
        found = re.findall(rf"\b(?:{'|'.join(keys)})(?: =[^ =]|= )", plain(page))
        assert not found, (page, found)


# What the table of limits says, and where it comes from.
LIMITS = {
    ("line, with its newline", "bytes"): ("client/protocol/wire.h", "WIRE_LINE_MAX"),
    ("fields of a line", ""): ("client/protocol/wire.h", "WIRE_FIELDS_MAX"),
    ("id", "bytes"): ("client/protocol/command.h", "ID_LENGTH_MAX"),
    ("name", "bytes"): ("client/protocol/name.h", "NAME_LENGTH_MAX"),
    ("path", "bytes"): ("client/protocol/name.h", "NAME_LENGTH_MAX"),
    ("pattern", "bytes"): ("daemon/base/glob.h", "GLOB_PATTERN_MAX"),
    ("LOAD requests of a connection under way", ""): ("daemon/command/dispatch.c", "PENDING_MAX"),
    ("waiting requests of a connection", ""): ("daemon/socket/connection.h", "CONNECTION_WAITING"),
    ("answers of a connection not yet sent", ""): (
        "daemon/socket/connection.h",
        "CONNECTION_REPLIES",
    ),
    ("descriptors under way from a connection", ""): ("daemon/socket/inbox.h", "INBOX_FDS_MAX"),
    ("descriptors under way to all clients", ""): ("daemon/socket/transit.c", "TOTAL_MAX"),
    ("renditions of an image", ""): ("daemon/store/image.h", "RENDITIONS_MAX"),
    ("changes kept for slow watchers", ""): ("daemon/store/change-log.h", "CHANGE_LOG_MAX"),
}


def test_the_limits_of_the_protocol_are_told():
    text = plain(PROTOCOL).partition("\nLIMITS\n")[2].partition("\nEXAMPLES\n")[0]
    rows = dict(re.findall(r"^ {5}(\S.*?) {2,}(\d.*)$", text, re.MULTILINE))
    assert len(rows) >= len(LIMITS)
    for (what, unit), (path, constant) in LIMITS.items():
        number = re.search(rf"\b{constant} = (?:TINY\()?(\d+)", read(path))[1]
        assert re.match(rf"{number}\b {unit}".rstrip(), rows[what]), what


def test_the_segment_is_told_whole():
    text = plain(SEGMENT)
    header = read("client/protocol/header.h")
    offsets = re.findall(r"^AT\(([\w.]+), (\d+)\);", header, re.MULTILINE)
    assert len(offsets) >= 28
    for member, offset in offsets:
        name = member.rpartition(".")[2]
        assert re.search(rf"^\s*{offset}\s+\S+\s+{name}\b", text, re.MULTILINE), member
    for word, number in re.findall(r'X\(\w+, (\d+), "([^"]+)"', read("client/protocol/format.h")):
        assert re.search(rf"^\s*{word}\s+{number}\b", text, re.MULTILINE), number
    for member in re.findall(r"^\t\w+ (\w+)[;\[]", read("client/protocol/board.h"), re.MULTILINE):
        assert member in text, member


def library_calls():
    """Each function of shmimg.h with its prototype."""
    text = re.sub(r"/\*.*?\*/", "", read("client/include/shmimg.h"), flags=re.DOTALL)
    pattern = r"^(?!typedef)([a-z][\w \n]*[ *]+(shmimg_\w+)\([^;{}]*\);)"
    return {name: whole for whole, name in re.findall(pattern, text, re.MULTILINE)}


def names_of(page):
    """The calls that a page is of."""
    head = read(page).split(".Nd ")[0]
    return re.findall(r"^\.Nm (\w+)", head, re.MULTILINE)


def test_each_call_of_the_library_has_its_page():
    """One page, which can be found by the call's name, and has its prototype."""
    calls = library_calls()
    pages = [page for page in manuals() if os.path.basename(page).startswith("shmimg_")]
    names = [name for page in pages for name in names_of(page)]
    assert len(calls) >= 40
    assert sorted(names) == sorted(calls)
    rules = read("client/lib/local.mk")
    for page in pages:
        text = re.sub(r"\s", "", plain(page))
        assert [name for name in names_of(page) if f"/{name}.3" not in rules] == []
        assert [
            name for name in names_of(page) if re.sub(r"\s", "", calls[name]) not in text
        ] == [], page


def test_no_page_leads_to_one_that_is_not_there():
    """Of the project's own; those of others are not looked for."""
    own = {os.path.basename(path) for path in manuals()}
    own |= {f"{name}.3" for name in library_calls()}
    for path in manuals():
        told = re.findall(r"^\.Xr ((?:lib)?shmimg\S*) (\d)", read(path), re.MULTILINE)
        assert {f"{name}.{section}" for name, section in told} - own == set(), path


def daemon_help():
    program = os.path.join(BUILD, "daemon", "shmimgd")
    done = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def test_the_daemons_options_are_told():
    options = set(re.findall(r"--[a-z][a-z-]*", daemon_help()))
    assert len(options) >= 7
    text = plain(DAEMON)
    assert {option for option in options if option not in text} == set()
    told = set(re.findall(r"--[a-z][a-z-]*", text))
    assert told - options == set()


def test_each_kind_of_message_is_explained():
    ids = table("daemon/log/entry.h", "LOG_KIND_TABLE", r'X\(\w+, "([0-9a-f]{32})"')
    assert len(ids) >= 8 and len(set(ids)) == len(ids)
    catalog = read("systemd/shmimgd.catalog")
    assert re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.MULTILINE) == ids
    fields = set(re.findall(r"@(\w+)@", catalog))
    assert fields <= words(DAEMON)


def allowed(program, option):
    """What the daemon says that an option may be, of a value that none may be."""
    done = subprocess.run(
        [program, f"--{option}= ;"], stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 2, option
    return done.stderr.partition("' is not ")[2].strip()


def test_the_configuration_file_is_told():
    """shmimgd.conf(5) has each option, what it may be, and when it takes effect."""
    program = os.path.join(BUILD, "daemon", "shmimgd")
    options = table("daemon/config/options.h", "OPTION_TABLE", r'X\(\w+, "([^"]+)"')
    whens = table("daemon/config/options.h", "OPTION_TABLE", r"\b(RELOAD|RESTART),")
    assert len(options) == len(whens) >= 13
    text = " ".join(plain(CONFIGURATION).split()).replace("“", '"').replace("”", '"')
    for option, when in zip(options, whens):
        assert f" {option} {allowed(program, option)}. {when}".lower() in text.lower()


def test_the_example_of_a_configuration_file_is_whole():
    """It says nothing as it is; without the '#' of its options it is right."""
    text = read("daemon/shmimgd.conf")
    options = table("daemon/config/options.h", "OPTION_TABLE", r'X\(\w+, "([^"]+)"')
    assert re.findall(r"^#([a-z-]+) = ", text, re.MULTILINE) == options
    said = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert said == ["[shmimgd]"]
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(re.sub(r"^#(?=[a-z])", "", text, flags=re.MULTILINE))
        file.flush()
        program = os.path.join(BUILD, "daemon", "shmimgd")
        done = subprocess.run(
            [program, "--print-config", "--config", file.name],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    assert all(f"# {file.name}:" in origin for origin in done.stdout.splitlines()[1::2])


def test_each_row_of_the_benchmark_is_told():
    """What it means, by the command and by the page, and what came of it."""
    rows = re.findall(r'^\t\{"([a-z0-9-]+)", row_', read("tests/bench/main.c"), re.MULTILINE)
    assert len(rows) >= 20
    program = os.path.join(TOP, "tests", "bench", "run")
    done = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True)
    assert re.findall(rf"^({'|'.join(rows)})  ", done.stdout, re.MULTILINE) == rows
    text = read(PERFORMANCE)
    tags = re.findall(r"^\.It Li (.*)$", text.partition(".Sh RESULTS")[0], re.MULTILINE)
    assert sorted(name for tag in tags for name in tag.split(" , ")) == sorted(rows)
    assert re.findall(r"^\.It (\S+) Ta [0-9]", text, re.MULTILINE) == rows
    options = re.findall(r"--[a-z]+", done.stdout)
    assert set(options) - {"--help", "--quick", "--roff"} - words_of_options(text) == set()


def words_of_options(text):
    """Long options as a page writes them."""
    return {f"-{option}" for option in re.findall(r"^\.Fl (-[a-z]+)", text, re.MULTILINE)}


def test_what_bounds_others_is_told():
    """The options that say what clients and files may cost, with the threat model."""
    limits = re.findall(r"^  (--[a-z-]*(?:max|user|decode)[a-z-]*)", daemon_help(), re.MULTILINE)
    limits = set(limits) - {"--decoder"}
    assert len(limits) >= 13
    assert {option for option in limits if option not in plain(SECURITY)} == set()


def test_each_page_leads_to_the_threat_model():
    for path in manuals():
        if path != SECURITY and "viewer" not in path and "python" not in path:
            assert "shmimgd-security(7)" in plain(path), path


def test_each_program_has_its_page():
    pages = {os.path.basename(path) for path in manuals()}
    wanted = {
        "shmimgd.8",
        "shmimgd.conf.5",
        "shmimgd-performance.7",
        "shmimgd-security.7",
        "shmimgctl.1",
        "shmimg-viewer.1",
        "libshmimg.3",
        "shmimg-python.3",
        "shmimg-protocol.7",
        "shmimg-segment.5",
    }
    assert wanted - pages == set()
