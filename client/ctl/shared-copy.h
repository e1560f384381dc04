/*
 * A copy of pixels in shared memory, for a terminal that reads pictures from there. The terminal
 * removes the object, so it must not be an image's own segment.
 */
#pragma once

#include <stddef.h>

struct shared_copy {
	char name[48];	       /* for shm_open(3) */
	char encoded_name[72]; /* in base64 (RFC 4648), for the terminal */
};

/* Makes a copy that only this user can read. Returns 0 or a negative errno. */
int shared_copy_make(struct shared_copy *copy, const void *bytes, size_t size);

/* Removes the copy, if the terminal has not. */
void shared_copy_remove(const struct shared_copy *copy);
