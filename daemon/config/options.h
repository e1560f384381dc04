/*
 * The table of all options: how each is read from text, checked and written.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/user/account.h"

enum { SOCKET_PATH_MAX = 102, DECODER_PATH_MAX = 180, USER_LIMIT_MAX = 1000000000 };

/*
 * X(symbol, name, kind, member, min, max, when, argument, help), in the order of --help. The
 * command line and shmimgd.conf(5) use the same names. A number is from min to max; a path has at
 * most max bytes; the words in argument have the numbers from min to max.
 */
#define OPTION_TABLE(X)                                                                           \
	X(SOCKET, "socket", PATH, socket, 1, SOCKET_PATH_MAX, RESTART, "PATH",                    \
		"path of the socket (default: $SHMIMG_SOCKET, else\n"                             \
		"$XDG_RUNTIME_DIR/shmimgd/socket, else\n"                                         \
		"/run/shmimgd/socket)")                                                           \
	X(SOCKET_MODE, "socket-mode", MODE, socket_mode, 0, 0777, RESTART, "OCTAL",               \
		"permissions of the socket (default: 0666 for root,\n"                            \
		"else 0600)")                                                                     \
	X(MEMORY_MAX, "memory-max", SIZE, memory_max, 0, INT64_MAX, RELOAD, "SIZE",               \
		"memory of all images; K, M, G or T may follow\n"                                 \
		"(default: a quarter of /dev/shm)")                                               \
	X(MEMORY_PRESSURE, "memory-pressure", WORD, memory_pressure, 0, 1, RESTART, "no|yes",     \
		"evict images when programs have to wait for memory\n"                            \
		"(default: yes)")                                                                 \
	X(SPARE_MAX, "spare-max", SIZE, spare_max, 0, INT64_MAX, RELOAD, "SIZE",                  \
		"memory that idle decoders prepare for the next\n"                                \
		"images; 0: none (default: 128M)")                                                \
	X(MAX_PIXELS, "max-pixels", NUMBER, max_pixels, 1, INT64_MAX / 16, RELOAD, "NUMBER",      \
		"largest width x height of an image\n"                                            \
		"(default: 268435456)")                                                           \
	X(MAX_BYTES, "max-bytes", SIZE, max_bytes, 0, INT64_MAX, RELOAD, "SIZE",                  \
		"largest segment of an image\n"                                                   \
		"(default: only --memory-max limits it)")                                         \
	X(MAX_PIXELS_PER_BYTE, "max-pixels-per-byte", NUMBER, max_pixels_per_byte, 1, INT64_MAX,  \
		RELOAD, "NUMBER", "most pixels for each byte of a file (default: 10000)")         \
	X(DECODERS, "decoders", NUMBER, decoders, 1, 256, RELOAD, "NUMBER",                       \
		"most decoder processes (default: one for each CPU)")                             \
	X(DECODE_TIMEOUT, "decode-timeout", SECONDS, decode_timeout, 1, 86400, RELOAD, "SECONDS", \
		"time to decode one image (default: 20)")                                         \
	X(DECODE_TIMEOUT_MEGAPIXEL, "decode-timeout-megapixel", NUMBER, decode_timeout_megapixel, \
		1, 60000, RELOAD, "MILLISECONDS",                                                 \
		"additional time for each million pixels\n"                                       \
		"(default: 1000)")                                                                \
	X(DECODER_IDLE, "decoder-idle", SECONDS, decoder_idle, 1, 86400, RELOAD, "SECONDS",       \
		"how long to keep an idle decoder (default: 60)")                                 \
	X(USER_DECODERS, "user-decoders", NUMBER, user_decoders, 1, 256, RELOAD, "NUMBER",        \
		"most decoder processes of one user\n"                                            \
		"(default: one less than --decoders where others may\n"                           \
		"connect, else as many)")                                                         \
	X(USER_CONNECTIONS, "user-connections", NUMBER, user_limits[RESOURCE_CONNECTIONS], 1,     \
		USER_LIMIT_MAX, RELOAD, "NUMBER", "most connections of one user (default: 256)")  \
	X(USER_IMAGES, "user-images", NUMBER, user_limits[RESOURCE_IMAGES], 1, USER_LIMIT_MAX,    \
		RELOAD, "NUMBER", "most images of one user (default: 65536)")                     \
	X(USER_BYTES, "user-bytes", SIZE, user_limits[RESOURCE_BYTES], 0, INT64_MAX, RELOAD,      \
		"SIZE",                                                                           \
		"memory of the images of one user\n"                                              \
		"(default: three quarters of --memory-max where others\n"                         \
		"may connect, else all of it)")                                                   \
	X(USER_LOADS, "user-loads", NUMBER, user_limits[RESOURCE_LOADS], 1, USER_LIMIT_MAX,       \
		RELOAD, "NUMBER",                                                                 \
		"most loads of one user that are under way\n"                                     \
		"(default: 1024)")                                                                \
	X(USER_PINS, "user-pins", NUMBER, user_limits[RESOURCE_PINS], 1, USER_LIMIT_MAX, RELOAD,  \
		"NUMBER", "most pins of one user (default: 65536)")                               \
	X(USER_FOLLOWS, "user-follows", NUMBER, user_limits[RESOURCE_FOLLOWS], 1, USER_LIMIT_MAX, \
		RELOAD, "NUMBER", "most folders watched for one user (default: 8192)")            \
	X(USER_SETS, "user-sets", NUMBER, user_limits[RESOURCE_SETS], 2, 4096, RELOAD, "NUMBER",  \
		"most semaphore sets for one user's images\n"                                     \
		"(default: 512)")                                                                 \
	X(PRIVATE_GROUP, "private-group", WORD, private_group, 0, 1, RESTART, "no|yes",           \
		"nobody else is in the group of shmimgd\n"                                        \
		"(default: no)")                                                                  \
	X(USER_WATCHES, "user-watches", NUMBER, user_limits[RESOURCE_WATCHES], 1, USER_LIMIT_MAX, \
		RELOAD, "NUMBER",                                                                 \
		"most watches of one user; each counts once, and once\n"                          \
		"more for each 64 bytes of its pattern (default: 8192)")                          \
	X(USER_DESCRIPTORS, "user-descriptors", NUMBER, user_limits[RESOURCE_DESCRIPTORS], 1,     \
		USER_LIMIT_MAX, RELOAD, "NUMBER",                                                 \
		"most descriptors that a user has not received yet\n"                             \
		"(default: 256)")                                                                 \
	X(LOG_LEVEL, "log-level", WORD, log_level, LOG_LEVEL_ERROR, LOG_LEVEL_INFO, RELOAD,       \
		"error|warning|notice|info", "least urgent messages to log (default: info)")      \
	X(DECODER, "decoder", PATH, decoder, 1, DECODER_PATH_MAX, RESTART, "PROGRAM",             \
		"path of the decoder (default: the installed one)")

