"""The benchmark: each row works and tells what it should; what it tells is not judged."""

import json
import math
import os
import re
import subprocess
import sys

import pytest
from server import BUILD, TOP, has_sanitizers

sys.path.insert(0, os.path.join(TOP, "tests", "bench"))
import peers  # noqa: E402

CACHES = {"peer-redis": "redis-server", "peer-memcached": "memcached"}

# What both servers say to the bare client of the benchmark, and how they can fail it.
FAKE = """#!/usr/bin/python3
import os, re, socket, sys
fault = os.environ.get("FAULT")
redis = "redis" in sys.argv[0]
if fault == "start":
    sys.exit("fake: no start")
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[sys.argv.index("--unixsocket" if redis else "-s") + 1])
listener.listen()
print("Ready to accept connections" if redis else "<26 server listening", flush=True)
kept = b""
while True:
    client = listener.accept()[0]
    stream = client.makefile("rwb")
    for line in stream:
        if line.startswith(b"verbosity"):
            answer = b"ERROR\\r\\n" if fault == "loud" else b"OK\\r\\n"
        elif line in (b"SET\\r\\n", b"GET\\r\\n") or line.startswith((b"set ", b"get ")):
            if redis:
                stream.readline(), stream.readline()
            if line[:3].upper() == b"SET":
                size = stream.readline() if redis else line
                kept = stream.read(int(re.search(rb"(\\d+)\\r", size)[1]) + 2)[:-2]
                answer = b"+OK\\r\\n" if redis else b"STORED\\r\\n"
                answer = b"ERROR\\r\\n" if fault == "refuse" else answer
                kept = bytes(len(kept)) if fault == "pixels" else kept
            elif fault == "leave":
                client.shutdown(socket.SHUT_RDWR)
                break
            else:
                head = b"$%d\\r\\n" if redis else b"VALUE uhd 0 %d\\r\\n"
                answer = head % len(kept) + kept + (b"\\r\\n" if redis else b"\\r\\nEND\\r\\n")
        else:
            continue
        stream.write(answer)
        stream.flush()
"""


def run(*arguments, path=None, fault=""):
    """A quick run: the process that has ended."""
    environment = {**os.environ, "SHMIMG_BUILD": BUILD, "FAULT": fault}
    if path:
        environment["PATH"] = f"{path}:{os.environ['PATH']}"
    return subprocess.run(
        [os.path.join(TOP, "tests", "bench", "run"), "--quick", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def results(done):
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows():
    program = os.path.join(BUILD, "tests", "bench", "shmimg-bench")
    done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.split()


def check(result):
    for key in ("ours", "base", "ours-p99", "base-p99", "ratio"):
        assert math.isfinite(result[key]) and result[key] > 0, result
    assert result["unit"] in ("ns", "us", "ms", "1000/s", "images/s")
    relation, goal = result["goal"].split()
    ratio, goal = result["ratio"], float(goal)
    if abs(ratio - goal) > 0.001:  # which is what is lost in print
        assert result["reached"] == (ratio > goal if relation == ">=" else ratio < goal), result


@pytest.fixture
def fakes(tmp_path):
    for program in CACHES.values():
        path = tmp_path / program
        path.write_text(FAKE, encoding="ascii")
        path.chmod(0o755)
    return tmp_path


def test_each_row_has_its_result():
    told = results(run("--json"))
    wanted = [name for name in rows() if not name.startswith("peer-")]
    assert len(wanted) >= 15 and [result["row"] for result in told] == wanted
    for result in told:
        check(result)
    (kept,) = [result for result in told if result["row"] == "kept"]
    assert kept["system calls"] == 0 or has_sanitizers()  # which make calls of their own


def test_attacks():
    """Each tells the slowest FETCH beside the median, and has a daemon of its own."""
    wanted = [name for name in rows() if name.startswith("attack-")]
    told = results(run("--json", *wanted))
    assert len(wanted) >= 4 and [result["row"] for result in told] == wanted
    for result in told:
        check(result)
        assert result["us at most"] + 1 >= result["ours"] * 0.999  # which is rounded


def test_each_peer_has_its_result_or_its_package():
    """The latter where the program is not there, and nowhere else."""
    wanted = [name for name in rows() if name.startswith("peer-")]
    done = run("--json", *wanted)
    missing = dict(re.findall(r"^(\S+): not measured: needs the package (.+)$", done.stderr, re.M))
    assert len(wanted) >= 5 and set(missing) <= set(peers.SERVERS) <= set(wanted)
    assert {name for name in peers.SERVERS if not peers.SERVERS[name].find(BUILD)} == set(missing)
    told = results(done)
    assert [result["row"] for result in told] == [name for name in wanted if name not in missing]
    for result in told:
        check(result)
        assert result["times faster, kept"] > 0


def test_what_is_not_installed_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert [row for row in peers.SERVERS if peers.is_there(row, str(tmp_path))] == []
    said = capsys.readouterr().err.splitlines()
    packages = [line.rpartition(" ")[2] for line in said]
    assert packages == ["redis-server", "memcached", "qtbase5-dev"]
    assert peers.is_there("peer-decode-png", str(tmp_path))


def test_servers_of_bytes(fakes):
    told = results(run("--json", *CACHES, path=fakes))
    assert [result["row"] for result in told] == list(CACHES)
    for result in told:
        check(result)


@pytest.mark.parametrize("row", CACHES)
@pytest.mark.parametrize(
    "fault, said",
    [
        ("start", "{program} did not start:\nfake: no start"),
        ("refuse", "the answer is not "),
        ("pixels", "the server gave other pixels"),
        ("leave", "recv: "),
    ],
)
def test_a_server_that_fails(fakes, row, fault, said):
    done = run(row, path=fakes, fault=fault)
    assert done.returncode == 1
    assert said.format(program=CACHES[row]) in done.stderr


def test_memcached_that_does_not_get_silent(fakes):
    done = run("peer-memcached", path=fakes, fault="loud")
    assert done.returncode == 1 and "memcached does not get silent" in done.stderr


def test_a_row_that_is_none():
    done = run("fetch-two")
    assert done.returncode == 1
    assert done.stderr.startswith("fetch-two is no row: there are fetch-one, fetch-across,")


def test_the_table():
    done = run("kept", "kept-touch")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:3] == ["row", "ours", "base"]
    assert [line.split()[0] for line in lines[1:]] == ["kept", "kept-touch"]
    assert lines[1].endswith(" system calls")


def test_the_table_of_the_manual():
    done = run("--roff", "kept", "first-touch")
    assert done.returncode == 0, done.stderr
    head = ".Dd January 1, 2026\n.Dt X 7\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Sh RESULTS\n"
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning"],
        input=head + done.stdout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr
    for row in ("kept", "first-touch"):
        assert re.search(rf"^\.It {row}( Ta [0-9.]+){{4}} Ta [nu]s Ta ", done.stdout, re.M)


def test_ended_early_it_leaves_nothing(tmp_path):
    """In the middle of a row."""
    rows = ["kept-touch", "attack-list"]
    command = [os.path.join(TOP, "tests", "bench", "run"), "--json", *rows]
    environment = {**os.environ, "SHMIMG_BUILD": BUILD, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert "kept-touch" in process.stdout.readline()
        process.terminate()
        assert process.wait(timeout=60) == 1
    assert os.listdir(tmp_path) == []
