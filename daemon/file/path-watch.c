/*
 * A path is walked part by part. Each folder is watched before the next name is looked up in it, so
 * no change is missed in between. An entry is a name in a watched folder; one kernel watch of a
 * folder serves the entries of all paths through it. When an event says that the path may lead
 * elsewhere, the path watch is stale: its owner is told, and walks the path again. The new walk
 * comes before the old entries are removed, so folders on both ways are watched all the time.
 *
 * A renamed folder may be on the way of thousands of paths. An event is reported to some of the
 * entries in one turn, and to the others in the next ones; meanwhile it stays the current event in
 * the buffer, and next_entry moves on when its entry is removed.
 */
#include "daemon/file/path-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/base/cleanup.h"
#include "daemon/base/tiny.h"
#include "daemon/file/mount.h"
#include "daemon/log/log.h"

enum {
	ENTRIES_MAX = 128,
	PARTS_MAX = 256, /* of a path and the links on its way */
	LINKS_MAX = 40,
	REPORTS_MAX = TINY(64, 1), /* entries and events in one turn */
};

/* What a name in a folder is. Each kind gets all events of the kind before it. */
enum path_watch_kind {
	KIND_FOLDER, /* a folder: removed or renamed */
	KIND_LINK,   /* a symbolic link, or missing: also replaced or created */
	KIND_FILE,   /* the file: also written */
};

static const uint32_t path_watch_masks[] = {
	[KIND_FOLDER] = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
	[KIND_LINK] =
		IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
	[KIND_FILE] = IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_DELETE |
		      IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
};

/* A name in a watched folder. */
struct path_watch_entry {
	RB_ENTRY(path_watch_entry) node;
	SLIST_ENTRY(path_watch_entry) link;
	struct path_watch *path_watch;
	int watch; /* of inotify(7), on the folder; the same for all entries in it */
	enum path_watch_kind kind;
	const char *name; /* text; in a key, the name to find */
	char text[];
};

/*
 * The order is by folder and name. A key has no path watch, and comes before the entries of its
 * folder and name.
 */
static int path_watch_compare(const struct path_watch_entry *a, const struct path_watch_entry *b)
{
	if (a->watch != b->watch)
		return a->watch < b->watch ? -1 : 1;
	int order = strcmp(a->name, b->name);
	if (order || !a->path_watch || !b->path_watch)
		return order ? order : (a->path_watch != NULL) - (b->path_watch != NULL);
	return a < b ? -1 : a > b;
}

RB_GENERATE_INTERNAL(
	path_watch_tree, path_watch_entry, node, path_watch_compare, __attribute__((unused)) static)

/* Returns the first entry in a folder with a name; NULL finds any name. */
static struct path_watch_entry *path_watch_find_first(
	struct path_watches *path_watches, int watch, const char *name)
{
	struct path_watch_entry key = {.watch = watch, .name = name ? name : ""};
	struct path_watch_entry *entry = RB_NFIND(path_watch_tree, &path_watches->entries, &key);
	if (!entry || entry->watch != watch || (name && strcmp(entry->name, name) != 0))
		return NULL;
	return entry;
}

static void path_watch_set_stale(struct path_watch *path_watch)
{
	path_watch->stale = true;
	path_watch->changed(path_watch, PATH_WATCH_PLACED);
}

static void path_watch_report_name(const struct path_watch_entry *entry, uint32_t mask)
{
	struct path_watch *path_watch = entry->path_watch;
	if (entry->kind != KIND_FILE) {
		if (mask & path_watch_masks[KIND_LINK])
			path_watch_set_stale(path_watch);
	} else if (mask & IN_MOVED_TO) {
		path_watch_set_stale(path_watch);
	} else if (mask & IN_CREATE) {
		path_watch->stale = true; /* it may be a link */
		path_watch->changed(path_watch, PATH_WATCH_MADE);
	} else if (mask & (IN_CLOSE_WRITE | IN_ATTRIB)) {
		path_watch->changed(path_watch, PATH_WATCH_WRITTEN);
	}
}