enum option_id {
#define X(symbol, ...) OPTION_##symbol,
	OPTION_TABLE(X)
#undef X
		OPTION_COUNT
};

enum option_kind {
	OPTION_PATH,	/* absolute: an array of char */
	OPTION_MODE,	/* octal; this and all others: uint64_t */
	OPTION_NUMBER,	/* decimal */
	OPTION_SECONDS, /* decimal */
	OPTION_SIZE,	/* bytes: decimal, then K, M, G, T as powers of 1024, or nothing */
	OPTION_WORD,	/* a word in argument; the first one has the number min */
};

/* When a change in a configuration file takes effect. */
enum option_when { OPTION_RELOAD, OPTION_RESTART };

struct options {
	char socket[SOCKET_PATH_MAX + 1];   /* path of the listening socket */
	uint64_t socket_mode;		    /* permissions of the socket */
	char decoder[DECODER_PATH_MAX + 1]; /* program */
	uint64_t decoders;		    /* most decoder processes */
	uint64_t decode_timeout;	    /* seconds that a decode may take */
	uint64_t decode_timeout_megapixel;  /* milliseconds more for each million pixels */
	uint64_t decoder_idle;		    /* seconds that an idle decoder is kept */
	uint64_t user_decoders;	      /* most decoder processes of one user; never above decoders */
	uint64_t max_pixels;	      /* most width x height of an image */
	uint64_t max_bytes;	      /* most bytes of a segment */
	uint64_t max_pixels_per_byte; /* most pixels for each byte of a file */
	uint64_t memory_max;	      /* most bytes of all images */
	uint64_t spare_max;	      /* most bytes of all spares */
	uint64_t memory_pressure;     /* 1: evict images under memory pressure */
	uint64_t user_limits[RESOURCE_COUNT]; /* most of each resource for one user */
	uint64_t private_group;		      /* 1: nobody else is in this process's group */
	uint64_t log_level;		      /* enum log_level */
};

struct option_info {
	const char *name;
	enum option_kind kind;
	enum option_when when;
	size_t offset, size; /* of the member of struct options */
	uint64_t min, max;
	const char *argument;
	const char *help;
};

/* Size of the text of any value, and of option_allowed(). */
enum { OPTION_TEXT_SIZE = 256 };

extern const struct option_info option_table[OPTION_COUNT];

/* Returns the option with a name, or OPTION_COUNT. */
enum option_id option_from_string(const char *name);

/* Reads a value. Returns 0; or -EINVAL for a value that is not allowed, and changes nothing. */
int option_set(struct options *options, enum option_id id, const char *text);

/* Writes a value as option_set() reads it. */
void option_to_string(
	const struct options *options, enum option_id id, char text[OPTION_TEXT_SIZE]);

/* Describes the allowed values: "a number from 1 to 256". */
void option_allowed(enum option_id id, char text[OPTION_TEXT_SIZE]);

bool option_equal(const struct options *a, const struct options *b, enum option_id id);
void option_copy(struct options *to, const struct options *from, enum option_id id);
