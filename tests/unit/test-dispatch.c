/*
 * Tests of the command handlers as dispatch() calls them, of what they read and refuse, and
 * of replies that do not fit.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/command/listing.h"
#include "tests/unit/unit.h"
#include "tests/unit/world.h"

static struct answer answer;

/* The value of a key in the answer, to its end; "" when there is none. */
static const char *value(const char *key)
{
	static char text[WIRE_LINE_MAX];
	char pattern[64];
	snprintf(pattern, sizeof(pattern), " %s=", key);
	const char *found = strstr(answer.data, pattern);
	if (!found)
		return "";
	found += strlen(pattern);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(found, " \n"), found);
	return text;
}

/* Images of users 1, 2 and the caller's, 3, who is in group 30. */
static const struct recipe images[] = {
	{"own", 3, 30, .state = 1},
	{"own", 3, 30, .state = 1, .format = FORMAT_GRAY8},
	{"both", 1, 30, .share = SHARE_GROUP, .state = 1},
	{"both", 3, 30, .state = 1, .format = FORMAT_RGB8},
	{"private", 1, 30, .state = 1},
	{"group", 1, 30, .share = SHARE_GROUP, .state = 1},
	{"other-group", 1, 31, .share = SHARE_GROUP, .state = 1},
	{"all", 2, 20, .share = SHARE_ALL, .state = 1, .format = FORMAT_GRAY16},
	{"a%b c", 3, 30, .state = 1},
};

static struct session *begin(struct world *world)
{
	world_open(world, NULL);
	for (size_t i = 0; i < COUNT(images); i++)
		world_make(world, &images[i]);
	return world_session(world, 3, 30);
}

