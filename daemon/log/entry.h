/*
 * A message of the log, without its text: its level, its kind, and the fields that it has in the
 * journal.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum log_level {
	LOG_LEVEL_ERROR = 3, /* numbers of syslog(3) */
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
};

/* X(kind, MESSAGE_ID as sd-id128(3) makes them); systemd/shmimgd.catalog explains each. */
#define LOG_KIND_TABLE(X)                                   \
	X(STARTED, "e55eaf70de2a4e9ea1918b878cb560e3")      \
	X(STOPPED, "38e35d0f006948f99dfc3d4306f4616c")      \
	X(ADOPTED, "2becbc8d9d8447ccbab578b404c42f13")      \
	X(LOADED, "576fa465431e465abd3338f3dcc09d22")       \
	X(NOT_LOADED, "a7f97795b4024e579507a861cf19f272")   \
	X(GONE, "cd7514239679422ab92bb09e29bba92d")         \
	X(DECODER_LOST, "b561c7bb75674c71b89d1839d1361aa9") \
	X(UNCONFINED, "bc402c3a8072499fb59cde0b68181905")   \
	X(CROWDED, "13758363b0a64f16bef48a0bddac9115")      \
	X(FAILED, "22e0d64d3f1e49779aee2dce8b521d1f")       \
	X(OUTDATED, "703d5b50033b499eb77529d596ebe0e6")     \
	X(UNCLOSED, "4913046ca6fb4c5688775ecc3668899f")

enum log_kind {
#define X(kind, id) LOG_##kind,
	LOG_KIND_TABLE(X)
#undef X
		LOG_KIND_COUNT,
	LOG_PLAIN = LOG_KIND_COUNT, /* no kind; never limited */
};

/* The client that caused a message; a pid of 0 is not known. */
struct log_client {
	uid_t uid;
	pid_t pid;
};

/* The fields of a message. Strings are the caller's; NULL: the message has no such field. */
struct log_entry {
	enum log_level level;
	enum log_kind kind;
	const char *file, *function; /* of the call: CODE_FILE, CODE_FUNC, CODE_LINE */
	int line;
	const char *image;		 /* IMAGE: the image's name */
	const char *segment;		 /* SEGMENT */
	const char *fault;		 /* FAULT: error code of the protocol */
	const struct log_client *client; /* CLIENT_UID, CLIENT_PID; the user that is limited */
	int error;			 /* ERRNO, positive; 0: no such field */
};

/* Begins an initializer of struct log_entry: level, kind and the place of the call. */
#define LOG_ENTRY(level_word, kind_word)                                            \
	.level = LOG_LEVEL_##level_word, .kind = LOG_##kind_word, .file = __FILE__, \
	.function = __func__, .line = __LINE__
