"""The promises of shmimgd-security(7): each is a row of a table, beside tests that exist."""

import os
import re

import pytest
from sources import TOP, read

SECURITY = "daemon/manual/shmimgd-security.7"
ROW = re.compile(r"T\{\n(.*?)\nT\}\tT\{\n(.*?)\nT\}\n", re.DOTALL)
TABLE = re.compile(r"\.TS\nlw\(32\) lw\(38\)\.\n(.*?)\n(.*?)\.TE\n", re.DOTALL)
ENDING = {"unit": ".c", "integration": ".py", "systemd": ".py"}
# Words of promises. Other sections explain; they promise nothing.
PROMISING = r"\b(never|nobody|cannot|always|guarantee\w*|no other|nothing|whatever happens)\b"


def sections(text):
    """Each section of the page, by its name."""
    parts = re.split(r"^\.Sh (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def pairs_of(cell):
    """Pairs of a file in tests/ and the name of a test, of a cell: FILE: NAME, NAME; FILE: NAME."""
    text = re.sub(r"\\[%:]", "", cell).replace("\n", " ")
    found = []
    for entry in text.split("; "):
        path, colon, names = entry.partition(": ")
        assert colon, f"{entry!r} is not FILE: NAME"
        found += [(path, name) for name in names.split(", ")]
    return found


def exists(path, name):
    """Whether a file of tests/ defines a test of this name."""
    folder, _, file = path.partition("/")
    assert file.endswith(ENDING[folder]), path
    if not os.path.isfile(os.path.join(TOP, "tests", path)):
        return False
    if path.endswith(".c"):
        pattern = rf"^static void {re.escape(name)}\(void \*\*state\)"
        text = read(f"tests/{path}")
        uses = len(re.findall(rf"\b{re.escape(name)}\b", text))
        return bool(re.search(pattern, text, re.MULTILINE)) and uses > 1
    pattern = rf"^def {re.escape(name)}\("
    return name.startswith("test_") and bool(re.search(pattern, read(f"tests/{path}"), re.M))


def check_promises(section):
    """Returns the rows of a section that has nothing but headings and tables. Else fails."""
    rows = []
    for area in re.split(r"^\.Ss .*\n", section, flags=re.MULTILINE):
        table = TABLE.fullmatch(area)
        if not table:
            assert area == "", f"outside of the tables: {TABLE.sub('', area)!r}"
            continue
        heading, body = table.groups()
        assert heading in ("\\fBPromise\\fR\t\\fBTests\\fR", "\\fBLimit\\fR\t\\fBTests\\fR")
        assert ROW.sub("", body) == "", "a line outside of the rows"
        found = ROW.findall(body)
        assert found, "a table without rows"
        for promise, cell in found:
            assert promise.endswith("."), promise
            tests = pairs_of(cell)
            assert [test for test in tests if not exists(*test)] == [], promise
        rows += found
    return rows


def test_each_promise_names_tests_that_exist():
    rows = check_promises(sections(read(SECURITY))["PROMISES"])
    assert len(rows) > 60
    assert len({promise for promise, _ in rows}) == len(rows)


def test_no_other_section_promises():
    """What is promised stands in the tables; the rest explains, or says what is not promised."""
    for name, text in sections(read(SECURITY)).items():
        if name not in ("PROMISES", "NOT PROMISED"):
            assert re.findall(PROMISING, text, re.IGNORECASE) == [], name


GOOD = (
    ".Ss An area\n.TS\nlw(32) lw(38).\n\\fBPromise\\fR\t\\fBTests\\fR\n"
    "T{\nA promise.\nT}\tT{\n\\%unit/test-glob.c:\n\\%test_\\:hostile\nT}\n.TE\n"
)


def test_a_good_table_passes():
    assert len(check_promises(GOOD)) == 1


@pytest.mark.parametrize(
    "old, new",
    [
        ("test-glob", "test-nothing"),
        ("hostile\n", "hostile,\ntest_nothing\n"),
        ("unit/test-glob.c:\n\\%test_\\:hostile", ""),
        ("\\%unit/test-glob.c:\n\\%test_\\:hostile", "test_hostile"),
        (".TE\n", ".TE\nIt never fails.\n"),
        (".TS\n", "It never fails.\n.TS\n"),
        ("A promise.", "A promise"),
        ("T}\n.TE", "T}\nIt never fails.\n.TE"),
    ],
)
def test_a_bad_table_fails(old, new):
    assert old in GOOD
    with pytest.raises(AssertionError):
        check_promises(GOOD.replace(old, new, 1))