static const struct {
	const char *line;
	const char *begin;
} requests[] = {
	{"HELLO", "OK protocol=1 version="},
	{"HELLO protocol=1", "OK protocol=1 version="},
	{"HELLO protocol=2", "ERR code=unsupported key=protocol "},
	{"HELLO protocol=", "ERR code=unsupported key=protocol "},
	{"HELLO protocol=01", "ERR code=unsupported key=protocol "},
	{"HELLO protocol=2,", "ERR code=unsupported key=protocol "},
	{"HELLO protocol=11,3", "ERR code=unsupported key=protocol "},
	{"HELLO protocol=1,2", "OK protocol=1 version="},
	{"HELLO protocol=3,2,1", "OK protocol=1 version="},
	{"HELLO colour=red fd=no", "OK protocol=1 version="},
	{"HELLO fd=x", "ERR code=invalid-argument key=fd "},
	{"HELLO id=a%20b%25", "OK id=a%20b%25 protocol=1 version="},
	{"HELLO quiet=ok", ""},
	{"NOOP", "OK\n"},
	{"NOOP id=n", "OK id=n\n"},
	{"NOOP x-colour=red", "OK\n"},
	{"CANCEL id=x", "ERR id=x code=not-found what=request "},
	{"FETCH id=7 name=own", "OK id=7 name=own "},
	{"FETCH id=7 name=missing", "ERR id=7 code=not-found what=image "},
	{"FETCH quiet=ok name=missing", "ERR code=not-found what=image "},
	{"FETCH name=own width=5", "ERR code=not-found what=rendition "},
	{"LIST id=7 match=own", "ITEM id=7 name=own "},
	{"FETCH name=missing", "ERR code=not-found "},
	{"FETCH name=own", "OK name=own segment=/shmimg-"},
	{"FETCH name=own format=GRAY8", "OK name=own segment=/shmimg-"},
	{"FETCH name=own format=RGB8", "ERR code=not-found "},
	{"FETCH name=own format=native", "ERR code=not-found "},
	{"FETCH name=both format=native", "OK name=both "},
	{"FETCH name=own owner=3", "OK name=own "},
	{"FETCH name=own owner=1", "ERR code=not-found "},
	{"FETCH name=own owner=-1", "ERR code=invalid-argument key=owner "},
	{"FETCH name=own owner=4294967295", "ERR code=invalid-argument "},
	{"FETCH name=own owner=", "ERR code=invalid-argument "},
	{"FETCH name=own owner=root", "ERR code=invalid-argument "},
	{"FETCH name=own format=rgba8", "ERR code=invalid-argument "},
	{"FETCH name=own format=", "ERR code=invalid-argument "},
	{"FETCH name=own fd=no", "OK name=own "},
	{"FETCH name=own fd=yes", "OK name=own "},
	{"FETCH name=own fd=1", "ERR code=invalid-argument key=fd "},
	{"FETCH name=own fd=", "ERR code=invalid-argument "},
	{"FETCH name=", "ERR code=invalid-argument "},
	{"FETCH name=%01", "ERR code=invalid-argument "},
	{"FETCH name=%c3", "ERR code=invalid-argument "},
	{"FETCH name=a%25b%20c", "OK name=a%25b%20c "},
	{"FETCH name=private", "ERR code=not-found "},
	{"FETCH name=private owner=1", "ERR code=not-found "},
	{"FETCH name=private owner=any", "ERR code=not-found "},
	{"FETCH name=group", "ERR code=not-found "},
	{"FETCH name=group owner=any", "OK name=group "},
	{"FETCH name=group owner=ANY", "ERR code=invalid-argument "},
	{"FETCH name=other-group owner=any", "ERR code=not-found "},
	{"FETCH name=all", "ERR code=not-found "},
	{"FETCH name=all owner=any", "OK name=all "},
	{"FETCH name=all owner=2", "OK name=all "},
	{"STAT name=all", "ERR code=not-found "},
	{"STAT name=all owner=any", "OK name=all "},
	{"STAT name=private", "ERR code=not-found "},
	{"STAT name=own format=native", "ERR code=not-found "},
	{"STAT name=own owner=x", "ERR code=invalid-argument "},
	{"DROP name=missing", "ERR code=not-found "},
	{"DROP name=private", "ERR code=not-found "},
	{"DROP name=private owner=1", "ERR code=not-found "},
	{"DROP name=group", "ERR code=not-found "},
	{"DROP name=group owner=any", "ERR code=no-permission "},
	{"DROP name=all owner=2", "ERR code=no-permission "},
	{"DROP name=both owner=1", "ERR code=no-permission "},
	{"DROP name=own owner=x", "ERR code=invalid-argument "},
	{"DROP name=", "ERR code=invalid-argument "},
	{"RELEASE name=missing", "ERR code=not-found what=pin "},
	{"RELEASE name=other-group", "ERR code=not-found "},
	{"RELEASE name=other-group owner=any", "ERR code=not-found "},
	{"RELEASE name=own format=native", "ERR code=invalid-argument "},
	{"RELEASE name=own generation=0", "ERR code=invalid-argument "},
	{"RELEASE name=own generation=", "ERR code=invalid-argument "},
	{"RELEASE name=own generation=18446744073709551616", "ERR code=invalid-argument "},
	{"RELEASE name=own generation=18446744073709551615", "ERR code=not-found "},
	{"LOAD", "ERR code=invalid-argument key=name "},
	{"LOAD name=a", "ERR code=invalid-argument "},
	{"LOAD source=fd", "ERR code=invalid-argument "},
	{"LOAD name=a source=fd", "ERR code=invalid-argument "},
	{"LOAD name=a source=file", "ERR code=invalid-argument "},
	{"LOAD path=/dev/null source=fd", "ERR code=invalid-argument "},
	{"LOAD path=relative", "ERR code=invalid-argument key=path "},
	{"LOAD path=/dev/null", "ERR code=invalid-argument "},
	{"LOAD path=/", "ERR code=invalid-argument "},
	{"LOAD path=/nowhere/at/all", "ERR code=not-found what=file "},
	{"LOAD path=/nowhere/at/all name=%01", "ERR code=invalid-argument "},
	{"LOAD path=/nowhere/at/all format=x", "ERR code=invalid-argument "},
	{"LOAD path=/nowhere/at/all keep=x", "ERR code=invalid-argument key=keep "},
	{"LOAD path=/nowhere/at/all share=x", "ERR code=invalid-argument "},
	{"LOAD path=/nowhere/at/all pin=x", "ERR code=invalid-argument "},
	{"LOAD path=/nowhere/at/all fd=x", "ERR code=invalid-argument "},
};