static void path_watch_report(struct path_watch_entry *entry, const struct inotify_event *event)
{
	if (event->len > 0)
		path_watch_report_name(entry, event->mask);
	else if (!(event->mask & IN_ATTRIB))
		path_watch_set_stale(entry->path_watch);
	else if (entry->kind == KIND_FILE)
		entry->path_watch->changed(entry->path_watch, PATH_WATCH_WRITTEN);
}

/* The event that is being reported; NULL when all that were read are done. */
static const struct inotify_event *path_watch_event(const struct path_watches *path_watches)
{
	return path_watches->done < path_watches->size
		       ? (const struct inotify_event *)(path_watches->data + path_watches->done)
		       : NULL;
}

/* Finds whom to report an event to first. */
static void path_watch_begin_event(
	struct path_watches *path_watches, const struct inotify_event *event)
{
	path_watches->begun = true;
	if (event->mask & IN_Q_OVERFLOW) {
		log_notice("events of followed files were lost; all followed files are checked");
		path_watches->next_lost = TAILQ_FIRST(&path_watches->all);
		return;
	}
	path_watches->next_entry =
		path_watch_find_first(path_watches, event->wd, event->len > 0 ? event->name : NULL);
}

/* Reports an event to the next entry, or a loss to the next path watch. Returns whether it did. */
static bool path_watch_report_next(
	struct path_watches *path_watches, const struct inotify_event *event)
{
	struct path_watch *lost = path_watches->next_lost;
	struct path_watch_entry *entry = path_watches->next_entry;
	if (lost) {
		path_watches->next_lost = TAILQ_NEXT(lost, link);
		path_watch_set_stale(lost);
		return true;
	}
	if (!entry || entry->watch != event->wd ||
		(event->len > 0 && strcmp(entry->name, event->name) != 0))
		return false;
	path_watches->next_entry = RB_NEXT(path_watch_tree, &path_watches->entries, entry);
	path_watch_report(entry, event);
	return true;
}

static void path_watch_end_event(
	struct path_watches *path_watches, const struct inotify_event *event)
{
	path_watches->begun = false;
	path_watches->next_entry = NULL;
	path_watches->done += sizeof(*event) + event->len;
}

/* Reports to at most REPORTS_MAX entries; the rest follows soon. */
static void path_watch_report_some(struct path_watches *path_watches)
{
	const struct inotify_event *event;
	for (unsigned i = 0; i < REPORTS_MAX && (event = path_watch_event(path_watches)); i++) {
		if (!path_watches->begun)
			path_watch_begin_event(path_watches, event);
		if (!path_watch_report_next(path_watches, event))
			path_watch_end_event(path_watches, event);
	}
	if (path_watch_event(path_watches))
		sd_event_source_set_enabled(path_watches->more, SD_EVENT_ONESHOT);
}

static int path_watch_on_more(sd_event_source *source, void *context)
{
	(void)source;
	path_watch_report_some(context);
	return 0;
}

static int path_watch_on_events(sd_event_source *source, int fd, uint32_t ready, void *context)
{
	struct path_watches *path_watches = context;
	(void)source;
	(void)ready;
	if (!path_watch_event(path_watches)) {
		ssize_t size = read(fd, path_watches->data, sizeof(path_watches->data));
		path_watches->done = 0;
		path_watches->size = size > 0 ? (size_t)size : 0;
	}
	path_watch_report_some(path_watches);
	return 0;
}

void path_watches_init(
	struct path_watches *path_watches, sd_event *event, struct accounts *accounts)
{
	*path_watches = (struct path_watches){.event = event, .accounts = accounts, .fd = -1};
	RB_INIT(&path_watches->entries);
	TAILQ_INIT(&path_watches->all);
}

void path_watches_stop(struct path_watches *path_watches)
{
	path_watches->source = sd_event_source_disable_unref(path_watches->source);
	path_watches->more = sd_event_source_disable_unref(path_watches->more);
	if (path_watches->fd >= 0)
		close(take_fd(&path_watches->fd));
}

