/*
 * A daemon's engine for tests.
 */
#include "tests/unit/world.h"

#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <unistd.h>

#include "daemon/base/random.h"

#define WAIT_USEC UINT64_C(20000000)

/* Of the world that is open: what a failed test leaves is removed. */
static struct instance open_instance;

static void clean(void)
{
	if (*open_instance.identity.id)
		instance_clean(&open_instance);
	*open_instance.identity.id = '\0';
}

static unsigned count_entries(const char *path, const char *prefix)
{
	unsigned count = 0;
	DIR *folder = opendir(path);
	assert_non_null(folder);
	const struct dirent *entry;
	while ((entry = readdir(folder)))
		count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(folder);
	return count;
}

unsigned world_descriptors(void)
{
	return count_entries("/proc/self/fd", "");
}

void world_settle(struct world *world)
{
	assert_true(close_queues_finish(&world->engine.close_queues, WAIT_USEC));
}

unsigned world_segments(const struct world *world)
{
	char prefix[64];
	snprintf(prefix, sizeof(prefix), "shmimg-%s-", world->identity.id);
	return count_entries("/dev/shm", prefix) - (world->engine.board.header ? 1 : 0);
}

unsigned world_follow_records(const struct world *world)
{
	if (access(world->identity.follows, F_OK) < 0)
		return 0;
	return count_entries(world->identity.follows, "") - 2; /* without . and .. */
}

void world_open(struct world *world, const char *decoder)
{
	sigset_t blocked;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGCHLD); /* sd_event_add_child(3) wants it so */
	assert_return_code(sigprocmask(SIG_BLOCK, &blocked, NULL), errno);
	memset(world, 0, sizeof(*world));
	world->descriptors = world_descriptors();
	world->options = (struct options){
		.decoders = 2,
		.user_decoders = 2,
		.decoder_idle = 60,
		.decode_timeout = 1,
		.decode_timeout_megapixel = 1,
		.max_pixels = 1 << 24,
		.max_bytes = UINT64_MAX,
		.max_pixels_per_byte = 10000,
		.memory_max = 1 << 26,
	};
	for (int i = 0; i < RESOURCE_COUNT; i++)
		world->options.user_limits[i] = UINT32_MAX;
	assert_int_equal(random_hex(world->identity.id, (INSTANCE_ID_SIZE - 1) / 2), 0);
	assert_int_equal(random_fill(world->identity.key, SIPHASH_KEY_SIZE), 0);
	snprintf(world->identity.follows, sizeof(world->identity.follows), "/tmp/shmimg-%s.follows",
		world->identity.id);
	if (!open_instance.path[0])
		atexit(clean);
	clean();
	strcpy(open_instance.path, "open");
	open_instance.identity = world->identity;
	assert_return_code(sd_event_new(&world->event), errno);
	assert_return_code(engine_start(&world->engine, world->event, &world->options,
				   &world->identity, decoder ? decoder : "/nowhere/decoder"),
		errno);
}

void world_close(struct world *world)
{
	struct engine *engine = &world->engine;
	int32_t keys[BOARD_SETS];
	memcpy(keys, engine->board.header->set_keys, sizeof(keys));
	engine_stop(engine);
	world->event = sd_event_unref(world->event);
	assert_int_equal(engine->store.bytes, 0);
	assert_int_equal(engine->store.reserved, 0);
	assert_int_equal(engine->store.evictable.bytes, 0);
	assert_int_equal(engine->store.evictable.count, 0);
	assert_int_equal(engine->store.image_count, 0);
	assert_int_equal(engine->store.rendition_count, 0);
	assert_int_equal(engine->loader.count, 0);
	assert_int_equal(engine->pool.count, 0);
	assert_int_equal(engine->pool.spares.bytes, 0);
	assert_int_equal(engine->counters.connections, 0);
	assert_int_equal(engine->accounts.count, 0);
	assert_true(RB_EMPTY(&engine->accounts.tree));
	assert_int_equal(world_segments(world), 0);
	assert_int_equal(access(world->identity.follows, F_OK), -1);
	for (int i = 0; i < BOARD_SETS; i++)
		assert_true(keys[i] == 0 || semget(keys[i], 0, 0) < 0);
	assert_int_equal(world_descriptors(), world->descriptors);
	*open_instance.identity.id = '\0';
}

static void plan(const struct recipe *recipe, struct header *header)
{
	*header = (struct header){
		.width = recipe->width ? recipe->width : 16,
		.height = 16,
		.format = recipe->format ? recipe->format : FORMAT_RGBA8,
		.orientation = 1,
		.source = {.device = 1, .inode = recipe->state, .size = 100},
		.name_length = (uint32_t)strlen(recipe->name),
	};
	assert_int_equal(header_plan(header, (uint64_t)sysconf(_SC_PAGESIZE)), 0);
}