static void test_requests(void **state)
{
	struct world world;
	uint64_t errors = 0;
	(void)state;
	struct session *session = begin(&world);
	for (size_t i = 0; i < COUNT(requests); i++) {
		world_expect(&world, session, requests[i].line, -1, requests[i].begin);
		errors += requests[i].begin[0] == 'E';
		assert_int_equal(world.engine.counters.errors, errors);
	}
	assert_int_equal(world.engine.store.rendition_count, COUNT(images));
	assert_int_equal(world.engine.loader.count, 0);
	world_end(&world, session);
}

static void test_descriptors(void **state)
{
	struct world world;
	int pipes[2];
	(void)state;
	struct session *session = begin(&world);
	unsigned before = world_descriptors();
	assert_return_code(pipe(pipes), errno);
	close(pipes[1]);
	world_expect(&world, session, "LOAD name=a source=fd", pipes[0], "ERR code=invalid-argu");
	int fd = memfd_create("a", 0);
	world_expect(&world, session, "FETCH name=own", fd, "OK name=own "); /* not asked for */
	world_settle(&world);
	assert_int_equal(world_descriptors(), before);
	world_call(session, &answer, "FETCH name=own fd=yes", -1);
	fd = answer.reply.fd;
	assert_int_equal(lseek(fd, 0, SEEK_END), strtoll(value("size"), NULL, 10));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	close(fd);
	world_end(&world, session);
}

static void test_drop(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	world_expect(&world, session, "FETCH name=both", -1, "OK name=both ");
	world_expect(&world, session, "DROP name=both", -1, "OK\n");
	world_expect(&world, session, "DROP name=both", -1, "ERR code=not-found ");
	world_expect(&world, session, "RELEASE name=both owner=1", -1, "ERR code=not-found ");
	world_expect(&world, session, "RELEASE name=both", -1, "OK\n");
	world_call(session, &answer, "STAT name=both owner=any", -1);
	assert_string_equal(value("owner"), "1");
	world_end(&world, session);
}

static void test_stat(void **state)
{
	struct world world;
	char pid[16];
	(void)state;
	struct session *session = begin(&world);
	world_expect(&world, session, "FETCH name=own", -1, "OK ");
	world_expect(&world, session, "FETCH name=own", -1, "OK ");
	world_call(session, &answer, "STAT name=own", -1);
	snprintf(pid, sizeof(pid), "%d", getpid());
	static const char *const expected[][2] = {{"width", "16"}, {"height", "16"},
		{"stride", "64"}, {"format", "RGBA8"}, {"owner", "3"}, {"share", "private"},
		{"keep", "cache"}, {"type", "PNG"}, {"orientation", "1"},
		{"renditions", "RGBA8,GRAY8"}, {"pins", "1"}, {"lock", "free"}, {"waiters", "0"}};
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_string_equal(value(expected[i][0]), expected[i][1]);
	assert_string_equal(value("holders"), pid);
	world_end(&world, session);
}

