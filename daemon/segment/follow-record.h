/*
 * Follow records: the path that an image follows, for the daemon that takes over. Each is a small
 * file of /dev/shm beside the segments.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/protocol/name.h"
#include "daemon/segment/segment.h"

struct follow_record {
	uid_t owner;
	char name[NAME_LENGTH_MAX + 1]; /* of the image */
	char path[PATH_MAX];		/* of the file that it follows */
};

/*
 * Writes a record of an instance; file gets its name, for shm_unlink(3). Returns 0 or a negative
 * errno; then there is no record.
 */
int follow_record_write(const char *instance, uid_t owner, const char *name, const char *path,
	char file[SEGMENT_NAME_SIZE]);

/* Whether a file of an instance is a record. */
bool follow_record_is_file(const char *file);

/* Gets a record and the name of its file. Returns whether the record is to stay. */
typedef bool follow_record_handler(
	void *context, const struct follow_record *record, const char *file);

/*
 * Calls the handler for each record of an instance. Removes the records that are not to stay, and
 * files that are not a whole record of this user. Returns 0 or a negative errno.
 */
int follow_records_read(const char *instance, follow_record_handler *handler, void *context);
