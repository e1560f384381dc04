/*
 * Tests of the log of changes and of the events that subscriptions make of it: what the owner of
 * an image, those it is shared with and strangers are told, what is lost when nobody reads, and how
 * much one turn does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/glob.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static char events[64 * WIRE_LINE_MAX];

static void on_wake(void *context)
{
	if (context)
		++*(unsigned *)context;
}

static struct session *watch(struct world *world, uid_t uid, gid_t gid, const char *line)
{
	struct session *session = world_session(world, uid, gid);
	dispatch_on_event(session, on_wake, NULL);
	world_expect(world, session, line, -1, "OK\n");
	return session;
}

/* The events of one turn, as "type name" with ';' behind each. */
static const char *take_turn(struct session *session)
{
	static char text[sizeof(events)];
	dispatch_begin_turn(session);
	size_t length = dispatch_take_events(session, events, sizeof(events) - 1);
	events[length] = '\0';
	*text = '\0';
	for (const char *line = events; *line; line = strchr(line, '\n') + 1) {
		const char *type = strstr(line, " type="), *name = strstr(line, " name=");
		const char *end = strchr(line, '\n');
		assert_memory_equal(line, "EVENT type=", 11);
		strncat(text, type + 6, strcspn(type + 6, " \n"));
		if (name && name < end) {
			strcat(text, " ");
			strncat(text, name + 6, strcspn(name + 6, " \n"));
		}
		strcat(text, ";");
	}
	return text;
}

static uint64_t make(struct world *world, const char *name, int share, uint64_t state)
{
	const struct recipe recipe = {name, 1, 10, .share = share, .state = state};
	return world_make(world, &recipe)->generation->number;
}

static void drop(struct world *world, const char *name)
{
	struct session *owner = world_session(world, 1, 10);
	char line[NAME_LENGTH_MAX + 16];
	snprintf(line, sizeof(line), "DROP name=%s", name);
	world_expect(world, owner, line, -1, "OK\n");
	session_close(owner);
}

/* User 1 in group 10 owns the image, user 2 is in the group too, user 3 is not. */
static void test_who_sees_what(void **state)
{
	static const struct {
		int share; /* -1: DROP */
		const char *told[3];
	} steps[] = {
		{SHARE_PRIVATE, {"loaded a;", "", ""}},
		{SHARE_PRIVATE, {"changed a;", "", ""}},
		{SHARE_GROUP, {"changed a;", "loaded a;", ""}},
		{SHARE_GROUP, {"changed a;", "changed a;", ""}},
		{SHARE_ALL, {"changed a;", "changed a;", "loaded a;"}},
		{SHARE_ALL, {"changed a;", "changed a;", "changed a;"}},
		{SHARE_GROUP, {"changed a;", "changed a;", "dropped a;"}},
		{SHARE_PRIVATE, {"changed a;", "dropped a;", ""}},
		{SHARE_ALL, {"changed a;", "loaded a;", "loaded a;"}},
		{SHARE_PRIVATE, {"changed a;", "dropped a;", "dropped a;"}},
		{-1, {"dropped a;", "", ""}},
		{SHARE_ALL, {"loaded a;", "loaded a;", "loaded a;"}},
		{-1, {"dropped a;", "dropped a;", "dropped a;"}},
	};
	struct world world;
	struct session *watchers[3];
	uint64_t seen[3] = {0};
	(void)state;
	world_open(&world, NULL);
	for (uid_t i = 0; i < 3; i++)
		watchers[i] = watch(&world, i + 1, i < 2 ? 10 : 30, "WATCH match=a");
	for (size_t step = 0; step < COUNT(steps); step++) {
		uint64_t generation = 0;
		if (steps[step].share < 0)
			drop(&world, "a");
		else
			generation = make(&world, "a", steps[step].share, step + 1);
		for (int i = 0; i < 3; i++) {
			char number[64];
			assert_string_equal(take_turn(watchers[i]), steps[step].told[i]);
			if (!*events)
				continue;
			/* What goes out of sight goes with the generation that was seen. */
			bool gone = strstr(events, "type=dropped") != NULL;
			snprintf(number, sizeof(number), " generation=%llu owner=1\n",
				(unsigned long long)(gone ? seen[i] : generation));
			assert_non_null(strstr(events, number));
			seen[i] = generation;
		}
		assert_int_equal(world.engine.store.changes.bytes, 0);
	}
	for (int i = 0; i < 3; i++)
		session_close(watchers[i]);
	world_close(&world);
}

