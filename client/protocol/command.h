/*
 * The commands of the protocol and their keys: the table for the daemon's dispatch, shmimgctl's
 * verbs and the manual. A new command needs a line here and a handler. Checks the keys of a
 * line, but not their values.
 */
#pragma once

#include "client/protocol/wire.h"

/* Keys of requests: constant, word on the wire, synopsis of the value. */
#define KEY_TABLE(X)                                  \
	X(AFTER, "after", "NAME")                     \
	X(FD, "fd", "yes|no")                         \
	X(FORMAT, "format", "FORMAT")                 \
	X(GENERATION, "generation", "NUMBER")         \
	X(HEIGHT, "height", "NUMBER")                 \
	X(ID, "id", "ID")                             \
	X(INITIAL, "initial", "yes|no")               \
	X(KEEP, "keep", "cache|pinned|attached")      \
	X(KEYS, "keys", "KEY,...")                    \
	X(LIMIT, "limit", "NUMBER")                   \
	X(MATCH, "match", "GLOB")                     \
	X(NAME, "name", "NAME")                       \
	X(OWNER, "owner", "UID|any")                  \
	X(PATH, "path", "PATH")                       \
	X(PIN, "pin", "yes|no")                       \
	X(PROTOCOL, "protocol", "NUMBER[,NUMBER]...") \
	X(QUIET, "quiet", "ok")                       \
	X(SHARE, "share", "private|group|all")        \
	X(SOURCE, "source", "fd")                     \
	X(WATCH, "watch", "yes|no")                   \
	X(WIDTH, "width", "NUMBER")

enum key {
#define X(constant, word, synopsis) KEY_##constant,
	KEY_TABLE(X)
#undef X
		KEY_COUNT,
};

#define KEY_BIT(key) (1u << KEY_##key)

/* The keys that every command takes. */
#define KEY_COMMON (KEY_BIT(ID) | KEY_BIT(QUIET))

/* Keys that begin with this are ignored in every request. */
#define KEY_PRIVATE_PREFIX "x-"

enum { ID_LENGTH_MAX = 64 }; /* bytes of id=, decoded */

/* The keys that select a rendition of an image. */
#define KEY_RENDITION (KEY_BIT(FORMAT) | KEY_BIT(WIDTH) | KEY_BIT(HEIGHT))

/* The keys that say where a list begins, how long it is, and what it shows. */
#define KEY_LISTING (KEY_BIT(AFTER) | KEY_BIT(OWNER) | KEY_BIT(LIMIT) | KEY_BIT(KEYS))

/*
 * Commands: constant (and verb), lower case, required keys, optional keys, and a description
 * for the help and the manual.
 */
#define COMMAND_TABLE(X)                                                                          \
	X(HELLO, hello, 0, KEY_BIT(PROTOCOL) | KEY_BIT(FD),                                       \
		"agree on the protocol and learn the daemon's limits")                            \
	X(LOAD, load, 0,                                                                          \
		KEY_BIT(NAME) | KEY_BIT(PATH) | KEY_BIT(SOURCE) | KEY_RENDITION | KEY_BIT(KEEP) | \
			KEY_BIT(SHARE) | KEY_BIT(PIN) | KEY_BIT(FD) | KEY_BIT(WATCH),             \
		"decode a file into shared memory and pin it")                                    \
	X(FETCH, fetch, KEY_BIT(NAME), KEY_BIT(OWNER) | KEY_RENDITION | KEY_BIT(FD),              \
		"find an image and pin it")                                                       \
	X(RELEASE, release, KEY_BIT(NAME), KEY_BIT(OWNER) | KEY_RENDITION | KEY_BIT(GENERATION),  \
		"release this connection's pins on an image")                                     \
	X(DROP, drop, KEY_BIT(NAME), KEY_BIT(OWNER), "remove an image")                           \
	X(STAT, stat, KEY_BIT(NAME), KEY_BIT(OWNER) | KEY_RENDITION,                              \
		"describe an image, its pins and its lock")                                       \
	X(LIST, list, 0, KEY_BIT(MATCH) | KEY_LISTING, "list the images you can access")          \
	X(STATS, stats, 0, 0, "report the daemon's counters")                                     \
	X(WATCH, watch, 0, KEY_BIT(MATCH) | KEY_BIT(INITIAL),                                     \
		"report when images are loaded, changed or gone")                                 \
	X(UNWATCH, unwatch, 0, 0, "end the reports of WATCH")                                     \
	X(NOOP, noop, 0, 0, "be answered when all earlier requests are")                          \
	X(CANCEL, cancel, KEY_BIT(ID), 0, "end the waiting LOAD requests that have this id")

enum command_id {
#define X(constant, lower, required, optional, help) COMMAND_##constant,
	COMMAND_TABLE(X)
#undef X
		COMMAND_COUNT,
};

struct command {
	const char *verb;
	const char *word; /* the verb in lower case, as shmimgctl spells it */
	unsigned required;
	unsigned optional; /* besides KEY_COMMON */
	const char *help;
};

extern const struct command command_table[COMMAND_COUNT];

/* A request whose verb and keys are known, except with a fault. A value is NULL if the line does
 * not have its key. */
struct request {
	enum command_id command;
	const char *values[KEY_COUNT];
};

/* The command of a verb, or -1. */
int command_from_string(const char *verb);

const char *key_to_string(enum key key);
const char *key_synopsis(enum key key);

enum request_fault {
	REQUEST_GOOD,
	REQUEST_UNKNOWN_VERB,
	REQUEST_UNKNOWN_KEY,
	REQUEST_MISSING_KEY,
	REQUEST_INVALID_ID,
	REQUEST_INVALID_QUIET,
};

/* Whether a decoded value may be an id: 1 to ID_LENGTH_MAX printable ASCII characters. */
bool request_is_id(const char *value);

/*
 * Converts a parsed line into a request, which points into the line. On a fault, *culprit is the
 * verb or key, and the request still has the values of the known keys; an invalid id is NULL.
 */
enum request_fault request_parse(
	const struct wire_line *line, struct request *request, const char **culprit);
