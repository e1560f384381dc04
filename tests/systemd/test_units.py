"""The units themselves: correct, hardened, and each line of the folder and mount units true."""

import os
import re

import pytest
from machine import run, systemctl

SYSTEM = "/usr/local/lib/systemd/system"
USER = "/usr/local/lib/systemd/user"


def units(folder):
    return [os.path.join(folder, name) for name in os.listdir(folder) if name[:4] == "shmi"]


def test_verify_has_no_complaint(tmp_path):
    assert len(units(SYSTEM)) == 4 and len(units(USER)) == 3
    for options in (["--system", *units(SYSTEM)], ["--user", *units(USER)]):
        done = run("systemd-analyze", "verify", *options, XDG_RUNTIME_DIR=str(tmp_path))
        assert done.stdout + done.stderr == ""


def test_the_service_is_hardened():
    """At most 1.0, as security(5) counts; what is open is explained in the unit."""
    done = run("systemd-analyze", "security", "--no-pager", "shmimgd.service")
    exposure = re.search(r"exposure level for \S+: (\d+\.\d)", done.stdout)
    print(done.stdout)
    assert float(exposure[1]) <= 1.0


def shm():
    """Options of /dev/shm."""
    with open("/proc/self/mountinfo", encoding="ascii") as file:
        lines = [line.split() for line in file]
    return set(next(line[-1] for line in lines if line[4] == "/dev/shm").split(","))


def test_huge_pages(idle):
    """They come and go with the unit, and all else of the mount stays."""
    before = shm()
    if not os.path.exists("/sys/kernel/mm/transparent_hugepage/shmem_enabled"):
        pytest.skip("the kernel has no huge pages for tmpfs")
    systemctl("start", "shmimgd-hugepages.service")
    assert shm() == before | {"huge=within_size"}
    systemctl("stop", "shmimgd-hugepages.service")
    assert shm() == before


def test_the_units_are_off_until_enabled():
    for unit in ("shmimgd.socket", "shmimgd.service", "shmimgd-hugepages.service"):
        state = run("systemctl", "is-enabled", unit, check=False).stdout.strip()
        assert state in ("disabled", "indirect"), unit
    systemctl("enable", "shmimgd.service")
    try:
        assert systemctl("is-enabled", "shmimgd.socket").strip() == "enabled"
    finally:
        systemctl("disable", "shmimgd.service")


def test_the_folder_is_the_daemons():
    status = os.stat("/run/shmimgd")
    assert oct(status.st_mode & 0o777) == "0o755"
    assert run("id", "-nu", str(status.st_uid)).stdout == "shmimgd\n"