static void test_stats(void **state)
{
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	world_expect(&world, session, "FETCH name=own", -1, "OK ");
	world_expect(&world, session, "FETCH name=missing", -1, "ERR ");
	world_expect(&world, session, "LOAD name=a", -1, "ERR ");
	world_call(session, &answer, "STATS", -1);
	static const char *const expected[][2] = {{"images", "8"}, {"renditions", "9"},
		{"connections", "1"}, {"loads", "1"}, {"loading", "0"}, {"decodes", "0"},
		{"hits", "0"}, {"fetches", "2"}, {"errors", "2"}, {"evictions", "0"},
		{"decoders", "0"}, {"decoder-restarts", "0"}};
	for (size_t i = 0; i < COUNT(expected); i++)
		assert_string_equal(value(expected[i][0]), expected[i][1]);
	assert_int_equal(strtoull(value("bytes"), NULL, 10), world.engine.store.bytes);
	/* The image is held, with both its renditions. */
	assert_int_equal(strtoull(value("pinned-bytes"), NULL, 10),
		world_size(&images[0]) + world_size(&images[1]));
	world_end(&world, session);
}

/* Lists with a reply of so much room, emptied whenever it is full. Returns the names. */
static const char *list(struct session *session, const char *line, size_t room)
{
	static char names[512];
	enum outcome outcome = OUTCOME_MORE;
	names[0] = '\0';
	while (outcome == OUTCOME_MORE) {
		outcome = world_call_within(session, &answer, line, -1, room);
		for (const char *item = answer.data; *item; item = strchr(item, '\n') + 1) {
			if (strncmp(item, "ITEM name=", 10) == 0)
				strncat(names, item + 10, strcspn(item + 10, " "));
			else
				strncat(names, item, strcspn(item, "\n"));
			strcat(names, "|");
		}
	}
	return names;
}

static void test_list(void **state)
{
	static const char *const cases[][2] = {
		{"LIST", "a%25b%20c|all|both|both|group|own|OK count=6|"},
		{"LIST match=*", "a%25b%20c|all|both|both|group|own|OK count=6|"},
		{"LIST match=", "OK count=0|"},
		{"LIST match=own", "own|OK count=1|"},
		{"LIST match=*o*", "both|both|group|own|OK count=4|"},
		{"LIST match=[a-b]*", "a%25b%20c|all|both|both|OK count=4|"},
		{"LIST match=private", "OK count=0|"},
		{"LIST limit=6", "a%25b%20c|all|both|both|group|own|OK count=6|"},
		{"LIST limit=5", "a%25b%20c|all|both|both|group|OK count=5 more=yes|"},
		{"LIST limit=1", "a%25b%20c|OK count=1 more=yes|"},
		{"LIST limit=4294967295", "a%25b%20c|all|both|both|group|own|OK count=6|"},
		{"LIST match=both limit=1", "both|OK count=1 more=yes|"},
		{"LIST match=both limit=2", "both|both|OK count=2|"},
		{"LIST match=none limit=1", "OK count=0|"},
		/* own is all that is left, and private is another user's. */
		{"LIST after=group limit=1", "own|OK count=1|"},
		{"LIST after=own", "OK count=0|"},
		{"LIST after=both", "group|own|OK count=2|"},
		{"LIST after=both owner=0", "both|both|group|own|OK count=4|"},
		{"LIST after=both owner=1", "both|group|own|OK count=3|"},
		{"LIST after=both owner=2", "both|group|own|OK count=3|"},
		{"LIST after=both owner=3", "group|own|OK count=2|"},
		{"LIST after=b", "both|both|group|own|OK count=4|"},
		{"LIST after=bz owner=4294967294", "group|own|OK count=2|"},
		{"LIST after=%20 match=*o* limit=3", "both|both|group|OK count=3 more=yes|"},
		{"LIST keys=name limit=2", "a%25b%20c|all|OK count=2 more=yes|"},
	};
	struct world world;
	(void)state;
	struct session *session = begin(&world);
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_string_equal(
			list(session, cases[i][0], sizeof(answer.data) - 1), cases[i][1]);
		/* One at a time. */
		assert_string_equal(list(session, cases[i][0], WIRE_LINE_MAX), cases[i][1]);
	}
	static const char *const refused[] = {"LIST limit=0", "LIST limit=", "LIST limit=-1",
		"LIST limit=4294967296", "LIST owner=3", "LIST after=", "LIST after=%01",
		"LIST after=a owner=x", "LIST keys=", "LIST keys=name,", "LIST keys=,name",
		"LIST keys=names", "LIST keys=nam", "LIST keys=name%20"};
	for (size_t i = 0; i < COUNT(refused); i++)
		world_expect(&world, session, refused[i], -1, "ERR code=invalid-argument ");
	char line[1100] = "LIST match=";
	memset(line + 11, '*', 1025);
	world_expect(&world, session, line, -1, "ERR code=invalid-argument ");
	line[11 + 1024] = '\0';
	world_expect(&world, session, line, -1, "ITEM name=a%25b%20c ");
	world_end(&world, session);
}

