/*
 * The error codes: word on the wire, errno in C programs, and how to fix the error. The list is
 * complete: the protocol has no other codes. The advice follows a message that says only what
 * happened.
 */
#pragma once

#include <stdbool.h>

/* Constant, word, errno, advice. */
#define FAULT_TABLE(X)                                                                         \
	X(NOT_FOUND, "not-found", ENOENT, "load it first, or list the images you can access")  \
	X(NO_PERMISSION, "no-permission", EACCES, "ask the owner to share it")                 \
	X(INVALID_ARGUMENT, "invalid-argument", EINVAL, "correct this value")                  \
	X(NOT_AN_IMAGE, "not-an-image", EILSEQ, "use a complete image file")                   \
	X(TOO_LARGE, "too-large", EFBIG, "use a smaller picture, or raise the daemon's limit") \
	X(NO_SPACE, "no-space", ENOSPC, "drop images, or make /dev/shm larger")                \
	X(OVER_QUOTA, "over-quota", EDQUOT,                                                    \
		"release or drop images, close connections or wait for loads, then try again") \
	X(BUSY, "busy", EBUSY, "try again later")                                              \
	X(TIMEOUT, "timeout", ETIMEDOUT, "try again, or raise the time limit")                 \
	X(DECODER_FAILED, "decoder-failed", EIO, "check the file")                             \
	X(UNSUPPORTED, "unsupported", ENOTSUP, "use a newer daemon, or do without it")         \
	X(CANCELLED, "cancelled", ECANCELED, "ask again if you still need it")                 \
	X(PROTOCOL, "protocol", EPROTO, "correct the client, see shmimg-protocol(7)")          \
	X(INTERNAL, "internal", EREMOTEIO, "see the daemon's log")

/* What an error says beside its message, for programs. A member that is NULL or 0 is not said. */
struct fault_fields {
	const char *verb;  /* that is not supported */
	const char *key;   /* whose value is wrong, or that is missing or not supported */
	const char *what;  /* was not found */
	const char *limit; /* that is reached */
	unsigned long long used, max; /* of the limit */
};

enum fault {
	FAULT_NONE,
#define X(constant, word, number, advice) FAULT_##constant,
	FAULT_TABLE(X)
#undef X
		FAULT_COUNT,
};

const char *fault_to_string(enum fault fault);

/* What the user can do. */
const char *fault_advice(enum fault fault);

/* Whether a message says what the user can do: after a semicolon. */
bool fault_is_advised(const char *message);

/* The positive errno of a fault; 0 for FAULT_NONE. */
int fault_errno(enum fault fault);

/* The fault of a word on the wire; FAULT_NONE if the word is unknown. */
enum fault fault_from_string(const char *word);
