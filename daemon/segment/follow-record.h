/*
 * Notes: what a daemon that takes over must know of a followed file, one small file of
 * /dev/shm each, beside the segments. Knows nothing of images.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/protocol/name.h"
#include "daemon/segment/segment.h"

/* A segment's name goes on with digits where a note's has this. */
#define FOLLOW_RECORD_WORD "note-"

struct follow_record {
	uid_t owner;
	char name[NAME_LENGTH_MAX + 1]; /* of the image */
	char path[PATH_MAX];		/* of the file */
};

/*
 * Writes a note of an instance's; file gets its name, for shm_unlink(3). Returns 0 or a
 * negative errno, after which there is none.
 */
int follow_record_write(const char *instance, uid_t owner, const char *name, const char *path,
	char file[SEGMENT_NAME_SIZE]);

/*
 * Gives each note of an instance's to a handler, which says whether it is to stay; removes
 * the others, and what is no whole note of this user's daemon. Returns 0 or a negative errno.
 */
int follow_records_read(const char *instance,
	bool (*handler)(void *context, const struct follow_record *follow_record, const char *file),
	void *context);