/* Each key of an item can be chosen, alone with name and owner, and has the value of the item. */
static void test_list_keys(void **state)
{
	static struct answer one;
	struct world world;
	unsigned count = 0;
	(void)state;
	struct session *session = begin(&world);
	world_call(session, &answer, "LIST match=own", -1);
	for (const char *field = strchr(answer.data, ' '); field; field = strchr(field + 1, ' ')) {
		char line[64], wanted[512];
		int length = (int)strcspn(field + 1, "=");
		if (field > strchr(answer.data, '\n'))
			break;
		snprintf(line, sizeof(line), "LIST match=own keys=%.*s", length, field + 1);
		assert_int_equal(world_call(session, &one, line, -1), OUTCOME_DONE);
		bool always = strncmp(field, " name=", 6) == 0 || strncmp(field, " owner=", 7) == 0;
		snprintf(wanted, sizeof(wanted), "%.*s", (int)strcspn(field + 1, " \n") + 1, field);
		assert_non_null(strstr(one.data, wanted));
		assert_non_null(strstr(one.data, " owner=3"));
		assert_memory_equal(one.data, "ITEM name=own ", 14);
		unsigned fields = 0;
		for (const char *next = one.data; *next != '\n'; next++)
			fields += *next == ' ';
		assert_int_equal(fields, always ? 2 : 3);
		count++;
	}
	assert_in_range(count, 20, 32);
	world_expect(&world, session, "LIST match=own keys=slot,width,keep", -1,
		"ITEM name=own width=16 slot=");
	world_end(&world, session);
}

/*
 * Patterns that are hard and match nothing: a list of many long names takes several turns, and of
 * a message with many lists, each ends the turn. The position outlives its image.
 */
static void test_list_in_turns(void **state)
{
	enum { IMAGES = 40 };
	struct world world;
	char line[1100] = "LIST match=*";
	(void)state;
	world_open(&world, NULL);
	struct session *session = world_session(&world, 3, 30);
	for (int i = 0; i < IMAGES; i++) {
		static char name[NAME_LENGTH_MAX + 1];
		memset(name, 'a', NAME_LENGTH_MAX);
		name[0] = (char)('A' + i);
		world_make(&world, &(struct recipe){name, 3, .state = 1});
	}
	memset(line + strlen(line), 'a', 1000);
	strcat(line, "b");
	unsigned turns = 1;
	while (world_call(session, &answer, line, -1) == OUTCOME_MORE) {
		assert_string_equal(answer.data, "");
		image_drop(&world.engine.store,
			store_find(&world.engine.store, session->listing->name, 3));
		turns++;
	}
	assert_string_equal(answer.data, "OK count=0\n");
	/* No name costs more than a few turns' part, and none is free. */
	assert_in_range(turns, IMAGES / 8, IMAGES);
	assert_int_equal(world_call(session, &answer, line, -1), OUTCOME_MORE);
	assert_int_equal(world_call(session, &answer, line, -1), OUTCOME_MORE);
	world_end(&world, session);
}