uint64_t world_size(const struct recipe *recipe)
{
	struct header header;
	plan(recipe, &header);
	return header.segment_size;
}

/* As a load does. */
static int publish_and_evict(
	struct engine *engine, const struct publication *publication, struct rendition **rendition)
{
	struct published published;
	int r = publish(&engine->store, publication, &published);
	if (r == 0) {
		eviction_trim(&engine->eviction, published.rendition);
		publish_notify(&published);
	}
	if (r >= 0)
		*rendition = published.rendition;
	return r;
}

int world_publish(struct world *world, const struct recipe *recipe, struct rendition **published)
{
	struct store *store = &world->engine.store;
	struct header header;
	struct charge bytes = {0};
	plan(recipe, &header);
	struct publication publication = {
		.name = recipe->name,
		.owner = recipe->owner,
		.group = recipe->group,
		.share = recipe->share,
		.keep = recipe->keep,
		.native = FORMAT_RGB8,
		.type = "PNG",
		.bytes = &bytes,
		.header = &header,
	};
	int r = store_reserve(store, &bytes, recipe->owner, header.segment_size);
	if (r < 0)
		return r;
	publication.fd = segment_create(header.segment_size);
	r = publication.fd;
	if (r >= 0 && !recipe->holes &&
		fallocate(publication.fd, 0, 0, (off_t)header.segment_size) < 0)
		r = -errno;
	if (r >= 0)
		r = publish_and_evict(&world->engine, &publication, published);
	if (publication.fd >= 0)
		close(publication.fd);
	store_cancel(store, &bytes);
	return r;
}

struct rendition *world_make(struct world *world, const struct recipe *recipe)
{
	struct rendition *rendition = NULL;
	assert_int_equal(world_publish(world, recipe, &rendition), 0);
	assert_non_null(rendition);
	return rendition;
}

struct session *world_session(struct world *world, uid_t uid, gid_t gid)
{
	struct credentials who = {.uid = uid, .gid = gid, .pid = getpid()};
	struct session *session = NULL;
	assert_int_equal(session_open(&session, &world->engine, &who), 0);
	return session;
}

struct session *world_begin(struct world *world, const char *decoder)
{
	world_open(world, decoder);
	world->options.decoders = 1;
	return world_session(world, geteuid(), getegid());
}

void world_end(struct world *world, struct session *session)
{
	session_close(session);
	world_close(world);
}

static struct reply *defer(struct reply *reply)
{
	return reply;
}

static void complete(struct reply *reply)
{
	reply->completed = true;
}

enum outcome world_call(struct session *session, struct answer *answer, const char *line, int fd)
{
	return world_call_within(session, answer, line, fd, sizeof(answer->data) - 1);
}

enum outcome world_call_within(
	struct session *session, struct answer *answer, const char *line, int fd, size_t room)
{
	char *text = strdup(line);
	struct wire_line parsed;
	struct request request;
	const char *culprit;
	assert_non_null(text);
	assert_null(wire_parse(text, strlen(text), &parsed));
	assert_int_equal(request_parse(&parsed, &request, &culprit), REQUEST_GOOD);
	answer->reply = (struct reply){
		.defer = defer,
		.complete = complete,
		.fd = -1,
		.data = answer->data,
		.size = room,
	};
	reply_identify(&answer->reply, request.values[KEY_ID], request.values[KEY_QUIET] != NULL);
	struct call call = {session, &request, &answer->reply, fd, 0};
	enum outcome outcome = dispatch(&call);
	answer->data[answer->reply.length] = '\0';
	free(text);
	return outcome;
}

void world_wait(struct world *world, struct answer *answer)
{
	while (!answer->reply.completed)
		assert_true(sd_event_run(world->event, WAIT_USEC) > 0);
	answer->data[answer->reply.length] = '\0';
}

void world_expect(
	struct world *world, struct session *session, const char *line, int fd, const char *begin)
{
	static struct answer answer;
	if (world_call(session, &answer, line, fd) == OUTCOME_LATER)
		world_wait(world, &answer);
	if (strncmp(answer.data, begin, strlen(begin)) != 0)
		fail_msg("%s: %s, instead of %s", line, answer.data, begin);
	if (answer.reply.fd >= 0)
		close(answer.reply.fd);
}

int world_file(const char *word)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(write(fd, word, strlen(word)), strlen(word));
	return fd;
}

void world_load(struct world *world, struct session *session, const char *name, const char *word,
	const char *begin)
{
	char line[128];
	snprintf(line, sizeof(line), "LOAD source=fd name=%s", name);
	world_expect(world, session, line, world_file(word), begin);
}
