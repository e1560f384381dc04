/*
 * Whom an image is shared with.
 */
#include "client/protocol/share.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const char *const share_words[] = {
#define X(constant, number, word) [SHARE_##constant] = (word),
	SHARE_TABLE(X)
#undef X
};

const char *share_to_string(enum share share)
{
	return share_words[share];
}

int share_from_string(const char *word)
{
	for (size_t i = 0; i < sizeof(share_words) / sizeof(share_words[0]); i++) {
		if (strcmp(share_words[i], word) == 0)
			return (int)i;
	}
	return -EINVAL;
}
