/*
 * A daemon's engine for tests, without sockets and with an identity of its own: images
 * published from segments that the test fills, requests by dispatch(), and at its end the
 * proof that nothing is left of it in /dev/shm, in the kernel's semaphores or in descriptors.
 */
#pragma once

#include "client/protocol/command.h"
#include "daemon/command/dispatch.h"
#include "daemon/command/reply.h"
#include "daemon/command/session.h"
#include "daemon/engine/engine.h"
#include "daemon/instance.h"
#include "daemon/store/lifetime.h"
#include "daemon/store/publish.h"

struct world {
	struct engine engine;
	struct options options;
	sd_event *event;
	struct identity identity;
	unsigned descriptors; /* that were open before */
};

/* Starts an engine. decoder NULL: one that cannot be started. */
void world_open(struct world *world, const char *decoder);

/* Stops it, and checks that all balances are zero and nothing is left. */
void world_close(struct world *world);

/* Segments of this identity in /dev/shm, without the board. */
unsigned world_segments(const struct world *world);

/* Follow records of this identity. */
unsigned world_follow_records(const struct world *world);

/* Waits until the files that were to be closed are. */
void world_settle(struct world *world);

/* Open descriptors of this process. */
unsigned world_descriptors(void);

/* What to publish: 0 in format and width stands for RGBA8 and 16 x 16. */
struct recipe {
	const char *name;
	uid_t owner;
	gid_t group;
	int share;
	int keep;
	enum format format;
	uint32_t width;
	uint64_t state; /* of the file: its inode */
	bool holes;	/* do not fill the segment */
};

/* Reserves, makes, fills and publishes; takes the reservation back unless that gives 0. */
int world_publish(struct world *world, const struct recipe *recipe, struct rendition **published);

/* As world_publish(), which must succeed. */
struct rendition *world_make(struct world *world, const struct recipe *recipe);

/* Bytes that the segment of a recipe has. */
uint64_t world_size(const struct recipe *recipe);

/* A session of a user. */
struct session *world_session(struct world *world, uid_t uid, gid_t gid);

/* As world_open(), with one decoder at most, and a session of the test's own user. */
struct session *world_begin(struct world *world, const char *decoder);

/* Closes the session, then as world_close(). */
void world_end(struct world *world, struct session *session);

/* A reply that lives in the test, also when it is deferred. */
struct answer {
	struct reply reply;
	char data[4 * WIRE_LINE_MAX + 1]; /* ended by NUL after world_call() and world_wait() */
};

/* Answers a request line; fd goes with it and is taken over. */
enum outcome world_call(struct session *session, struct answer *answer, const char *line, int fd);

/* As world_call(), with so many bytes of room for the answer. */
enum outcome world_call_within(
	struct session *session, struct answer *answer, const char *line, int fd, size_t room);

/* Runs the event loop until a deferred answer is complete. */
void world_wait(struct world *world, struct answer *answer);

/* Calls, waits if it is deferred, and checks how the answer begins. */
void world_expect(
	struct world *world, struct session *session, const char *line, int fd, const char *begin);

/* A file that tells the fake decoder what to do. */
int world_file(const char *word);

/* Loads such a file under a name, and checks how the answer begins. */
void world_load(struct world *world, struct session *session, const char *name, const char *word,
	const char *begin);
