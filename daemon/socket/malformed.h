/*
 * What can still be known of a line that is not well-formed: its id, and whether it takes a
 * descriptor.
 */
#pragma once

#include <stddef.h>

#include "client/protocol/command.h"

enum claim {
	CLAIM_NONE,    /* no field of the line is source= */
	CLAIM_ONE,     /* exactly one is, and it is well-formed */
	CLAIM_UNKNOWN, /* it cannot be told */
};

struct malformed {
	enum claim claim;
	char id[ID_LENGTH_MAX + 1]; /* "" if there is none, or it cannot be read */
};

/* Reads text[0..length), a line without its '\n', as it was received. */
void malformed_read(const char *text, size_t length, struct malformed *malformed);