static void test_rejections(void **state)
{
	struct world world;
	struct reply reply = {.fd = -1, .data = answer.data, .size = WIRE_LINE_MAX};
	(void)state;
	struct session *session = begin(&world);
	dispatch_reject(session, &reply, FAULT_PROTOCOL, "a key is given twice");
	dispatch_reject_request(session, &reply, REQUEST_UNKNOWN_VERB, "NONSENSE");
	dispatch_reject_request(session, &reply, REQUEST_UNKNOWN_KEY, "colour");
	dispatch_reject_request(session, &reply, REQUEST_MISSING_KEY, "name");
	dispatch_reject_request(session, &reply, REQUEST_INVALID_ID, "id");
	dispatch_reject_request(session, &reply, REQUEST_INVALID_QUIET, "quiet");
	dispatch_reject_cancelled(session, &reply);
	answer.data[reply.length] = '\0';
	static const char *const parts[] = {
		"ERR code=protocol message=a%20key%20is%20given%20twice",
		"\nERR code=unsupported verb=NONSENSE message=unknown%20command%20NONSENSE;",
		("\nERR code=unsupported key=colour "
		 "message=this%20command%20has%20no%20key%20colour=;"),
		"\nERR code=invalid-argument key=name message=name=%20is%20missing",
		"\nERR code=invalid-argument key=id ", "\nERR code=invalid-argument key=quiet ",
		"\nERR code=cancelled message="};
	for (size_t i = 0; i < COUNT(parts); i++)
		assert_non_null(strstr(answer.data, parts[i]));
	assert_int_equal(world.engine.counters.errors, 7);
	world_end(&world, session);
}

static void test_replies(void **state)
{
	static char data[2 * WIRE_LINE_MAX], text[WIRE_LINE_MAX];
	struct reply reply = {.fd = -1, .data = data, .size = sizeof(data)};
	(void)state;
	unsigned before = world_descriptors();
	assert_true(reply_has_room(&reply));
	/* The longest line, and one that is a byte longer. */
	memset(text, 'x', sizeof(text) - 1);
	text[WIRE_LINE_MAX - strlen("OK a=\n")] = '\0';
	wire_add(reply_begin(&reply, "OK"), "a", text);
	reply_end(&reply);
	assert_int_equal(reply.length, WIRE_LINE_MAX);
	assert_true(reply_has_room(&reply));
	reply.length = 0;
	wire_add(reply_begin(&reply, "OKK"), "a", text);
	reply_end(&reply);
	data[reply.length] = '\0';
	assert_string_equal(data, "ERR code=internal message="
				  "the%20answer%20does%20not%20fit%20into%20a%20line\n");
	reply.length = sizeof(data) - WIRE_LINE_MAX + 1;
	assert_false(reply_has_room(&reply));

	/* One descriptor goes with a reply, and none with an error. */
	reply.length = 0;
	reply_pass(&reply, dup(0));
	reply_pass(&reply, dup(0));
	assert_int_equal(world_descriptors(), before + 1);
	reply_fault(&reply, FAULT_BUSY, "%s", text);
	assert_int_equal(reply.fd, -1);
	assert_int_equal(world_descriptors(), before);
	data[reply.length] = '\0';
	assert_memory_equal(data, "ERR code=busy retry-ms=100 message=xxx", 38);
	assert_true(reply.length < 4096);
	reply.length = 0;
	reply_fault(&reply, FAULT_BUSY, "%d%%", 5);
	data[reply.length] = '\0';
	assert_string_equal(
		data, "ERR code=busy retry-ms=100 message=5%25;%20try%20again%20later\n");
	reply.length = 0;
	reply_fault(&reply, FAULT_BUSY, "full; wait");
	data[reply.length] = '\0';
	assert_string_equal(data, "ERR code=busy retry-ms=100 message=full;%20wait\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_stats),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_keys),
		cmocka_unit_test(test_list_in_turns),
		cmocka_unit_test(test_rejections),
		cmocka_unit_test(test_replies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
