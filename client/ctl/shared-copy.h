/*
 * A copy of some bytes in shared memory, for a terminal that takes pictures from there: it
 * removes what it is given, so that it never gets an image's own segment.
 */
#pragma once

#include <stddef.h>

struct shared_copy {
	char name[48];	       /* for shm_open(3) */
	char encoded_name[72]; /* in base64 (RFC 4648), as terminals want it */
};

/* Makes one, that this user alone may read. Returns 0 or a negative errno. */
int shared_copy_make(struct shared_copy *copy, const void *bytes, size_t size);

/* Removes it, if nobody has yet. */
void shared_copy_remove(const struct shared_copy *copy);
