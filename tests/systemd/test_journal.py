"""What the journal has of the service: fields to ask for, levels, explanations."""

import json
import os
import pwd

from machine import connect, main_pid, records, run, systemctl
from pictures import tiny_png

FLOOD = 500


def journal(*words):
    """Entries of the service's current invocation."""
    run("journalctl", "--sync")
    done = run("journalctl", "-u", "shmimgd", "-o", "json", "--no-pager", *words)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_load_of_an_image_is_found(idle, pictures):
    loaded = records("load", pictures[3], user="alice")[0]
    entries = journal(f"IMAGE={pictures[3]}", f"SEGMENT={loaded['segment']}")
    assert len(entries) == 1
    entry = entries[0]
    assert entry["MESSAGE"].startswith(f"loaded {pictures[3]}: 3x2 RGBA8, ")
    assert entry["CLIENT_UID"] == str(pwd.getpwnam("alice").pw_uid)
    assert int(entry["CLIENT_PID"]) > 1
    assert entry["PRIORITY"] == "6"
    assert entry["_PID"] == str(main_pid())
    assert entry["CODE_FILE"] == "daemon/engine/load-log.c"
    assert entry["CODE_FUNC"] == "load_log_loaded"
    assert entry["SYSLOG_IDENTIFIER"] == "shmimgd"
    assert len(entry["MESSAGE_ID"]) == 32


def test_what_became_of_it(idle, pictures):
    path = "/home/alice/pictures/broken.png"
    with open(pictures[0], "rb") as whole, open(path, "wb") as broken:
        broken.write(whole.read()[:-20])
    run("shmimgctl", "load", path, user="alice", check=False)
    failed = journal(f"IMAGE={path}")
    assert [entry["FAULT"] for entry in failed] == ["not-an-image"]
    assert failed[0]["PRIORITY"] == "6", "a broken file is no fault of the machine's"
    tiny_png(path)
    run("shmimgctl", "load", path, user="alice")
    run("shmimgctl", "drop", path, user="alice")
    messages = [entry["MESSAGE"] for entry in journal(f"IMAGE={path}")]
    assert [text.split()[0] for text in messages] == ["cannot", "loaded", path]
    assert messages[2] == f"{path} was dropped"


def test_start_adoption_and_stop(idle, pictures):
    run("shmimgctl", "load", *pictures, user="alice")
    first = main_pid()
    systemctl("kill", "-s", "KILL", "shmimgd")
    assert len(records("list", user="alice")) == len(pictures)
    second = main_pid()
    systemctl("stop", "shmimgd")
    texts = {
        pid: [entry["MESSAGE"] for entry in journal(f"_PID={pid}") if "MESSAGE_ID" in entry]
        for pid in (first, second)
    }
    assert "listening at /run/shmimgd/socket" in texts[first][0]
    assert texts[second][0] == f"took over {len(pictures)} images from the previous daemon"
    assert texts[second][-1] == "stopped"


def test_each_message_is_explained(idle, pictures):
    run("journalctl", "--update-catalog")
    run("shmimgctl", "load", pictures[1], user="alice")
    run("journalctl", "--sync")
    said = run("journalctl", "-x", "-u", "shmimgd", "--no-pager", f"IMAGE={pictures[1]}").stdout
    assert "Subject: An image was loaded" in said
    assert f"can be fetched as {pictures[1]}." in said


def test_a_client_cannot_flood_it(idle, pictures):
    """Nor keep others' messages out."""
    folder = "/srv/flood"
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "none.png")
    with open(path, "w", encoding="ascii") as file:
        file.write("no picture")
    with connect() as client:
        for number in range(FLOOD):
            client.send("LOAD", path=path, name=str(number))
        for number in range(FLOOD):
            assert client.reply()[0] == "ERR"
    run("shmimgctl", "load", "--share", "all", pictures[2], user="alice")
    own = [entry for entry in journal(f"_PID={main_pid()}") if entry.get("CLIENT_UID") == "0"]
    assert 200 < len(own) < FLOOD
    assert "are not logged for 10 seconds" in own[200]["MESSAGE"]
    assert len(journal(f"IMAGE={pictures[2]}", f"_PID={main_pid()}")) == 1
