/*
 * Requests with ids: threads that share a client, answers in any order, requests that time out and
 * are answered later, and lines that nobody expects.
 */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/protocol/board.h"
#include "tests/unit/fake-image.h"

enum { SHORT = 50, THREADS = 6, ROUNDS = 60 };

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Says a line of the fixture as the answer to a request with an id. */
static void say_with_id(struct fake *fake, const char *reply, unsigned id, const int *fd)
{
	char text[8192 + 32];
	const char *rest = strchr(reply, ' ');
	snprintf(text, sizeof(text), "%.*s id=%u%s", (int)(rest - reply), reply, id, rest);
	fake_say_with(fake, text, fd, fd ? 1 : 0);
}

/* What two threads and the daemon of a test tell each other. */
struct meeting {
	struct fixture *fixture;
	shmimg_client *client;
	sem_t heard;	/* the daemon has the request of the slow thread */
	sem_t released; /* and may answer it */
	int result;
	const char *code;
};

static void meeting_make(struct meeting *meeting, struct fixture *fixture)
{
	*meeting = (struct meeting){.fixture = fixture};
	sem_init(&meeting->heard, 0, 0);
	sem_init(&meeting->released, 0, 0);
}

static void *load_slowly(void *context)
{
	struct meeting *meeting = context;
	shmimg_image *image = NULL;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	meeting->result = shmimg_load_fd(meeting->client, fd, "slow", NULL, &image);
	close(fd);
	meeting->code = shmimg_code(meeting->client);
	return NULL;
}

static void answer_second_first(struct fake *fake, void *context)
{
	struct meeting *meeting = context;
	int fd;
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_hear_with(fake, "LOAD source=fd name=slow id=1", &fd);
	close(fd);
	sem_post(&meeting->heard);
	fake_hear(fake, "FETCH name=duck id=2");
	say_with_id(fake, meeting->fixture->reply, 2, NULL);
	sem_wait(&meeting->released);
	fake_say(fake, "ERR id=1 code=not-an-image message=no\n");
	fake_hear_end(fake);
}

/* A fetch is answered while a load of another thread is under way on the same connection. */
static void fetch_during_a_load(void **state)
{
	struct meeting meeting;
	meeting_make(&meeting, *state);
	struct fake *fake = &meeting.fixture->fake;
	meeting.client = fake_connect(fake, answer_second_first, &meeting);
	pthread_t thread;
	shmimg_image *image;
	assert_int_equal(shmimg_fetch(meeting.client, "", NULL, &image), -EINVAL);
	char message[256];
	snprintf(message, sizeof(message), "%s", shmimg_message(meeting.client));
	assert_int_equal(pthread_create(&thread, NULL, load_slowly, &meeting), 0);
	sem_wait(&meeting.heard);
	assert_int_equal(shmimg_fetch(meeting.client, "duck", NULL, &image), 0);
	sem_post(&meeting.released);
	pthread_join(thread, NULL);
	assert_int_equal(meeting.result, -EILSEQ);
	/* Each thread has its own error. */
	assert_string_equal(meeting.code, "not-an-image");
	assert_string_equal(shmimg_code(meeting.client), "");
	assert_string_equal(shmimg_message(meeting.client), message);
	shmimg_unref(image);
	fake_finish(fake, meeting.client);
}

static void *ask_stats(void *context)
{
	struct meeting *meeting = context;
	unsigned count = 0;
	meeting->result = shmimg_stats(meeting->client, fixture_count, &count);
	return NULL;
}

static void answer_in_a_list(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_hear(fake, "LIST id=1");
	fake_say(fake, "ITEM id=1 name=a\n");
	fake_hear(fake, "STATS id=2");
	fake_say(fake, "OK id=2 images=1\nITEM id=1 name=b\nOK id=1 count=2\n");
	fake_hear_end(fake);
}

