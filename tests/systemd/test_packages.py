"""The Debian packages: installed, upgraded while they are used, removed, purged."""

import glob
import os
import pwd
import re

import pytest
from machine import (
    BUILD,
    SOCKET,
    Holder,
    install,
    main_pid,
    make,
    names,
    records,
    run,
    shared_things,
    show,
    systemctl,
)

PACKAGES = ["libshmimg-dev", "libshmimg0", "python3-shmimg", "shmimg-viewer", "shmimgd"]
# Whatever is installed or removed changes these.
CACHES = re.compile(r"__pycache__|icon-theme.cache$|mimeinfo.cache$")


def files():
    """Names of all files where packages put theirs."""
    places = ["/etc", "/usr", "/lib/systemd", "/run/shmimgd", "/var/lib/systemd"]
    found = set()
    for place in places:
        for folder, _, listed in os.walk(place):
            found |= {os.path.join(folder, name) for name in listed}
    return {path for path in found if not CACHES.search(path)}


def dpkg(*words):
    """Its triggers go over all manuals and icons of the machine."""
    frontend = {"DEBIAN_FRONTEND": "noninteractive"}
    return run("dpkg", "--force-unsafe-io", *words, timeout=300, **frontend)


def debs():
    found = sorted(glob.glob(os.path.join(BUILD, "deb", "*.deb")))
    built = [os.path.basename(path).split("_")[0] for path in found]
    assert sorted(built) == PACKAGES, "make deb comes first"
    return found


@pytest.fixture(scope="module")
def bare():
    """The machine without what make has installed, and its files then."""
    systemctl("stop", "shmimgd.socket", "shmimgd.service")
    make("uninstall")
    run("userdel", "shmimgd")
    os.rmdir("/run/shmimgd")
    systemctl("daemon-reload")
    yield files()
    install()


@pytest.fixture(scope="module")
def packaged(bare):
    """Installed once for all of these tests; the last of them removes them."""
    dpkg("--install", *debs())
    yield bare
    dpkg("--purge", *PACKAGES)


def newer(path, folder):
    """The same package with a higher version."""
    tree = os.path.join(folder, "tree")
    run("dpkg-deb", "--raw-extract", path, tree)
    control = os.path.join(tree, "DEBIAN", "control")
    run("sed", "-i", r"s/^Version: .*/&.1/", control)
    run("dpkg-deb", "--build", tree, os.path.join(folder, "newer.deb"))
    return os.path.join(folder, "newer.deb")


def test_installed_it_works(packaged, pictures):
    assert systemctl("is-enabled", "shmimgd.socket").strip() == "enabled"
    assert show("shmimgd.socket", "ActiveState") == "active"
    assert show("shmimgd.service", "ActiveState") == "inactive"
    assert len(records("load", *pictures, user="alice")) == len(pictures)
    found = records("doctor", user="alice")
    assert {each["check"]: each for each in found if each["state"] == "fault"} == {}
    pages = ["shmimgd", "shmimgd-performance", "shmimgd-security", "shmimg-segment"]
    pages += ["shmimg_fetch", "shmimg_unref"]
    assert run("man", "-w", *pages).stdout.count("/usr/share/man") == len(pages)
    code = "import shmimg; print(shmimg.stats()['images'])"
    assert run("/usr/bin/python3", "-c", code, user="alice").stdout == f"{len(pictures)}\n"


def test_units_that_are_off(packaged):
    state = run("systemctl", "is-enabled", "shmimgd-hugepages.service", check=False)
    assert state.stdout.strip() == "disabled"
    assert not glob.glob("/etc/systemd/user/*/shmimgd*")


def test_an_upgrade_keeps_the_images(packaged, pictures, tmp_path):
    holder = Holder(pictures)
    before, pid, inode = names(), main_pid(), os.stat(SOCKET).st_ino
    path = next(path for path in debs() if "shmimgd_" in path)
    dpkg("--install", newer(path, str(tmp_path)))
    assert names() == before and len(before) == len(pictures)
    assert main_pid() != pid and os.stat(SOCKET).st_ino == inode
    assert holder.finish() > 0


def test_remove_and_purge_leave_nothing(packaged, pictures):
    run("shmimgctl", "load", *pictures, user="alice")
    assert shared_things()
    os.makedirs("/etc/shmimgd/shmimgd.conf.d")
    with open("/etc/shmimgd/shmimgd.conf", "w", encoding="ascii") as file:
        file.write("decoders = 1\n")
    dpkg("--remove", *PACKAGES)
    assert os.path.exists("/etc/shmimgd/shmimgd.conf"), "removed, it may come back"
    assert shared_things() == [] and not os.path.exists(SOCKET)
    assert show("shmimgd.service", "LoadState") == "not-found"
    dpkg("--purge", *PACKAGES)
    assert sorted(files() - packaged) == []
    assert not os.path.exists("/run/shmimgd")
    with pytest.raises(KeyError):
        pwd.getpwnam("shmimgd")