/* Opened with the first path watch: a user may have few descriptors of inotify(7). */
static int path_watch_open_events(struct path_watches *path_watches)
{
	if (path_watches->fd >= 0)
		return 0;
	OWN_FD int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = sd_event_add_io(path_watches->event, &path_watches->source, fd, EPOLLIN,
		path_watch_on_events, path_watches);
	if (r >= 0)
		r = sd_event_add_defer(
			path_watches->event, &path_watches->more, path_watch_on_more, path_watches);
	if (r >= 0)
		r = sd_event_source_set_enabled(path_watches->more, SD_EVENT_OFF);
	if (r < 0)
		path_watches_stop(path_watches);
	else
		path_watches->fd = take_fd(&fd);
	return r < 0 ? r : 0;
}

/* Removes entries, and the kernel's watches of folders without entries. */
static void path_watch_remove_entries(
	struct path_watches *path_watches, struct path_watch_list *entries)
{
	while (!SLIST_EMPTY(entries)) {
		struct path_watch_entry *entry = SLIST_FIRST(entries);
		SLIST_REMOVE_HEAD(entries, link);
		if (entry == path_watches->next_entry)
			path_watches->next_entry =
				RB_NEXT(path_watch_tree, &path_watches->entries, entry);
		RB_REMOVE(path_watch_tree, &path_watches->entries, entry);
		if (!path_watch_find_first(path_watches, entry->watch, NULL))
			inotify_rm_watch(path_watches->fd, entry->watch);
		free(entry);
	}
}

/* A walk along a path. */
struct path_walk {
	struct path_watch *path_watch;
	int at; /* the current folder */
	struct mount_walk mounts;
	bool links;
	unsigned link_count;
	unsigned count; /* of entries */
	unsigned part_count;
	char part[NAME_MAX + 1];
	char rest[2 * PATH_MAX]; /* of the path, after part */
};

static int path_watch_watch_folder(const struct path_walk *walk, enum path_watch_kind kind)
{
	char folder[32];
	uint32_t mask = path_watch_masks[kind] | IN_MASK_ADD | IN_ONLYDIR | IN_EXCL_UNLINK;
	snprintf(folder, sizeof(folder), "/proc/self/fd/%d", walk->at);
	int watch = inotify_add_watch(walk->path_watch->path_watches->fd, folder, mask);
	if (watch < 0)
		return errno == ENOSPC ? -EUSERS : -errno;
	return watch;
}

/* Watches a name in the current folder. */
static int path_watch_add_entry(struct path_walk *walk, enum path_watch_kind kind)
{
	struct path_watch *path_watch = walk->path_watch;
	if (walk->count == ENTRIES_MAX)
		return -ENAMETOOLONG;
	struct path_watch_entry *entry = calloc(1, sizeof(*entry) + strlen(walk->part) + 1);
	if (!entry)
		return -ENOMEM;
	int watch = path_watch_watch_folder(walk, kind);
	if (watch < 0) {
		free(entry);
		/* A folder that may be searched but not listed cannot be watched: it is passed. */
		return watch == -EACCES && kind == KIND_FOLDER ? 0 : watch;
	}
	entry->path_watch = path_watch;
	entry->watch = watch;
	entry->kind = kind;
	entry->name = strcpy(entry->text, walk->part);
	RB_INSERT(path_watch_tree, &path_watch->path_watches->entries, entry);
	SLIST_INSERT_HEAD(&path_watch->entries, entry, link);
	walk->count++;
	return 0;
}

/* Moves the next part of the path from rest to part. Returns false at the end. */
static bool path_watch_next_part(struct path_walk *walk)
{
	const char *begin = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(begin, "/");
	if (length == 0 || length > NAME_MAX)
		return false;
	memcpy(walk->part, begin, length);
	walk->part[length] = '\0';
	memmove(walk->rest, begin + length, strlen(begin + length) + 1);
	return true;
}

static void path_watch_move_to(struct path_walk *walk, int folder)
{
	close(walk->at);
	walk->at = folder;
}

/* Continues with the target of a symbolic link. */
static int path_watch_follow_link(struct path_walk *walk, int link)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	size_t rest = strlen(walk->rest);
	if (++walk->link_count > LINKS_MAX || (size_t)length + rest + 2 > sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + length, walk->rest, rest + 1);
	memcpy(walk->rest, target, (size_t)length);
	if (target[0] != '/')
		return 0;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	path_watch_move_to(walk, root);
	return 0;
}

