/*
 * inotify(7) reports when the kernel frees an unlinked segment (IN_DELETE_SELF), and its watch does
 * not keep the segment alive.
 *
 * Each image that has such segments has an entry with their sum, since LIST and STAT ask for it for
 * each image. The entry has a hash of the name, which may be long, in place of the name.
 */
#include "daemon/segment/unlinked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "daemon/base/random.h"
#include "daemon/base/tiny.h"

enum { TRACKED_MAX = TINY(4096, 3) }; /* a user may have 8192 or more inotify watches */

struct unlinked_segment {
	LIST_ENTRY(unlinked_segment) link;
	struct unlinked *unlinked;
	struct unlinked_image *image;
	sd_event_source *end;
	uint64_t bytes;
};

struct unlinked_image {
	LIST_ENTRY(unlinked_image) link;
	uint64_t name; /* hash of the image's name */
	uid_t owner;
	unsigned count; /* of segments */
	uint64_t bytes;
};

int unlinked_init(struct unlinked *unlinked, sd_event *event)
{
	*unlinked = (struct unlinked){.event = event};
	LIST_INIT(&unlinked->segments);
	return random_fill(unlinked->key, sizeof(unlinked->key));
}

static struct unlinked_bucket *unlinked_bucket_of(
	const struct unlinked *unlinked, uint64_t name, uid_t owner)
{
	return &unlinked->images[(name + owner) % UNLINKED_BUCKETS];
}

/* Returns NULL if none of the image's segments is tracked. */
static struct unlinked_image *unlinked_find_image(
	const struct unlinked *unlinked, uint64_t name, uid_t owner)
{
	struct unlinked_image *image;
	LIST_FOREACH (image, unlinked_bucket_of(unlinked, name, owner), link) {
		if (image->name == name && image->owner == owner)
			return image;
	}
	return NULL;
}

static uint64_t unlinked_hash_name(const struct unlinked *unlinked, const char *name)
{
	return siphash(unlinked->key, name, strlen(name));
}

/* Counts a segment of an image. Returns the image's entry, or NULL without memory. */
static struct unlinked_image *unlinked_join_image(
	struct unlinked *unlinked, const char *name, uid_t owner, uint64_t bytes)
{
	uint64_t hash = unlinked_hash_name(unlinked, name);
	if (!unlinked->images)
		unlinked->images = calloc(UNLINKED_BUCKETS, sizeof(*unlinked->images));
	if (!unlinked->images)
		return NULL;
	struct unlinked_image *image = unlinked_find_image(unlinked, hash, owner);
	if (!image) {
		image = calloc(1, sizeof(*image));
		if (!image)
			return NULL;
		image->name = hash;
		image->owner = owner;
		LIST_INSERT_HEAD(unlinked_bucket_of(unlinked, hash, owner), image, link);
	}
	image->count++;
	image->bytes += bytes;
	return image;
}

static void unlinked_leave_image(struct unlinked_image *image, uint64_t bytes)
{
	image->bytes -= bytes;
	if (--image->count > 0)
		return;
	LIST_REMOVE(image, link);
	free(image);
}

static void unlinked_forget(struct unlinked_segment *segment)
{
	LIST_REMOVE(segment, link);
	unlinked_leave_image(segment->image, segment->bytes);
	segment->unlinked->count--;
	segment->unlinked->bytes -= segment->bytes;
	sd_event_source_disable_unref(segment->end);
	free(segment);
}

void unlinked_destroy(struct unlinked *unlinked)
{
	while (!LIST_EMPTY(&unlinked->segments))
		unlinked_forget(LIST_FIRST(&unlinked->segments));
	free(unlinked->images);
	unlinked->images = NULL;
}

static int unlinked_on_end(
	sd_event_source *source, const struct inotify_event *event, void *context)
{
	struct unlinked_segment *segment = context;
	(void)source;
	if (event->mask & IN_DELETE_SELF) {
		segment->unlinked->freed += segment->bytes;
		unlinked_forget(segment);
	}
	return 0;
}

/*
 * The kernel grants a write lease only if no other descriptor or mapping of the file exists
 * (fcntl(2)). The lease is given back at once. A program that opens the file meanwhile, by a
 * descriptor of O_PATH, waits that long; the kernel's signal about it is ignored.
 */
static bool unlinked_is_used_elsewhere(int fd)
{
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

bool unlinked_track(
	struct unlinked *unlinked, int fd, uint64_t bytes, const char *name, uid_t owner)
{
	if (!unlinked_is_used_elsewhere(fd))
		return false;
	struct unlinked_segment *segment = NULL;
	if (unlinked->count < TRACKED_MAX)
		segment = calloc(1, sizeof(*segment));
	if (!segment)
		return true;
	segment->image = unlinked_join_image(unlinked, name, owner, bytes);
	if (!segment->image) {
		free(segment);
		return true;
	}
	if (sd_event_add_inotify_fd(unlinked->event, &segment->end, fd, IN_DELETE_SELF,
		    unlinked_on_end, segment) < 0) {
		unlinked_leave_image(segment->image, bytes);
		free(segment);
		return true;
	}
	segment->unlinked = unlinked;
	segment->bytes = bytes;
	LIST_INSERT_HEAD(&unlinked->segments, segment, link);
	unlinked->count++;
	unlinked->bytes += bytes;
	return true;
}

uint64_t unlinked_bytes_of(const struct unlinked *unlinked, const char *name, uid_t owner)
{
	if (unlinked->count == 0)
		return 0;
	const struct unlinked_image *image =
		unlinked_find_image(unlinked, unlinked_hash_name(unlinked, name), owner);
	return image ? image->bytes : 0;
}
