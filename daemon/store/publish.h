/*
 * Publishing: turns a filled segment into a rendition that FETCH finds, in one step, as a
 * new image, a new generation or one more rendition. Decodes nothing and asks nobody.
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
	struct charge *bytes;  /* for it; taken over when it is published */
	struct header *header; /* planned, with the source; the rest is filled in here */
};

/* The result of publish(). */
struct published {
	struct rendition *rendition;
	bool first; /* of a new generation */
	enum change change;
};

/*
 * Publishes a segment whose bytes store_reserve() has accounted for. On failure everything
 * is as it was. Returns 0; 1 when the same rendition was there already, which is given, and
 * the segment was not needed; -EBADMSG when it is not complete; -EDQUOT when the owner may
 * have no more images, or bytes; -EMLINK when the image has all renditions that it may have,
 * and none can go; -ENOBUFS when too much is pinned by now; or a negative errno.
 */
int publish(
	struct store *store, const struct publication *publication, struct published *published);

/*
 * Tells the observers of a new generation. Follows publish() that has returned 0, and the eviction
 * that it made necessary: so observers see the images go that made room before they see the new.
 */
void publish_notify(const struct published *published);

/* Whether a LOAD with this share (or -1) continues the image; else it takes its name over. */
bool publish_continues(const struct image *image, int share, gid_t group);

/* Whether the owner may have the image: one more, or one that is there already. */
bool publish_allows(struct store *store, const char *name, uid_t owner);