/* A change behind which others have followed is told as it was. */
static void test_late_reader(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct session *watcher = watch(&world, 3, 30, "WATCH");
	make(&world, "a", SHARE_ALL, 1);
	make(&world, "a", SHARE_PRIVATE, 2);
	make(&world, "a", SHARE_ALL, 3);
	make(&world, "b", SHARE_PRIVATE, 1);
	drop(&world, "a");
	assert_true(dispatch_is_behind(watcher));
	assert_string_equal(take_turn(watcher), "loaded a;dropped a;loaded a;dropped a;");
	assert_false(dispatch_is_behind(watcher));
	assert_string_equal(take_turn(watcher), "");
	session_close(watcher);
	world_close(&world);
}

static void test_wakes(void **state)
{
	struct world world;
	unsigned wakes = 0;
	(void)state;
	world_open(&world, NULL);
	struct session *watcher = world_session(&world, 3, 30);
	dispatch_on_event(watcher, on_wake, &wakes);
	world_expect(&world, watcher, "WATCH", -1, "OK\n");
	make(&world, "a", SHARE_PRIVATE, 1);
	assert_int_equal(wakes, 0);
	assert_int_equal(world.engine.store.changes.bytes, 0);
	make(&world, "b", SHARE_ALL, 1);
	make(&world, "c", SHARE_ALL, 1);
	assert_int_equal(wakes, 1);
	assert_string_equal(take_turn(watcher), "loaded b;loaded c;");
	make(&world, "d", SHARE_ALL, 1);
	assert_int_equal(wakes, 2);
	session_close(watcher);
	assert_int_equal(world.engine.store.changes.bytes, 0);
	world_close(&world);
}

/* Lines that do not fit wait, and none is told twice. */
static void test_little_room(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	struct session *watcher = watch(&world, 1, 10, "WATCH");
	for (char name[] = "a"; *name < 'f'; ++*name)
		make(&world, name, SHARE_ALL, 1);
	char told[1024] = "";
	dispatch_begin_turn(watcher);
	for (size_t room = 1; dispatch_is_behind(watcher); room = room == 128 ? 1 : room * 2) {
		size_t length = dispatch_take_events(watcher, events, room);
		assert_in_range(length, 0, room);
		strncat(told, events, length);
	}
	const char *line = told;
	for (char name[] = " name=a "; name[6] < 'f'; name[6]++) {
		assert_memory_equal(line, "EVENT type=loaded name=", 23);
		assert_memory_equal(line + 17, name, 8);
		line = strchr(line, '\n') + 1;
	}
	assert_string_equal(line, "");
	session_close(watcher);
	world_close(&world);
}

/* Adds changes to the log as the store does, without making images. */
static void add_changes(struct world *world, const char *name, unsigned count)
{
	struct store *store = &world->engine.store;
	const struct image *image = store_find(store, name, 1);
	const struct view before = {1, SHARE_ALL, 0};
	for (unsigned i = 0; i < count; i++)
		observers_notify_published(&store->observers, image, CHANGE_CHANGED, &before);
}

static unsigned count_events(const char *text)
{
	unsigned count = 0;
	for (; *text; text++)
		count += *text == ';';
	return count;
}

/* The log keeps so many changes, or so many bytes; one who reads late learns of the loss. */
static void test_overflow(void **state)
{
	static char longest[NAME_LENGTH_MAX + 1];
	const char *const names[] = {"a", longest};
	(void)state;
	memset(longest, 'x', NAME_LENGTH_MAX);
	for (size_t i = 0; i < COUNT(names); i++) {
		struct world world;
		world_open(&world, NULL);
		const struct change_log *log = &world.engine.store.changes;
		make(&world, names[i], SHARE_ALL, 1);
		struct session *late = watch(&world, 1, 10, "WATCH");
		struct session *stranger = watch(&world, 3, 30, "WATCH match=[");
		add_changes(&world, names[i], 2 * CHANGE_LOG_MAX);
		assert_in_range(log->bytes, i == 0 ? 1 : CHANGE_LOG_BYTES - 8192, CHANGE_LOG_BYTES);
		uint64_t kept = log->end - log->first;
		assert_in_range(
			kept, i == 0 ? CHANGE_LOG_MAX : CHANGE_LOG_BYTES / 8192, CHANGE_LOG_MAX);
		const char *told = take_turn(late);
		assert_memory_equal(told, "overflow;", 9);
		uint64_t count = count_events(told);
		while (*(told = take_turn(late)))
			count += count_events(told);
		assert_int_equal(count, kept + 1);
		assert_null(strstr(told, "overflow"));
		assert_false(dispatch_is_behind(late));
		drop(&world, names[i]);
		assert_memory_equal(take_turn(late), "dropped ", 8);
		session_close(stranger);
		session_close(late);
		assert_int_equal(log->bytes, 0);
		world_close(&world);
	}
}