static int ask_in_another_thread(const shmimg_record *record, void *context)
{
	struct meeting *meeting = context;
	pthread_t thread;
	unsigned count = 0;
	assert_int_equal(shmimg_stats(meeting->client, fixture_count, &count), -EBUSY);
	if (strcmp(shmimg_record_get(record, "name"), "b") == 0)
		return 0;
	assert_int_equal(pthread_create(&thread, NULL, ask_stats, meeting), 0);
	pthread_join(thread, NULL);
	return 0;
}

/* Other threads use the client while a handler runs, but the handler does not. */
static void request_during_a_list(void **state)
{
	struct meeting meeting;
	meeting_make(&meeting, *state);
	meeting.result = -1;
	meeting.client = fake_connect(&meeting.fixture->fake, answer_in_a_list, NULL);
	assert_int_equal(shmimg_list(meeting.client, NULL, ask_in_another_thread, &meeting), 0);
	assert_int_equal(meeting.result, 0);
	fake_finish(&meeting.fixture->fake, meeting.client);
}

/* Reads what has come, and answers the last request first. */
static void answer_backwards(struct fake *fake, void *context)
{
	char lines[4][FAKE_LINE_MAX];
	bool more = true;
	(void)context;
	fake_handshake_with(fake, "id,quiet,cancel");
	while (more) {
		struct pollfd poller = {.fd = fake->connection, .events = POLLIN};
		int count = 0, fd;
		do
			more = fake_read(fake, lines[count], &fd);
		while (more && ++count < 4 && poll(&poller, 1, 0) > 0);
		while (count-- > 0) {
			char name[32], text[128];
			unsigned id;
			if (sscanf(lines[count], "STAT name=%31s id=%u", name, &id) != 2)
				return;
			snprintf(text, sizeof(text), "OK id=%u name=%s\n", id, name);
			fake_say(fake, text);
		}
	}
}

static int take_name(const shmimg_record *record, void *context)
{
	return strcmp(shmimg_record_get(record, "name"), context) == 0 ? 1 : 2;
}

static void *ask_by_name(void *context)
{
	struct meeting *meeting = context;
	char name[32];
	snprintf(name, sizeof(name), "n%lx", (unsigned long)pthread_self());
	for (int i = 0; i < ROUNDS; i++) {
		if (shmimg_stat(meeting->client, name, NULL, take_name, name) != 1)
			__atomic_add_fetch(&meeting->result, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void many_threads(void **state)
{
	struct meeting meeting;
	meeting_make(&meeting, *state);
	meeting.client = fake_connect(&meeting.fixture->fake, answer_backwards, NULL);
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_by_name, &meeting), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(meeting.result, 0);
	fake_finish(&meeting.fixture->fake, meeting.client);
}

/* Goes away with two requests unanswered, and answers both when they come again. */
static void go_over_two(struct fake *fake, void *context)
{
	struct meeting *meeting = context;
	char line[FAKE_LINE_MAX];
	int fd;
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_read(fake, line, &fd);
	sem_post(&meeting->heard);
	fake_read(fake, line, &fd);
	if (!fake_accept(fake))
		return;
	fake_handshake_with(fake, "id,quiet,cancel");
	for (int i = 0; i < 2; i++) {
		char text[64];
		unsigned id = 0;
		fake_read(fake, line, &fd);
		sscanf(line, "STATS id=%u", &id);
		snprintf(text, sizeof(text), "OK id=%u images=1\n", id);
		fake_say(fake, text);
	}
	fake_hear_end(fake);
}

static void two_are_repeated(void **state)
{
	struct meeting meeting;
	meeting_make(&meeting, *state);
	meeting.client = fake_connect(&meeting.fixture->fake, go_over_two, &meeting);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, ask_stats, &meeting), 0);
	sem_wait(&meeting.heard);
	fixture_ask(meeting.client);
	pthread_join(thread, NULL);
	assert_int_equal(meeting.result, 0);
	fake_finish(&meeting.fixture->fake, meeting.client);
}

