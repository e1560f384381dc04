/*
 * inotify(7) reports when the kernel frees an unlinked segment (IN_DELETE_SELF), and its watch does
 * not keep the segment alive. An entry has the hash of the image's name in place of the name, which
 * may be long.
 */
#include "daemon/segment/unlinked.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "daemon/base/random.h"

enum { TRACKED_MAX = 4096 }; /* a user may have 8192 or more inotify watches */

struct unlinked_segment {
	LIST_ENTRY(unlinked_segment) link;
	struct unlinked *unlinked;
	sd_event_source *end;
	uint64_t bytes;
	uint64_t name; /* hash of the image's name */
	uid_t owner;
};

int unlinked_init(struct unlinked *unlinked, sd_event *event)
{
	*unlinked = (struct unlinked){.event = event};
	LIST_INIT(&unlinked->segments);
	return random_fill(unlinked->key, sizeof(unlinked->key));
}

static uint64_t unlinked_hash_name(const struct unlinked *unlinked, const char *name)
{
	return siphash(unlinked->key, name, strlen(name));
}

static void unlinked_forget(struct unlinked_segment *segment)
{
	LIST_REMOVE(segment, link);
	segment->unlinked->count--;
	segment->unlinked->bytes -= segment->bytes;
	sd_event_source_disable_unref(segment->end);
	free(segment);
}

void unlinked_destroy(struct unlinked *unlinked)
{
	while (!LIST_EMPTY(&unlinked->segments))
		unlinked_forget(LIST_FIRST(&unlinked->segments));
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
	if (sd_event_add_inotify_fd(unlinked->event, &segment->end, fd, IN_DELETE_SELF,
		    unlinked_on_end, segment) < 0) {
		free(segment);
		return true;
	}
	segment->unlinked = unlinked;
	segment->bytes = bytes;
	segment->name = unlinked_hash_name(unlinked, name);
	segment->owner = owner;
	LIST_INSERT_HEAD(&unlinked->segments, segment, link);
	unlinked->count++;
	unlinked->bytes += bytes;
	return true;
}

uint64_t unlinked_bytes_of(const struct unlinked *unlinked, const char *name, uid_t owner)
{
	uint64_t bytes = 0;
	const struct unlinked_segment *segment;
	if (unlinked->count == 0)
		return 0;
	uint64_t hash = unlinked_hash_name(unlinked, name);
	LIST_FOREACH (segment, &unlinked->segments, link) {
		if (segment->name == hash && segment->owner == owner)
			bytes += segment->bytes;
	}
	return bytes;
}
