"""shmimg-viewer beside other programs: its list, what changes by itself, and a daemon that
goes and comes.
"""

import re

from client import TIMEOUT, eventually
from pictures import write_png
from semaphore import Semaphore
from server import Daemon
from viewer import OTHERS, QUADRANTS, flat


def reload(client, path, colours, size=(60, 80), **values):
    """Another picture in the same file, loaded again."""
    write_png(path, flat(colours, *size))
    return client.ask("LOAD", path=path, **values)


def test_the_list_follows_other_programs(daemon, client, start_viewer, quadrants, tmp_path):
    viewer = start_viewer("--socket", daemon.path)
    viewer.window()
    client.ask("LOAD", path=quadrants, name="first")
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    eventually(lambda: viewer.has_thumbnail(OTHERS))
    # What came last stands above, and nothing is shown that nobody has chosen.
    assert viewer.place_of(OTHERS[0])[1] < viewer.place_of(QUADRANTS[0])[1]
    assert viewer.screen.count(QUADRANTS[0]) < 2000
    client.ask("DROP", name="second")
    eventually(lambda: viewer.screen.count(OTHERS[0]) == 0)
    assert viewer.has_thumbnail(QUADRANTS)


def test_what_was_there_before(daemon, client, start_viewer, quadrants):
    client.ask("LOAD", path=quadrants, name="first")
    client.ask("RELEASE", name="first")
    viewer = start_viewer("--socket", daemon.path)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    eventually(lambda: client.ask("STAT", name="first")["pins"] == "0")
    assert not viewer.mappings()


def test_a_small_picture_follows_its_image(daemon, client, start_viewer, quadrants):
    client.ask("LOAD", path=quadrants)
    viewer = start_viewer("--socket", daemon.path)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    reload(client, quadrants, OTHERS)
    eventually(lambda: viewer.has_thumbnail(OTHERS))
    assert not viewer.has_thumbnail(QUADRANTS)