/* Answers two requests after their time, one of them with a descriptor. */
static void answer_late(struct fake *fake, void *context)
{
	struct meeting *meeting = context;
	const struct fixture *fixture = meeting->fixture;
	const char *reply = fixture->second_reply;
	char release[1024];
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_hear(fake, "FETCH name=duck id=1");
	say_with_id(fake, reply, 1, NULL);
	fake_hear(fake, "FETCH name=duck format=RGBA8 fd=yes id=2");
	fake_hear(fake, "CANCEL id=2");
	snprintf(release, sizeof(release), "%s quiet=ok id=q", fixture->release);
	fake_hear(fake, release);
	fake_hear(fake, "STATS id=3");
	say_with_id(fake, fixture->reply, 2, fixture->second_fds);
	fake_say(fake, "ERR id=q code=not-found what=pin message=none\n");
	fake_say(fake, "ERR id=2 code=not-found what=request message=none\n");
	fake_say(fake, "OK id=3 images=1\n");
	char *owner = strstr(release, " format=");
	char any[1024];
	snprintf(any, sizeof(any), "%.*s owner=any%s", (int)(owner - release), release, owner);
	fake_hear(fake, any);
	fake_hear(fake, "STATS id=4");
	fake_say(fake, "OK id=4 images=1\n");
	fake_hear_end(fake);
}

/* The pin and the descriptor of a late answer do not stay, and the connection does. */
static void late_answer(void **state)
{
	struct meeting meeting;
	meeting_make(&meeting, *state);
	struct fixture *fixture = meeting.fixture;
	unsigned before = open_descriptors();
	fixture->second_fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	strcpy(fixture->second_reply, fixture->reply);
	char *name = strstr(fixture->second_reply, fixture->segment.name);
	memset(name + 1, 'x', strlen(fixture->segment.name) - 1);
	shmimg_image *image;
	meeting.client = fake_connect(&fixture->fake, answer_late, &meeting);
	shmimg_set_timeout(meeting.client, SHORT);
	assert_int_equal(shmimg_fetch(meeting.client, "duck", NULL, &image), -ETIMEDOUT);
	assert_null(image);
	assert_string_equal(shmimg_message(meeting.client), "the daemon did not answer in time");
	shmimg_set_timeout(meeting.client, FAKE_TIMEOUT);
	fixture_ask(meeting.client);
	fixture_ask(meeting.client);
	fake_finish(&fixture->fake, meeting.client);
	close(fixture->second_fds[0]);
	assert_int_equal(open_descriptors(), before);
}

static void hear_quiet_release(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	char release[1024];
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_hear(fake, "FETCH name=duck id=1");
	say_with_id(fake, fixture->reply, 1, NULL);
	const char *rest = strstr(fixture->release, " format=");
	unsigned owner = fixture->segment.header.owner;
	snprintf(release, sizeof(release), "RELEASE name=duck owner=%u%s quiet=ok id=q", owner,
		rest);
	fake_hear(fake, release);
	/* The second time the client has no pin, and wants to know. */
	snprintf(release, sizeof(release), "RELEASE name=duck owner=%u%s id=2", owner, rest);
	fake_hear(fake, release);
	fake_say(fake, "ERR id=q code=internal message=no\n");
	fake_say(fake, "ERR id=2 code=not-found message=no\n");
	fake_hear_end(fake);
}

