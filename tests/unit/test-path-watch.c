/*
 * Tests of how many path watches hear of an event in one turn of the event loop, and that each of
 * them hears of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/file/path-watch.h"
#include "tests/unit/unit.h"

enum { WATCHES = 300, TURN = 64 };

static char top[] = "/tmp/shmimg-path-watch-XXXXXX";

/* Path watches of files in one folder. */
struct fixture {
	sd_event *event;
	struct close_queues close_queues;
	uint64_t limits[RESOURCE_COUNT];
	struct accounts accounts;
	struct path_watches path_watches;
	struct watch {
		struct path_watch path_watch; /* first: the path watch is the watch */
		unsigned reports;
	} watches[WATCHES];
};

static unsigned reports; /* of all */

static void on_change(struct path_watch *path_watch, enum path_watch_change change)
{
	struct watch *watch = (struct watch *)path_watch;
	(void)change;
	watch->reports++;
	reports++;
}

static void update(struct fixture *fixture, unsigned i)
{
	char path[64];
	unsigned entries;
	snprintf(path, sizeof(path), "%s/folder/%u", top, i);
	assert_int_equal(path_watch_update(&fixture->path_watches, &fixture->watches[i].path_watch,
				 path, geteuid(), true, &entries),
		0);
}

static void begin(struct fixture *fixture)
{
	char path[64];
	*fixture = (struct fixture){0};
	for (int i = 0; i < RESOURCE_COUNT; i++)
		fixture->limits[i] = 100000;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/folder", top);
	assert_return_code(mkdir(path, 0700), errno);
	assert_return_code(sd_event_new(&fixture->event), errno);
	assert_return_code(close_queues_init(&fixture->close_queues, fixture->event), errno);
	accounts_init(&fixture->accounts, fixture->limits);
	path_watches_init(&fixture->path_watches, fixture->event, &fixture->accounts);
	for (unsigned i = 0; i < WATCHES; i++) {
		struct path_watch *path_watch = &fixture->watches[i].path_watch;
		path_watch->changed = on_change;
		path_watch->close_queue = close_queue_join(&fixture->close_queues, geteuid());
		update(fixture, i);
	}
	reports = 0;
}

static void end(struct fixture *fixture)
{
	char path[64];
	for (unsigned i = 0; i < WATCHES; i++) {
		path_watch_clear(&fixture->watches[i].path_watch);
		close_queue_leave(fixture->watches[i].path_watch.close_queue);
	}
	path_watches_stop(&fixture->path_watches);
	close_queues_stop(&fixture->close_queues);
	accounts_destroy(&fixture->accounts);
	sd_event_unref(fixture->event);
	snprintf(path, sizeof(path), "%s/folder", top);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/elsewhere", top);
	rmdir(path);
	assert_return_code(rmdir(top), errno);
}

/* Renames the folder of all files: two events for each entry of it, and one of the folder. */
static void rename_folder(void)
{
	char from[64], to[64];
	snprintf(from, sizeof(from), "%s/folder", top);
	snprintf(to, sizeof(to), "%s/elsewhere", top);
	assert_return_code(rename(from, to), errno);
}

/* Runs a turn, if there is work. */
static bool turn(struct fixture *fixture)
{
	unsigned before = reports;
	int r = sd_event_run(fixture->event, 0);
	assert_return_code(r, -r);
	assert_true(reports - before <= TURN);
	return r > 0;
}

static void expect_all_stale(const struct fixture *fixture)
{
	for (unsigned i = 0; i < WATCHES; i++) {
		assert_true(fixture->watches[i].path_watch.stale);
		assert_true(fixture->watches[i].reports > 0);
	}
}

static void test_renamed_folder(void **state)
{
	struct fixture fixture;
	unsigned turns = 0;
	(void)state;
	begin(&fixture);
	rename_folder();
	while (turn(&fixture))
		turns++;
	assert_true(turns >= reports / TURN);
	assert_true(reports >= WATCHES);
	expect_all_stale(&fixture);
	end(&fixture);
}

/* Whoever is next may end, or walk its path again, between two turns. */
static void test_changes_between_turns(void **state)
{
	struct fixture fixture;
	bool ended[WATCHES] = {0};
	unsigned i = 0;
	(void)state;
	begin(&fixture);
	rename_folder();
	while (turn(&fixture)) {
		for (unsigned k = 0; k < 20 && i < WATCHES; k++, i++) {
			ended[i] = i % 2;
			path_watch_clear(&fixture.watches[i].path_watch);
			if (!ended[i])
				update(&fixture, i);
		}
	}
	assert_true(i >= 60);
	for (i = 0; i < WATCHES; i++) {
		if (ended[i])
			update(&fixture, i);
		else
			assert_true(fixture.watches[i].reports > 0 || i < 80);
	}
	end(&fixture);
}

/* Lost events are reported in parts too, also while path watches end. */
static void test_overflow(void **state)
{
	struct inotify_lost {
		int wd;
		uint32_t mask, cookie, len;
	} lost = {-1, 0x4000 /* IN_Q_OVERFLOW */, 0, 0};
	struct fixture fixture;
	unsigned turns = 0;
	(void)state;
	begin(&fixture);
	memcpy(fixture.path_watches.data, &lost, sizeof(lost));
	fixture.path_watches.done = 0;
	fixture.path_watches.size = sizeof(lost);
	sd_event_source_set_enabled(fixture.path_watches.more, SD_EVENT_ONESHOT);
	while (turn(&fixture)) {
		path_watch_clear(&fixture.watches[60 + turns].path_watch);
		path_watch_clear(&fixture.watches[WATCHES - 1 - turns].path_watch);
		turns++;
	}
	assert_true(turns >= reports / TURN && turns >= 5);
	for (unsigned i = 0; i < WATCHES - turns; i++)
		assert_true(fixture.watches[i].reports == 1 || (i >= 60 && i < 60 + turns));
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renamed_folder),
		cmocka_unit_test(test_changes_between_turns),
		cmocka_unit_test(test_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
