/*
 * Followed files: an image that gets a new generation by itself when its file changes, and
 * until it is dropped. The file is opened as for a LOAD of the image's owner's, and loaded
 * through the same queue; whatever fails, the image stays as it is.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

struct engine;
struct follow;
struct image;

/*
 * Begins to follow a path for a user; what is followed is an image only after follow_attach().
 * Returns 0; an error of path_watch_update(), with *places; -ENOSPC without room in /dev/shm for
 * what a later daemon must know; or a negative errno.
 */
int follow_new(struct engine *engine, const char *name, uid_t uid, const char *path,
	struct follow **made, unsigned *places);

/* Ends it, and what is being loaded for it. NULL is let pass. */
void follow_free(struct follow *follow);

/* Makes it the image's, in place of any that the image has; looks at the file soon. */
void follow_attach(struct follow *follow, struct image *image);

/* Whether it is this path that is followed; NULL follows none. */
bool follow_is_of(const struct follow *follow, const char *path);

/* Lets images that change their names or go take their follows along. For a new store. */
void follows_start(struct engine *engine);

/* Goes on with what a dead daemon has followed. Returns 0 or a negative errno. */
int follows_adopt(struct engine *engine);

/* Ends all. */
void follows_stop(struct engine *engine);
