/*
 * Segments: files of /dev/shm with the pixels of images. Creates, names, opens and removes them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/header.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/user/credentials.h"

enum { SEGMENT_NAME_SIZE = 64 };

/* Creates a sparse segment without a name. Returns its descriptor or a negative errno. */
int segment_create(uint64_t size);

/*
 * Opens a nameless segment once more, for a decoder to fill. The descriptor shares nothing with fd.
 * Returns it or a negative errno.
 */
int segment_open_writer(int fd);

/*
 * Whether the daemon alone has a nameless segment open: no process can change it any more.
 * Returns 1; 0 if a descriptor of segment_open_writer(), or a mapping made with one, is left
 * anywhere; or a negative errno: -EOPNOTSUPP if the kernel grants no leases.
 */
int segment_is_unshared(int fd);

/* Who may read a segment. */
struct segment_readers {
	uid_t owner;
	enum share share;
	gid_t group;
};

/* Makes a new name, "/shmimg-INSTANCE-<random>". Returns 0 or a negative errno. */
int segment_make_name(const char *instance, char name[SEGMENT_NAME_SIZE]);

/*
 * Writes the sealed header and the image's name, lets the readers read the segment, and gives it
 * the name of segment_make_name().
 * Returns 0, -EBADMSG if the decoder did not reserve all of it, or another negative errno.
 */
int segment_publish(int fd, const struct header *header, const char *image_name,
	const struct segment_readers *readers, const char *name);

/* Whether a segment has its name: closing a descriptor of it frees no memory. */
bool segment_has_name(int fd);

/*
 * Opens a segment for reading. Returns a descriptor; -ENOENT if it was removed, whoever has its
 * name now; or another negative errno.
 */
int segment_open(const char *name);

/*
 * Removes the name of a segment of an owner's image. The memory is freed when no program has the
 * segment open or mapped any more.
 */
void segment_remove(
	const char *name, const char *image_name, uid_t owner, struct deferred_free *deferred_free);

/* Free bytes of /dev/shm. */
uint64_t segment_free_space(void);
