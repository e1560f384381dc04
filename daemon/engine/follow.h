/*
 * Followed files: an image gets a new generation when its file changes, until it is dropped.
 * The file is opened with the rights of the image's owner and decoded through the same queue as
 * a LOAD. After a failure the image stays as it is.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/file/path-watch.h"
#include "daemon/store/observer.h"

struct follow;
struct identity;
struct image;
struct loader;

/* The caller sets the pointers. */
struct follows {
	struct loader *loader;
	struct close_queues *close_queues;
	const struct identity *identity;
	bool unrecorded; /* that follow records cannot be written was logged */
	struct path_watches path_watches;
	struct observer observer; /* of the store */
};

/*
 * Begins to follow a path for a user. follow_attach() then gives the follow to an image. Returns
 * 0; an error of path_watch_update(), with *entries; -ENOSPC when there is no room for the follow
 * record; or a negative errno.
 */
int follow_new(struct follows *follows, const char *name, uid_t uid, const char *path,
	struct follow **created, unsigned *entries);

/* Ends a follow and its refresh. NULL is ignored. */
void follow_free(struct follow *follow);

/* Gives a follow to an image, in place of its own; checks the file soon. */
void follow_attach(struct follow *follow, struct image *image);

/* Whether a follow follows this path. NULL follows none. */
bool follow_is_of(const struct follow *follow, const char *path);

/* Before follows_start() and follows_stop(). */
void follows_init(struct follows *follows, sd_event *event, struct accounts *accounts);

/* Registers with a new store: a replaced image passes on its follow, a removed one ends it. */
void follows_start(struct follows *follows);

/* Follows the files that an earlier daemon followed. Returns 0 or a negative errno. */
int follows_adopt(struct follows *follows);

/* Ends all follows. */
void follows_stop(struct follows *follows);