def test_choosing_by_the_pointer(daemon, client, start_viewer, quadrants, tmp_path):
    client.ask("LOAD", path=quadrants, name="first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    viewer = start_viewer("--socket", daemon.path)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS) and viewer.has_thumbnail(OTHERS))
    across, down = viewer.place_of(QUADRANTS[3])
    viewer.screen.xdotool("mousemove", int(across), int(down), "click", 1)
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")


def test_choosing_by_the_keyboard(daemon, client, start_viewer, quadrants, tmp_path):
    client.ask("LOAD", path=quadrants, name="first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    viewer = start_viewer("--socket", daemon.path)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS) and viewer.has_thumbnail(OTHERS))
    viewer.press("alt+i", "Home", "Down", "Return")
    viewer.screen.await_colours(QUADRANTS)
    viewer.window("^first")
    viewer.press("Home", "Return")
    viewer.screen.await_colours(OTHERS)
    viewer.window("^second")


def test_a_new_generation_appears_by_itself(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    pin = reload(client, quadrants, OTHERS)
    viewer.screen.await_colours(OTHERS)
    # It lets go of the old generation, and has the new one alone.
    eventually(lambda: [each[2] for each in viewer.mappings()] == ["/dev/shm" + pin["segment"]])
    assert client.ask("STAT", name=quadrants)["generation"] == pin["generation"]
    assert viewer.said() == ""


def test_many_generations(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    for i in range(20):
        reload(client, quadrants, QUADRANTS if i % 2 else OTHERS, (60 + 2 * i, 80), pin="no")
    reload(client, quadrants, OTHERS, pin="no")
    viewer.screen.await_colours(OTHERS)
    eventually(lambda: len(viewer.mappings()) == 1)
    eventually(lambda: client.ask("STAT", name=quadrants)["pins"] == "1")


def test_dropped_it_stays(daemon, client, start_viewer, quadrants):
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    client.ask("DROP", name=quadrants)
    eventually(lambda: not viewer.has_thumbnail(QUADRANTS))
    viewer.screen.await_colours(QUADRANTS)
    assert len(viewer.mappings()) == 1


def test_the_facts_follow_the_lock(daemon, client, start_viewer, quadrants):
    """Who holds it is told: other pixels are in the side while somebody does."""
    lock = Semaphore(client.ask("LOAD", path=quadrants)["semaphore"])
    viewer = start_viewer("--socket", daemon.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    eventually(lambda: (viewer.side()[330:] != viewer.side()[599, 0]).any(axis=2).sum() > 1000)
    # A second long it stays as it is: facts are asked for and are the same.
    free = viewer.side()
    lock.lock()
    eventually(lambda: (viewer.side() != free).any())
    assert (viewer.side()[:300] == free[:300]).all()
    lock.unlock()
    eventually(lambda: (viewer.side() == free).all())


def test_a_lock_that_is_held_blocks_no_window(daemon, client, start_viewer, quadrants, tmp_path):
    """While it waits for one image's lock it shows, lists and closes as ever."""
    lock = Semaphore(client.ask("LOAD", path=quadrants, name="held")["semaphore"])
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="free", share="all")
    viewer = start_viewer("--socket", daemon.path, "--exact", "free")
    viewer.screen.await_colours(OTHERS)
    lock.lock()
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    across, down = viewer.place_of(QUADRANTS[0])
    viewer.screen.xdotool("mousemove", int(across), int(down), "click", 1)
    eventually(lambda: lock.waiters > 0)
    viewer.press("F9")
    eventually(lambda: not viewer.has_thumbnail(OTHERS))
    lock.unlock()
    viewer.screen.await_colours(QUADRANTS)


def test_it_waits_for_a_daemon(start_viewer, folder, quadrants, start_daemon):
    socket = Daemon(folder=folder).path
    viewer = start_viewer("--socket", socket, quadrants)
    viewer.await_message(f"shmimg-viewer: No shmimgd runs at {socket}.")
    viewer.await_message("Waiting for the daemon: No shmimgd runs at")
    start_daemon(folder=folder)
    viewer.screen.await_colours(QUADRANTS)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))


def test_complaints_end_with_their_reasons(start_viewer, folder, quadrants, start_daemon):
    viewer = start_viewer("--socket", Daemon(folder=folder).path)
    viewer.press("alt+d")
    eventually(viewer.has_complaint)
    with start_daemon(folder=folder).connect() as client:
        eventually(lambda: not viewer.has_complaint())
        viewer.press("alt+d")
        viewer.await_message("Load an image first")
        eventually(viewer.has_complaint)
        client.ask("LOAD", path=quadrants)
        eventually(lambda: viewer.has_thumbnail(QUADRANTS) and not viewer.has_complaint())


def test_a_daemon_that_was_killed_and_comes_back(
    start_viewer, folder, quadrants, start_daemon, tmp_path
):
    first = start_daemon(folder=folder)
    viewer = start_viewer("--socket", first.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    first.kill()
    viewer.await_message("Waiting for the daemon: No shmimgd runs at")
    viewer.screen.await_colours(QUADRANTS)
    second = start_daemon(folder=folder)
    with second.connect() as client:
        # It takes its pin again, and hears of what is new.
        eventually(lambda: client.ask("STAT", name=quadrants)["holders"] == str(viewer.pid))
        reload(client, quadrants, OTHERS)
        viewer.screen.await_colours(OTHERS)


def test_a_daemon_that_has_nothing_when_it_comes_back(
    start_viewer, folder, quadrants, start_daemon
):
    first = start_daemon(folder=folder)
    viewer = start_viewer("--socket", first.path, quadrants)
    viewer.screen.await_colours(QUADRANTS)
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    first.stop()
    viewer.await_message("Waiting for the daemon: No shmimgd runs at")
    start_daemon(folder=folder)
    eventually(lambda: not viewer.has_thumbnail(QUADRANTS))
    viewer.screen.await_colours(QUADRANTS)


def test_two_names_two_windows(daemon, client, start_viewer, quadrants, tmp_path):
    client.ask("LOAD", path=quadrants, name="first")
    client.ask("LOAD", path=write_png(tmp_path / "b.png", flat(OTHERS)), name="second")
    viewer = start_viewer("--socket", daemon.path, "--exact", "first", "second")
    viewer.window("^first")
    viewer.window("^second")
    eventually(lambda: len({each[2] for each in viewer.mappings()}) == 2)


def test_a_name_that_is_no_markup(daemon, client, start_viewer, tmp_path):
    name = "<b>&amp;" + "long " * 60
    client.ask("LOAD", path=write_png(tmp_path / "a.png", flat(QUADRANTS)), name=name)
    viewer = start_viewer("--socket", daemon.path, "--exact", name)
    viewer.window(re.escape("<b>&amp;long"))
    eventually(lambda: viewer.has_thumbnail(QUADRANTS))
    assert viewer.said() == ""


def test_it_closes_while_a_request_is_under_way(daemon, client, start_viewer, quadrants):
    lock = Semaphore(client.ask("LOAD", path=quadrants)["semaphore"])
    lock.lock()
    viewer = start_viewer("--socket", daemon.path, quadrants)
    eventually(lambda: lock.waiters > 0)
    viewer.press("ctrl+w")
    assert viewer.process.wait(TIMEOUT) == 0
    lock.unlock()
