/*
 * Publishing: turns a filled segment into a rendition that FETCH finds, in one step: of a new
 * image, of a new generation, or as one more rendition of the current generation.
 */
#pragma once

#include "daemon/store/store.h"

struct publication {
	const char *name;
	uid_t owner;
	gid_t group;
	int share; /* enum share, or -1: as the image has it, else private */
	int keep;  /* enum keep, or -1: as the image has it, else cache */
	enum format native;
	const char *type;      /* of the file, such as "JPEG" */
	int fd;		       /* the filled segment; stays the caller's */
	struct charge *bytes;  /* reserved for the segment; taken over on success */
	struct header *header; /* planned, with the source; publish() fills in the rest */
};

/* The result of publish(). */
struct published {
	struct rendition *rendition;
	bool first; /* of a new generation */
	enum change change;
	struct view before; /* what had the name */
};

/*
 * Publishes a segment whose bytes were reserved by store_reserve(). A failure changes nothing.
 * Returns:
 *
 * - 0: the rendition is published. The store may be above its limits: evict, then notify.
 * - 1: the same rendition was there already and is returned. The segment is not needed.
 * - -EBADMSG: the segment is not complete.
 * - -EDQUOT: the owner may have no more images, or no more bytes.
 * - -EMLINK: the generation has RENDITIONS_MAX renditions, and none can be replaced.
 * - -ENOBUFS: too many bytes were pinned since they were reserved.
 * - another negative errno.
 */
int publish(
	struct store *store, const struct publication *publication, struct published *published);

/*
 * Notifies the observers if a new generation was published. Call it when publish() has returned 0
 * and eviction_trim() has made room: observers then learn of the evicted images first.
 */
void publish_notify(const struct published *published);

/*
 * Whether a LOAD with this share (or -1) adds to the image. Otherwise it makes a new image, which
 * takes the name.
 */
bool publish_continues(const struct image *image, int share, gid_t group);

/* Whether the owner has an image of this name, or may have one image more. */
bool publish_allows(struct store *store, const char *name, uid_t owner);
