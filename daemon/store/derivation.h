/*
 * Derivation: finds a rendition in memory from which another one of the same image can be made,
 * in place of the file, with the same result in less time.
 */
#pragma once

#include "daemon/store/store.h"

/* The rendition to make. */
struct derivation {
	const char *name; /* of the image */
	uid_t owner;
	const struct header_source *source; /* the state of the file */
	enum format format;		    /* may be FORMAT_NATIVE */
	struct box box;
};

/*
 * Opens the segment of the best rendition to make it from. The descriptor stays valid when that
 * rendition is freed. Returns it, -ENOENT when no rendition is suitable, or another negative errno.
 */
int derivation_open(struct store *store, const struct derivation *derivation);
