"""Followed files whose folders and links change, and those of other users."""

import os
import shutil

import pytest
from client import Client, Refused, eventually
from following import complaints, depth, put, watched
from pictures import noise, tiny_png, write_png
from users import as_user

ANNA, BERT = 1234, 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as two users")


def test_folder_behind_a_link(follow, folder, daemon):
    old, new = (os.path.join(folder, word) for word in ("old", "new"))
    for each, seed in ((old, 1), (new, 2)):
        os.mkdir(each)
        write_png(os.path.join(each, "a.png"), noise(5, 6, 3, seed))
    os.symlink("old", os.path.join(folder, "now"))
    a = follow(os.path.join(folder, "now", "a.png"))
    put(os.path.join(old, "a.png"), noise(4, 4))
    a.becomes(noise(4, 4))
    os.symlink("new", os.path.join(folder, "next"))
    os.rename(os.path.join(folder, "next"), os.path.join(folder, "now"))
    a.becomes(noise(5, 6, 3, 2))
    put(os.path.join(new, "a.png"), noise(3, 3))
    a.becomes(noise(3, 3))
    put(os.path.join(old, "a.png"), noise(8, 8))
    a.stays(lambda: a.pixels().shape[0] == 3)
    assert watched(daemon) == depth(a.path)


def test_file_that_is_a_link(follow, folder):
    """The link is made anew, and what it points to is written: both are noticed."""
    there = os.path.join(folder, "there")
    os.mkdir(there)
    target = write_png(os.path.join(there, "b.png"), noise(5, 6))
    link = os.path.join(folder, "a.png")
    os.symlink(target, link)
    a = follow(link)
    put(target, noise(4, 4))
    a.becomes(noise(4, 4))
    os.unlink(link)
    os.symlink(write_png(os.path.join(folder, "c.png"), noise(7, 7)), link)
    a.becomes(noise(7, 7))


def test_links_in_a_circle(client, folder):
    path = tiny_png(os.path.join(folder, "a.png"))
    client.ask("LOAD", path=path, name="a", watch="yes")
    os.unlink(path)
    os.symlink("a.png", path)
    os.unlink(path)
    put(path, noise(5, 6))
    eventually(lambda: client.ask("STAT", name="a")["width"] == "6")


def test_folder_moved_and_another_in_its_place(follow, folder):
    here = os.path.join(folder, "deep", "here")
    os.makedirs(here)
    a = follow(tiny_png(os.path.join(here, "a.png")))
    for place, seed in ((here, 1), (os.path.join(folder, "deep"), 2)):
        os.rename(place, place + f".old{seed}")
        assert a.pixels().shape[0] > 0
        os.makedirs(here)
        write_png(a.path, noise(5, 6, 3, seed))
        a.becomes(noise(5, 6, 3, seed))
    shutil.rmtree(os.path.join(folder, "deep"))
    whole = os.path.join(folder, "whole", "here")
    os.makedirs(whole)
    write_png(os.path.join(whole, "a.png"), noise(9, 9))
    os.rename(os.path.join(folder, "whole"), os.path.join(folder, "deep"))
    a.becomes(noise(9, 9))


def test_folder_removed_while_somebody_is_in_it(follow, folder):
    here = os.path.join(folder, "here")
    os.mkdir(here)
    a = follow(tiny_png(os.path.join(here, "a.png")))
    inside = os.open(here, os.O_PATH)
    try:
        shutil.rmtree(here)
        os.mkdir(here)
        write_png(a.path, noise(5, 6))
        a.becomes(noise(5, 6))
    finally:
        os.close(inside)


# ---- Other users ----


@pytest.fixture
def shared(start_daemon, folder):
    daemon = start_daemon(folder=folder)
    os.mkdir(os.path.join(folder, "pictures"))
    os.chmod(os.path.join(folder, "pictures"), 0o755)
    daemon.picture = tiny_png(os.path.join(folder, "pictures", "a.png"))
    os.chmod(daemon.picture, 0o644)
    return daemon


def ask(daemon, uid, verb, **values):
    def talk():
        with Client(daemon.path) as client:
            try:
                return client.ask(verb, **values)
            except Refused as refusal:
                return refusal.code

    return as_user(uid, talk)


def put_for_all(path, pixels):
    write_png(path + ".new", pixels)
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


@as_root
def test_each_user_follows_for_themselves(shared):
    for uid in (ANNA, BERT):
        assert ask(shared, uid, "LOAD", path=shared.picture, watch="yes")["cached"] == "no"
    put_for_all(shared.picture, noise(5, 6))
    for uid in (ANNA, BERT):
        eventually(lambda: ask(shared, uid, "STAT", name=shared.picture)["width"] == "6")
        stats = ask(shared, uid, "STATS")
        assert int(stats["user-follows"]) == depth(shared.picture)
    assert watched(shared) == depth(shared.picture)
    assert ask(shared, 0, "STATS")["user-follows"] == "0"


@as_root
def test_what_one_may_not_read_is_not_followed(shared):
    os.chmod(shared.picture, 0o600)
    assert ask(shared, ANNA, "LOAD", path=shared.picture, watch="yes") == "no-permission"
    os.chmod(shared.picture, 0o644)
    link = os.path.join(shared.folder, "link.png")
    os.symlink(shared.picture, link)
    assert ask(shared, ANNA, "LOAD", path=link, watch="yes") == "no-permission"
    assert watched(shared) == 0


@as_root
@pytest.mark.parametrize("place, closed, opened", [("", 0o600, 0o644), ("..", 0o700, 0o755)])
def test_permission_that_is_taken_away(shared, place, closed, opened):
    ask(shared, ANNA, "LOAD", path=shared.picture, name="a", watch="yes", keep="pinned")
    guarded = os.path.dirname(shared.picture) if place else shared.picture
    os.chmod(guarded, closed)
    eventually(lambda: complaints(shared) == 1)
    write_png(shared.picture, noise(5, 6))
    if not place:
        os.chmod(shared.picture, closed)
    assert ask(shared, ANNA, "STAT", name="a")["width"] == "3"
    os.chmod(guarded, opened)
    eventually(lambda: ask(shared, ANNA, "STAT", name="a")["width"] == "6")
    assert complaints(shared) == 1


@as_root
def test_a_link_is_no_way_around_permissions(shared):
    """The file becomes a link to one that only root may read: it is not gone after."""
    secret = write_png(os.path.join(shared.folder, "secret.png"), noise(9, 9))
    os.chmod(secret, 0o600)
    ask(shared, ANNA, "LOAD", path=shared.picture, name="a", watch="yes", keep="pinned")
    os.unlink(shared.picture)
    os.symlink(secret, shared.picture)
    eventually(lambda: complaints(shared) == 1)
    assert ask(shared, ANNA, "STAT", name="a")["width"] == "3"
    assert watched(shared) == depth(os.path.dirname(shared.picture)) + 1