/* A watcher whose pattern is hard looks at a few changes in a turn, and loses none. */
static void test_bounded_turns(void **state)
{
	enum { CHANGES = 50, NAME = NAME_LENGTH_MAX };
	static char name[NAME + 1];
	char line[1100] = "WATCH match=*";
	struct world world;
	(void)state;
	world_open(&world, NULL);
	memset(name, 'a', NAME);
	make(&world, name, SHARE_ALL, 1);
	memset(line + strlen(line), 'a', 1000);
	strcat(line, "b");
	struct session *hard = watch(&world, 3, 30, line);
	struct session *easy = watch(&world, 3, 30, "WATCH match=b");
	add_changes(&world, name, CHANGES);
	make(&world, "b", SHARE_ALL, 1);
	assert_string_equal(take_turn(easy), "loaded b;");
	unsigned turns = 0;
	for (; dispatch_is_behind(hard); turns++)
		assert_string_equal(take_turn(hard), "");
	assert_in_range(turns, CHANGES / 8, CHANGES + 1);
	/* Nothing is left of a turn, and nothing is looked at until the next one. */
	add_changes(&world, name, CHANGES);
	take_turn(hard);
	uint64_t next = hard->subscription.reader.next;
	assert_int_equal(dispatch_take_events(hard, events, sizeof(events)), 0);
	assert_true(dispatch_is_behind(hard));
	assert_int_equal(hard->subscription.reader.next, next);
	session_close(hard);
	session_close(easy);
	world_close(&world);
}

/* A new pattern counts from its WATCH on; one that is refused changes nothing. */
static void test_new_pattern(void **state)
{
	struct world world;
	char line[1100] = "WATCH match=";
	(void)state;
	world_open(&world, NULL);
	struct session *watcher = watch(&world, 1, 10, "WATCH match=a");
	memset(line + strlen(line), 'x', GLOB_PATTERN_MAX + 1);
	world_expect(&world, watcher, line, -1, "ERR code=invalid-argument ");
	make(&world, "a", SHARE_ALL, 1);
	assert_string_equal(take_turn(watcher), "loaded a;");
	world_expect(&world, watcher, "WATCH match=b", -1, "OK\n");
	make(&world, "b", SHARE_ALL, 1);
	drop(&world, "a");
	assert_string_equal(take_turn(watcher), "loaded b;");
	assert_int_equal(world.engine.store.changes.reader_count, 1);
	session_close(watcher);
	world_close(&world);
}

static void test_initial(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	make(&world, "b", SHARE_ALL, 1);
	make(&world, "a", SHARE_PRIVATE, 1);
	make(&world, "c", SHARE_GROUP, 1);
	make(&world, "d", SHARE_ALL, 1);
	struct session *watcher = watch(&world, 3, 30, "WATCH initial=yes match=[a-c]");
	struct session *friend = watch(&world, 2, 10, "WATCH initial=yes");
	struct session *none = watch(&world, 3, 30, "WATCH initial=yes match=x");
	struct session *plain = watch(&world, 3, 30, "WATCH initial=no");
	assert_true(dispatch_is_behind(watcher));
	assert_string_equal(take_turn(watcher), "loaded b;listed;");
	assert_non_null(strstr(events, " owner=1 initial=yes\nEVENT type=listed count=1\n"));
	assert_false(dispatch_is_behind(watcher));
	make(&world, "b", SHARE_ALL, 2);
	assert_string_equal(take_turn(watcher), "changed b;");
	assert_null(strstr(events, "initial"));
	/* What changes before its turn to be listed is listed as it is then. */
	assert_string_equal(take_turn(friend), "loaded b;loaded c;loaded d;listed;");
	assert_string_equal(take_turn(none), "listed;");
	assert_non_null(strstr(events, "EVENT type=listed count=0\n"));
	assert_string_equal(take_turn(plain), "changed b;");
	world_expect(&world, plain, "WATCH initial=maybe", -1, "ERR code=invalid-argument ");
	world_expect(&world, plain, "WATCH initial=yes", -1, "OK\n");
	world_expect(&world, plain, "WATCH", -1, "OK\n");
	assert_string_equal(take_turn(plain), "");
	session_close(plain);
	session_close(none);
	session_close(friend);
	session_close(watcher);
	world_close(&world);
}

enum { NAMES = 24 };

/* What a client knows from events: the generation of each image; 0: not there. */
struct knowledge {
	uint64_t generations[NAMES];
	bool listed;
};