/*
 * Reads the type of a file that was found, without asking its file system. A walk that follows no
 * links also ends, with -EREMOTE, where a program or another machine serves the file system.
 */
static int path_watch_check(struct path_walk *walk, int found, mode_t *mode)
{
	struct statx status;
	int r = walk->links ? 0 : mount_walk_check(&walk->mounts, found);
	if (r < 0)
		return r;
	if (statx(found, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
		return -errno;
	*mode = status.stx_mode;
	return 0;
}

/*
 * Walks one part further. Returns 1 to continue, 0 at the end of the walk, or a negative errno. A
 * link is watched as one, and then looked up again.
 */
static int path_watch_walk_part(struct path_walk *walk)
{
	mode_t mode = 0;
	bool last = !walk->rest[0], watched_as_link = false;
	if (++walk->part_count > PARTS_MAX)
		return -ENAMETOOLONG;
	int r = path_watch_add_entry(walk, last ? KIND_FILE : KIND_FOLDER);
	while (r == 0) {
		OWN_FILE struct open_file found = {walk->path_watch->close_queue,
			openat(walk->at, walk->part, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
		bool out_of_resources = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
		if (found.fd < 0 && out_of_resources)
			return -errno; /* does not mean that the file is missing */
		r = found.fd < 0 ? 0 : path_watch_check(walk, found.fd, &mode);
		if (r < 0)
			return r;
		if (found.fd >= 0 && S_ISDIR(mode)) {
			path_watch_move_to(walk, take_fd(&found.fd));
			return 1;
		}
		bool is_link = found.fd >= 0 && S_ISLNK(mode) && walk->links;
		if (is_link && watched_as_link) {
			r = path_watch_follow_link(walk, found.fd);
			return r < 0 ? r : 1;
		}
		if (watched_as_link || (last && !is_link))
			return 0;
		watched_as_link = true;
		r = path_watch_add_entry(walk, KIND_LINK);
	}
	return r;
}

static int path_watch_walk(struct path_walk *walk)
{
	mode_t mode;
	walk->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (walk->at < 0)
		return -errno;
	int r = path_watch_check(walk, walk->at, &mode);
	if (r == 0)
		r = 1;
	while (r > 0 && path_watch_next_part(walk))
		r = path_watch_walk_part(walk);
	close(walk->at);
	return r < 0 ? r : 0;
}

static int path_watch_charge(struct path_watch *path_watch, uid_t uid, unsigned count)
{
	charge_refund(&path_watch->charge);
	return accounts_charge(path_watch->path_watches->accounts, &path_watch->charge, uid,
		RESOURCE_FOLLOWS, count);
}

int path_watch_update(struct path_watches *path_watches, struct path_watch *path_watch,
	const char *path, uid_t uid, bool links, unsigned *entries)
{
	struct path_walk walk = {.path_watch = path_watch, .links = links};
	struct path_watch_list old_entries = path_watch->entries;
	int r = path_watch_open_events(path_watches);
	if (r < 0)
		return r;
	if (!path_watch->path_watches) {
		path_watch->path_watches = path_watches;
		TAILQ_INSERT_TAIL(&path_watches->all, path_watch, link);
	}
	SLIST_INIT(&path_watch->entries);
	path_watch->stale = false;
	snprintf(walk.rest, sizeof(walk.rest), "%s", path);
	r = path_watch_walk(&walk);
	path_watch_remove_entries(path_watches, &old_entries);
	if (r == 0 && walk.count > 0)
		r = path_watch_charge(path_watch, uid, walk.count);
	*entries = walk.count;
	if (r < 0)
		path_watch_clear(path_watch);
	return r;
}

void path_watch_clear(struct path_watch *path_watch)
{
	if (!path_watch->path_watches)
		return;
	path_watch_remove_entries(path_watch->path_watches, &path_watch->entries);
	if (path_watch == path_watch->path_watches->next_lost)
		path_watch->path_watches->next_lost = TAILQ_NEXT(path_watch, link);
	TAILQ_REMOVE(&path_watch->path_watches->all, path_watch, link);
	charge_refund(&path_watch->charge);
	path_watch->path_watches = NULL;
}
