/*
 * How long the daemon keeps an image.
 */
#include "client/protocol/keep.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const keep_words[] = {
#define X(constant, number, word) [KEEP_##constant] = (word),
	KEEP_TABLE(X)
#undef X
};

const char *keep_to_string(enum keep keep)
{
	return keep_words[keep];
}

int keep_from_string(const char *word)
{
	for (size_t i = 0; i < sizeof(keep_words) / sizeof(keep_words[0]); i++) {
		if (strcmp(keep_words[i], word) == 0)
			return (int)i;
	}
	return -EINVAL;
}
