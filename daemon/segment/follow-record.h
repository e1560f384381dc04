/*
 * Follow records: the path that an image follows, for the daemon that takes over. Each is a small
 * file in a folder beside the socket, which only the daemon's user may enter.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/protocol/name.h"
#include "daemon/segment/identity.h"

enum { FOLLOW_RECORD_NAME_SIZE = 33 };

struct follow_record {
	uid_t owner;
	char name[NAME_LENGTH_MAX + 1]; /* of the image */
	char path[PATH_MAX];		/* of the file that it follows */
};

/*
 * Writes a record; file gets its name in the folder. Makes the folder if there is none. Returns 0;
 * -EPERM if something that is no folder of this user has the folder's name; or another negative
 * errno. After an error there is no record.
 */
int follow_record_write(const struct identity *identity, uid_t owner, const char *name,
	const char *path, char file[FOLLOW_RECORD_NAME_SIZE]);

/* Removes a record. */
void follow_record_remove(const struct identity *identity, const char *file);

/* Gets a record and the name of its file. Returns whether the record is to stay. */
typedef bool follow_record_handler(
	void *context, const struct follow_record *record, const char *file);

/*
 * Calls the handler for each record of a daemon of this identity. Removes the records that are not
 * to stay, everything that is no such record, and the folder if it is empty then. Returns 0; -EPERM
 * as follow_record_write(); or another negative errno.
 */
int follow_records_read(
	const struct identity *identity, follow_record_handler *handler, void *context);

/* Removes the folder if it is empty. */
void follow_records_end(const struct identity *identity);
