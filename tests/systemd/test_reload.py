"""The service's configuration, status and watchdog, as systemd has them."""

import json
import os
import shutil
import signal
import time

import pytest
from machine import (
    connect,
    drop_in,
    main_pid,
    names,
    remove_drop_in,
    run,
    show,
    systemctl,
    wait_for,
)
from pictures import tiny_png

FOLDER = os.path.join("/usr/local/etc", "shmimgd")


@pytest.fixture
def configuration(idle):
    """Writes the configuration of the machine's daemon."""
    path = os.path.join(FOLDER, "shmimgd.conf")
    os.makedirs(FOLDER, exist_ok=True)

    def put(text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    yield put
    if os.path.exists(path):
        os.unlink(path)


def journal():
    return run("journalctl", "-u", "shmimgd.service", "-o", "cat").stdout


def memory_max():
    with connect() as client:
        return int(client.ask("STATS")["memory-max"])


def test_a_reload(configuration, pictures):
    path = configuration("memory-max = 32M\n")
    run("shmimgctl", "load", *pictures, user="alice")
    assert memory_max() == 32 << 20
    before, pid = names(), main_pid()
    configuration("memory-max = 64M\n")
    systemctl("reload", "shmimgd.service")
    wait_for(lambda: memory_max() == 64 << 20)
    assert show("shmimgd.service", "ActiveState") == "active"
    configuration("memory-max = plenty\n")
    systemctl("reload", "shmimgd.service")
    wait_for(lambda: f"{path}:1: memory-max: 'plenty' is not a number" in journal())
    assert memory_max() == 64 << 20
    assert names() == before and main_pid() == pid


def test_what_the_doctor_tells_raises_a_limit(configuration):
    """Word for word, while the daemon goes on."""
    configuration("user-pins = 10\n")
    with connect() as client:
        paths = [tiny_png(f"/srv/pin{number}.png", number) for number in range(10)]
        for path in paths:
            client.ask("LOAD", path=path)
        found = run("shmimgctl", "--json", "doctor", check=False).stdout
        mend = [json.loads(line) for line in found.splitlines() if '"limits"' in line][0]["mend"]
        pid = main_pid()
        try:
            run("sh", "-c", mend)
            wait_for(lambda: client.ask("STATS")["user-pins-max"] == "20")
        finally:
            shutil.rmtree(os.path.join(FOLDER, "shmimgd.conf.d"))
        assert main_pid() == pid
        assert "ok       limits" in run("shmimgctl", "doctor", check=False).stdout


def test_the_status_shows_images_and_bytes(idle, pictures):
    run("shmimgctl", "load", *pictures, user="alice")
    wanted = f"{len(pictures)} images, "
    wait_for(lambda: show("shmimgd.service", "StatusText").startswith(wanted))
    assert f'Status: "{wanted}' in systemctl("status", "shmimgd.service")


def test_a_daemon_that_hangs_is_started_again(idle, pictures):
    drop_in("shmimgd.service", "[Service]\nWatchdogSec=1\n")
    try:
        run("shmimgctl", "load", *pictures, user="alice")
        before, pid = names(), main_pid()
        time.sleep(2)  # longer than that; it must be let live
        assert main_pid() == pid
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: main_pid() not in (0, pid), timeout=20)
        assert names() == before
        assert "Watchdog timeout" in journal()
    finally:
        remove_drop_in("shmimgd.service")