static void release_is_not_waited_for(void **state)
{
	struct fixture *fixture = *state;
	shmimg_image *image;
	shmimg_client *client = fake_connect(&fixture->fake, hear_quiet_release, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", NULL, &image), 0);
	assert_int_equal(shmimg_release(client, image), 0);
	assert_int_equal(shmimg_release(client, image), -ENOENT);
	shmimg_unref(image);
	fake_finish(&fixture->fake, client);
}

/* A daemon that knows no cancelling: the connection ends, as its next line might be anything. */
static void be_silent_and_return(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake_with(fake, "id");
	fake_hear(fake, "STATS id=1");
	fake_hear_end(fake);
	if (!fake_accept(fake))
		return;
	fake_handshake(fake);
	fake_hear(fake, "STATS");
	fake_say(fake, "OK images=1\n");
	fake_hear_end(fake);
}

static void late_without_cancel(void **state)
{
	struct fixture *fixture = *state;
	unsigned count = 0;
	shmimg_client *client = fake_connect(&fixture->fake, be_silent_and_return, NULL);
	shmimg_set_timeout(client, SHORT);
	assert_int_equal(shmimg_stats(client, fixture_count, &count), -ETIMEDOUT);
	shmimg_set_timeout(client, FAKE_TIMEOUT);
	fixture_ask(client);
	fake_finish(&fixture->fake, client);
}

/* What is said to "STATS id=1", and what comes of it. */
static const struct saying {
	const char *text;
	int result;
} sayings[] = {
	{"OK id=1 images=1\n", 0},
	{"OK id=1 images=1 a-new-key=x\n", 0},
	{"OK images=1 id=1\n", -EPROTO},
	{"OK images=1\n", -EPROTO},
	{"OK id=2 images=1\n", -EPROTO},
	{"OK id=0 images=1\n", -EPROTO},
	{"OK id= images=1\n", -EPROTO},
	{"OK id=1x images=1\n", -EPROTO},
	{"OK id=99999999999999999999999999999999999999 images=1\n", -EPROTO},
	{"OK id=q\nOK id=1 images=1\n", 0},
	{"WHAT id=1\n", -EPROTO},
	{"WHAT id=7\n", -EPROTO},
	{"EVENT type=loaded name=a generation=1 owner=0\n", -EPROTO},
	{"EVENT type=strange\nOK id=1 images=1\n", -EPROTO},
	{"EVENT id=1 type=strange\n", -EPROTO},
	{"ITEM id=1 name=a\n", -EPROTO},
	{"ERR code=busy message=go\n", -EBUSY},
	{"ERR id=1 code=busy retry-ms=10 message=later\n", -EBUSY},
	{"ERR id=1 code=strange message=x\n", -EPROTO},
	{"\n", -EPROTO},
	{" id=1\n", -EPROTO},
	{"OK id=1 id=1\n", -EPROTO},
};

static void say_it(struct fake *fake, void *context)
{
	const struct saying *saying = context;
	fake_handshake_with(fake, "strange,id,quiet,cancel,stranger");
	fake_hear(fake, "STATS id=1");
	fake_say(fake, saying->text);
	fake_hear_end(fake);
}

static void strange_lines(void **state)
{
	struct fixture *fixture = *state;
	for (size_t i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
		struct saying saying = sayings[i];
		unsigned count = 0;
		shmimg_client *client = fake_connect(&fixture->fake, say_it, &saying);
		int r = shmimg_stats(client, fixture_count, &count);
		if (r != saying.result)
			fail_msg("%s: %d: %s", saying.text, r, shmimg_message(client));
		assert_int_equal(count, r == 0);
		fake_finish(&fixture->fake, client);
	}
}

static void answer_twice(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake_with(fake, "id,quiet,cancel");
	fake_hear(fake, "STATS id=1");
	fake_say(fake, "OK id=1 images=1\nOK id=1 images=1\n");
	fake_hear(fake, "STATS id=2");
	fake_hear_end(fake);
}

static void answered_twice(void **state)
{
	struct fixture *fixture = *state;
	unsigned count = 0;
	shmimg_client *client = fake_connect(&fixture->fake, answer_twice, NULL);
	fixture_ask(client);
	assert_int_equal(shmimg_stats(client, fixture_count, &count), -EPROTO);
	assert_string_equal(shmimg_message(client), "the daemon sent an unexpected line");
	fake_finish(&fixture->fake, client);
}

/* A board that shows the image "duck" as the newest, in a file without a name. */
static int make_board(const struct fixture *fixture)
{
	const struct header *image = &fixture->segment.header;
	struct board_header header = {.magic = BOARD_MAGIC,
		.version = BOARD_VERSION,
		.slot_offset = BOARD_SLOT_OFFSET,
		.slot_count = image->slot + 1,
		.epoch = 1};
	char path[] = "/tmp/shmimg-unit-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	assert_return_code(fd, errno);
	unlink(path);
	memcpy(header.magic, BOARD_MAGIC, sizeof(header.magic));
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
	assert_int_equal(
		pwrite(fd, &image->generation, 8, BOARD_SLOT_OFFSET + image->slot * 8L), 8);
	return fd;
}

static void give_the_board(struct fake *fake, void *context)
{
	const struct fixture *fixture = context;
	char line[FAKE_LINE_MAX];
	int fd;
	fake_handshake_with(fake, "id,quiet,cancel,descriptors");
	fake_hear(fake, "HELLO protocol=1 fd=yes");
	fake_say_with(fake, fixture->second_reply, fixture->second_fds, fixture->second_count);
	fake_read(fake, line, &fd);
	say_with_id(fake, fixture->reply, 1, NULL);
	if (fixture->second_count == 0) {
		fake_read(fake, line, &fd);
		say_with_id(fake, fixture->reply, 2, NULL);
	}
	fake_hear_end(fake);
}

/* Fetches "duck" twice. With a board, the second time without a request. */
static void fetch_twice(struct fixture *fixture)
{
	struct shmimg_options options = SHMIMG_OPTIONS_INIT;
	options.owner = fixture->segment.header.owner;
	shmimg_image *first, *second;
	shmimg_client *client = fake_connect(&fixture->fake, give_the_board, fixture);
	assert_int_equal(shmimg_fetch(client, "duck", &options, &first), 0);
	assert_int_equal(shmimg_fetch(client, "duck", &options, &second), 0);
	shmimg_unref(first);
	shmimg_unref(second);
	fake_finish(&fixture->fake, client);
}

/* The board "/b" cannot be opened: the daemon gives it, or not. */
static void board_by_descriptor(void **state)
{
	struct fixture *fixture = *state;
	unsigned before = open_descriptors();
	fixture->second_fds[0] = make_board(fixture);
	fixture->second_count = 1;
	strcpy(fixture->second_reply, "OK protocol=1 version=9.8.7 uid=0 board=/b\n");
	fetch_twice(fixture);
	fixture->second_count = 0;
	fetch_twice(fixture);
	strcpy(fixture->second_reply, "ERR code=unsupported key=fd message=no\n");
	fetch_twice(fixture);
	close(fixture->second_fds[0]);
	assert_int_equal(open_descriptors(), before);
}

static void hear_nothing_more(struct fake *fake, void *context)
{
	(void)context;
	fake_handshake_with(fake, "id,quiet,cancel,descriptors");
	fake_hear(fake, "HELLO protocol=1 fd=yes");
}

static void gone_over_the_board(void **state)
{
	struct fake *fake = &((struct fixture *)*state)->fake;
	shmimg_client *client;
	fake_start(fake, hear_nothing_more, NULL);
	assert_int_equal(shmimg_connect(&client, fake->path, FAKE_TIMEOUT), -ECONNRESET);
	assert_null(client);
	fake_finish(fake, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fetch_during_a_load),
		TEST(request_during_a_list),
		TEST(many_threads),
		TEST(two_are_repeated),
		TEST(late_answer),
		TEST(release_is_not_waited_for),
		TEST(late_without_cancel),
		TEST(strange_lines),
		TEST(answered_twice),
		TEST(board_by_descriptor),
		TEST(gone_over_the_board),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
