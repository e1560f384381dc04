/*
 * Segments: files of /dev/shm that have no name until they are complete, so that nothing
 * incomplete can ever be opened or left behind. The daemon sizes, heads and names them;
 * reserving and filling them is the decoder's work. Knows nothing of images.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "client/protocol/header.h"
#include "daemon/segment/deferred-free.h"
#include "daemon/user/credentials.h"

enum { SEGMENT_NAME_SIZE = 64 };

/* A sparse segment without a name. Returns its descriptor, or a negative errno. */
int segment_create(uint64_t size);

/* Whom the segment is for. */
struct segment_readers {
	uid_t owner;
	enum share share;
	gid_t group;
};

/*
 * Writes the sealed header and the image's name, gives the readers their permission, and
 * links the segment as "/shmimg-INSTANCE-<random>", which is put into name.
 * Returns 0, -EBADMSG when the decoder did not leave it complete, or a negative errno.
 */
int segment_publish(int fd, const struct header *header, const char *image_name,
	const struct segment_readers *readers, const char *instance, char name[SEGMENT_NAME_SIZE]);

/* Opens it for reading. Returns a descriptor or a negative errno. */
int segment_open(const char *name);

/*
 * Removes the name of a segment of an owner's image; the memory follows when its last user
 * has gone.
 */
void segment_remove(
	const char *name, const char *image_name, uid_t owner, struct deferred_free *deferred_free);

/* Bytes that /dev/shm can still hold. */
uint64_t segment_free_space(void);
