/*
 * The command handlers, one for each line of COMMAND_TABLE, and what several of them share.
 */
#pragma once

#include "daemon/command/dispatch.h"
#include "daemon/command/session.h"
#include "daemon/store/image.h"

#define X(constant, lower, required, optional, help) \
	enum outcome command_##lower(struct call *call);
COMMAND_TABLE(X)
#undef X

/* Answers with an error and counts it. */
#define refuse(call, ...) command_refuse((call)->session, (call)->reply, __VA_ARGS__)
enum outcome command_refuse(struct session *session, struct reply *reply, enum fault fault,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Answers that the session's user may not have so much more of something. */
enum outcome command_refuse_quota(
	struct session *session, struct reply *reply, enum resource resource, uint64_t amount);

/* Which rendition of an image a request means. */
struct wanted {
	int format;	/* -1: any */
	bool is_fitted; /* into the box; else any size */
	struct box box;
};

/*
 * Readers of a key's value. Each returns true with the value, or the one that stands for an
 * absent key; or answers invalid-argument and returns false.
 */
bool command_read_name(struct call *call, const char **name);
bool command_read_owner(struct call *call, int64_t *owner); /* absent: -1 */
bool command_read_wanted(struct call *call, struct wanted *wanted);
bool command_read_flag(struct call *call, enum key key, bool absent, bool *flag);

/* Checks match=: answers invalid-argument and returns false when it is too long. */
bool command_check_match(struct call *call);

/* Finds what the keys of a rendition, name= and owner= say, or answers why not: then NULL. */
struct rendition *command_find_rendition(struct call *call);

/* Adds the keys that tell of a rendition, from name to slot. */
void command_describe(struct wire_writer *line, struct rendition *rendition);

/* Adds those that are there only when there is something to tell. */
void command_describe_change(struct wire_writer *line, const struct rendition *rendition);

/* Adds the size of the whole picture, when that is larger. */
void command_describe_whole(struct wire_writer *line, const struct rendition *rendition);

/* Sends the segment's descriptor along. Returns 0 or a negative errno. */
int command_pass_segment(struct reply *reply, const struct rendition *rendition);