static void learn(struct knowledge *knowledge, const char *line)
{
	if (strncmp(line, "EVENT type=listed ", 18) == 0) {
		assert_false(knowledge->listed);
		knowledge->listed = true;
		return;
	}
	uint64_t *known = &knowledge->generations[strstr(line, " name=")[6] - 'a'];
	bool is_loaded = strncmp(line, "EVENT type=loaded ", 18) == 0;
	assert_int_equal(*known == 0, is_loaded);
	if (strncmp(line, "EVENT type=dropped ", 19) == 0)
		*known = 0;
	else
		*known = strtoull(strstr(line, " generation=") + 12, NULL, 10);
	if (memcmp(strchr(line, '\n') - 12, " initial=yes", 12) == 0)
		assert_true(is_loaded && !knowledge->listed);
}

static void change_at_random(struct world *world, uint64_t *chance, uint64_t count)
{
	while (count-- > 0) {
		char name[2] = {(char)('a' + unit_random(chance) % NAMES)};
		if (unit_random(chance) % 3 > 0)
			make(world, name, (int)(unit_random(chance) % 3), unit_random(chance));
		else if (store_find(&world->engine.store, name, 1))
			drop(world, name);
	}
}

/*
 * Images change while they are listed, a few lines at a time: no event is told of an image that the
 * client knows or does not know already, and in the end it knows them all.
 */
static void test_initial_without_a_gap(void **state)
{
	uint64_t chance = 7;
	(void)state;
	for (int round = 0; round < 60; round++) {
		struct world world;
		struct knowledge knowledge = {0};
		world_open(&world, NULL);
		change_at_random(&world, &chance, NAMES);
		struct session *watcher = watch(&world, 3, 30, "WATCH initial=yes");
		for (unsigned turn = 0; dispatch_is_behind(watcher); turn++) {
			size_t room = unit_random(&chance) % 300;
			dispatch_begin_turn(watcher);
			events[dispatch_take_events(watcher, events, room)] = '\0';
			for (char *line = events; *line; line = strchr(line, '\n') + 1)
				learn(&knowledge, line);
			if (turn < 40)
				change_at_random(&world, &chance, unit_random(&chance) % 3);
		}
		assert_true(knowledge.listed);
		for (int i = 0; i < NAMES; i++) {
			const char name[2] = {(char)('a' + i)};
			const struct image *image =
				store_find_visible(&world.engine.store, &watcher->who, name, 1);
			assert_int_equal(
				knowledge.generations[i], image ? image_current(image)->number : 0);
		}
		session_close(watcher);
		world_close(&world);
	}
}

/* Many images that a hard pattern does not match are listed in bounded turns. */
static void test_initial_turns(void **state)
{
	enum { IMAGES = 40 };
	struct world world;
	char line[1100] = "WATCH initial=yes match=*";
	(void)state;
	world_open(&world, NULL);
	for (int i = 0; i < IMAGES; i++) {
		static char name[NAME_LENGTH_MAX + 1];
		memset(name, 'a', NAME_LENGTH_MAX);
		name[0] = (char)('A' + i);
		make(&world, name, SHARE_ALL, 1);
	}
	memset(line + strlen(line), 'a', 990);
	strcat(line, "b");
	struct session *watcher = watch(&world, 3, 30, line);
	unsigned turns = 1;
	for (; !*take_turn(watcher); turns++)
		assert_true(dispatch_is_behind(watcher));
	assert_string_equal(events, "EVENT type=listed count=0\n");
	assert_in_range(turns, IMAGES / 8, IMAGES);
	session_close(watcher);
	world_close(&world);
}

static void test_unwatch(void **state)
{
	struct world world;
	(void)state;
	world_open(&world, NULL);
	make(&world, "a", SHARE_ALL, 1);
	struct session *watcher = watch(&world, 1, 10, "WATCH initial=yes match=[a-b]");
	make(&world, "b", SHARE_ALL, 1);
	world_expect(&world, watcher, "UNWATCH", -1, "OK\n");
	assert_false(dispatch_has_watch(watcher));
	assert_false(dispatch_is_behind(watcher));
	make(&world, "b", SHARE_ALL, 2);
	assert_string_equal(take_turn(watcher), "");
	assert_int_equal(world.engine.store.changes.reader_count, 0);
	world_expect(&world, watcher, "UNWATCH", -1, "OK\n");
	world_expect(&world, watcher, "WATCH", -1, "OK\n");
	make(&world, "b", SHARE_ALL, 3);
	assert_string_equal(take_turn(watcher), "changed b;");
	session_close(watcher);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_sees_what),
		cmocka_unit_test(test_late_reader),
		cmocka_unit_test(test_wakes),
		cmocka_unit_test(test_little_room),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_bounded_turns),
		cmocka_unit_test(test_new_pattern),
		cmocka_unit_test(test_initial),
		cmocka_unit_test(test_initial_without_a_gap),
		cmocka_unit_test(test_initial_turns),
		cmocka_unit_test(test_unwatch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
