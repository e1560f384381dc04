"""Hostile connections in great number, by the command that the README tells of."""

import os
import re
import subprocess
import sys

from server import BUILD, TOP


def test_hostile_connections_change_nothing():
    """How long answers take is not for a machine to tell that runs other tests beside this."""
    done = subprocess.run(
        [sys.executable, os.path.join(TOP, "tests", "hostile"), "1000", "1000000"],
        env={**os.environ, "SHMIMG_BUILD": BUILD},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^1000 hostile connections in [0-9.]+ s$", done.stdout, re.MULTILINE)
    before, after = map(int, re.search(r"(\d+) before, (\d+) after", done.stdout).groups())
    assert after <= before
    assert re.search(r"^longest turn: \d+ us of processor time$", done.stdout, re.MULTILINE)
