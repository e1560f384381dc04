/*
 * Trails along the folders of a path.
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
#include "daemon/file/mount.h"
#include "daemon/log/log.h"

enum { PLACES_MAX = 128, LINKS_MAX = 40, EVENTS_SIZE = 16384 };

/* What a name in a folder is to a trail; each kind is told of all that the one before is. */
enum kind {
	KIND_PASS, /* the next folder: matters when it goes */
	KIND_TURN, /* a symbolic link, or missing: matters when there is another one too */
	KIND_LAST, /* the file */
};

static const uint32_t masks[] = {
	[KIND_PASS] = IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
	[KIND_TURN] =
		IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
	[KIND_LAST] = IN_CLOSE_WRITE | IN_ATTRIB | IN_CREATE | IN_MOVED_TO | IN_DELETE |
		      IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF,
};

/* A name in a watched folder. */
struct path_watch_entry {
	RB_ENTRY(path_watch_entry) node;
	SLIST_ENTRY(path_watch_entry) link;
	struct path_watch *path_watch;
	int watch; /* the folder's descriptor in events; the same for all places in it */
	enum kind kind;
	const char *name; /* is text, but in a key to search with */
	char text[];
};

/* By folder and name; in a key the place itself comes before all others of the name. */
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

/* The first place in a folder, with a name or (NULL) any. */
static struct path_watch_entry *path_watch_find_first(
	struct path_watches *path_watches, int watch, const char *name)
{
	struct path_watch_entry key = {.watch = watch, .name = name ? name : ""};
	struct path_watch_entry *path_watch_entry =
		RB_NFIND(path_watch_tree, &path_watches->entries, &key);
	if (!path_watch_entry || path_watch_entry->watch != watch ||
		(name && strcmp(path_watch_entry->name, name) != 0))
		return NULL;
	return path_watch_entry;
}

static void path_watch_turn(struct path_watch *path_watch)
{
	path_watch->stale = true;
	path_watch->changed(path_watch, PATH_WATCH_PLACED);
}

static void path_watch_tell(const struct path_watch_entry *path_watch_entry, uint32_t mask)
{
	struct path_watch *path_watch = path_watch_entry->path_watch;
	if (path_watch_entry->kind != KIND_LAST) {
		if (mask & masks[KIND_TURN])
			path_watch_turn(path_watch);
	} else if (mask & IN_MOVED_TO) {
		path_watch_turn(path_watch);
	} else if (mask & IN_CREATE) {
		path_watch->stale = true; /* it may be a link */
		path_watch->changed(path_watch, PATH_WATCH_MADE);
	} else if (mask & (IN_CLOSE_WRITE | IN_ATTRIB)) {
		path_watch->changed(path_watch, PATH_WATCH_WRITTEN);
	}
}

/* Something has become of a folder itself. */
static void path_watch_tell_all(
	struct path_watches *path_watches, const struct inotify_event *event)
{
	struct path_watch_entry *path_watch_entry =
		path_watch_find_first(path_watches, event->wd, NULL);
	while (path_watch_entry && path_watch_entry->watch == event->wd) {
		if (!(event->mask & IN_ATTRIB))
			path_watch_turn(path_watch_entry->path_watch);
		else if (path_watch_entry->kind == KIND_LAST)
			path_watch_entry->path_watch->changed(
				path_watch_entry->path_watch, PATH_WATCH_WRITTEN);
		path_watch_entry =
			RB_NEXT(path_watch_tree, &path_watches->entries, path_watch_entry);
	}
}

static void path_watch_tell_event(
	struct path_watches *path_watches, const struct inotify_event *event)
{
	struct path_watch *path_watch;
	if (event->mask & IN_Q_OVERFLOW) {
		log_notice("events of followed files were lost: looking at all of them");
		TAILQ_FOREACH (path_watch, &path_watches->all, link)
			path_watch_turn(path_watch);
		return;
	}
	if (event->len == 0) {
		path_watch_tell_all(path_watches, event);
		return;
	}
	struct path_watch_entry *path_watch_entry =
		path_watch_find_first(path_watches, event->wd, event->name);
	while (path_watch_entry && path_watch_entry->watch == event->wd &&
		strcmp(path_watch_entry->name, event->name) == 0) {
		path_watch_tell(path_watch_entry, event->mask);
		path_watch_entry =
			RB_NEXT(path_watch_tree, &path_watches->entries, path_watch_entry);
	}
}

static int path_watch_on_events(sd_event_source *source, int fd, uint32_t ready, void *context)
{
	_Alignas(struct inotify_event) char data[EVENTS_SIZE];
	ssize_t size = read(fd, data, sizeof(data));
	(void)source;
	(void)ready;
	for (ssize_t done = 0; done < size;) {
		const struct inotify_event *event = (const struct inotify_event *)(data + done);
		path_watch_tell_event(context, event);
		done += (ssize_t)(sizeof(*event) + event->len);
	}
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
	if (path_watches->fd >= 0)
		close(take_fd(&path_watches->fd));
}

/* A daemon that follows nothing needs none of the user's few inotify(7) descriptors. */
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
		path_watches->fd = take_fd(&fd);
	return r < 0 ? r : 0;
}

/* Removes places, and the kernel's watches on folders that nobody has a place in any more. */
static void path_watch_remove_places(
	struct path_watches *path_watches, struct path_watch_list *entries)
{
	while (!SLIST_EMPTY(entries)) {
		struct path_watch_entry *path_watch_entry = SLIST_FIRST(entries);
		SLIST_REMOVE_HEAD(entries, link);
		RB_REMOVE(path_watch_tree, &path_watches->entries, path_watch_entry);
		if (!path_watch_find_first(path_watches, path_watch_entry->watch, NULL))
			inotify_rm_watch(path_watches->fd, path_watch_entry->watch);
		free(path_watch_entry);
	}
}

/* A trail that is being laid. */
struct course {
	struct path_watch *path_watch;
	int at; /* the folder that has been reached */
	struct mount_way way;
	bool links;
	unsigned link_count;
	unsigned count; /* of places */
	char part[NAME_MAX + 1];
	char rest[2 * PATH_MAX]; /* of the path, after part */
};

static int watch_folder(const struct course *course, enum kind kind)
{
	char folder[32];
	uint32_t mask = masks[kind] | IN_MASK_ADD | IN_ONLYDIR | IN_EXCL_UNLINK;
	snprintf(folder, sizeof(folder), "/proc/self/fd/%d", course->at);
	int watch = inotify_add_watch(course->path_watch->path_watches->fd, folder, mask);
	if (watch < 0)
		return errno == ENOSPC ? -EUSERS : -errno;
	return watch;
}

/* Watches a name in the folder that has been reached. */
static int path_watch_add_place(struct course *course, enum kind kind)
{
	struct path_watch *path_watch = course->path_watch;
	if (course->count == PLACES_MAX)
		return -ENAMETOOLONG;
	struct path_watch_entry *path_watch_entry =
		calloc(1, sizeof(*path_watch_entry) + strlen(course->part) + 1);
	if (!path_watch_entry)
		return -ENOMEM;
	int watch = watch_folder(course, kind);
	if (watch < 0) {
		free(path_watch_entry);
		/* Who may search a folder but not list it cannot know when what is in it goes. */
		return watch == -EACCES && kind == KIND_PASS ? 0 : watch;
	}
	path_watch_entry->path_watch = path_watch;
	path_watch_entry->watch = watch;
	path_watch_entry->kind = kind;
	path_watch_entry->name = strcpy(path_watch_entry->text, course->part);
	RB_INSERT(path_watch_tree, &path_watch->path_watches->entries, path_watch_entry);
	SLIST_INSERT_HEAD(&path_watch->entries, path_watch_entry, link);
	course->count++;
	return 0;
}

/* Takes the next part off the rest of the path. Returns whether there is one. */
static bool path_watch_next_part(struct course *course)
{
	const char *begin = course->rest + strspn(course->rest, "/");
	size_t length = strcspn(begin, "/");
	if (length == 0 || length > NAME_MAX)
		return false;
	memcpy(course->part, begin, length);
	course->part[length] = '\0';
	memmove(course->rest, begin + length, strlen(begin + length) + 1);
	return true;
}

static void path_watch_move_to(struct course *course, int folder)
{
	close(course->at);
	course->at = folder;
}

/* Goes on where a symbolic link points to. */
static int path_watch_go_after(struct course *course, int link)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(link, "", target, sizeof(target) - 1);
	if (length < 0)
		return -errno;
	target[length] = '\0';
	size_t rest = strlen(course->rest);
	if (++course->link_count > LINKS_MAX || (size_t)length + rest + 2 > sizeof(course->rest))
		return -ENAMETOOLONG;
	memmove(course->rest + length, course->rest, rest + 1);
	memcpy(course->rest, target, (size_t)length);
	if (target[0] != '/')
		return 0;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	path_watch_move_to(course, root);
	return 0;
}

/*
 * What has been found, by what the kernel knows. For whoever is not the daemon's user the trail
 * leads to no file system that somebody else serves, who may not answer.
 */
static int path_watch_look(struct course *course, int found, mode_t *mode)
{
	struct statx status;
	int r = course->links ? 0 : mount_way_check(&course->way, found);
	if (r < 0)
		return r;
	if (statx(found, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &status) < 0)
		return -errno;
	*mode = status.stx_mode;
	return 0;
}

/*
 * Goes one part further. Returns 1, 0 when the trail ends here, or a negative errno. Each
 * place is watched before the name is looked up, so that no change comes between.
 */
static int path_watch_go_on(struct course *course)
{
	mode_t mode = 0;
	bool last = !course->rest[0], turns = false;
	int r = path_watch_add_place(course, last ? KIND_LAST : KIND_PASS);
	while (r == 0) {
		OWN_FILE struct open_file found = {course->path_watch->close_queue,
			openat(course->at, course->part, O_PATH | O_NOFOLLOW | O_CLOEXEC)};
		bool ours = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
		if (found.fd < 0 && ours)
			return -errno; /* which says nothing of the file */
		r = found.fd < 0 ? 0 : path_watch_look(course, found.fd, &mode);
		if (r < 0)
			return r;
		if (found.fd >= 0 && S_ISDIR(mode)) {
			path_watch_move_to(course, take_fd(&found.fd));
			return 1;
		}
		bool link = found.fd >= 0 && S_ISLNK(mode) && course->links;
		if (link && turns) {
			r = path_watch_go_after(course, found.fd);
			return r < 0 ? r : 1;
		}
		if (turns || (last && !link))
			return 0;
		turns = true;
		r = path_watch_add_place(course, KIND_TURN);
	}
	return r;
}

static int path_watch_lay(struct course *course)
{
	mode_t mode;
	course->at = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (course->at < 0)
		return -errno;
	int r = path_watch_look(course, course->at, &mode);
	if (r == 0)
		r = 1;
	while (r > 0 && path_watch_next_part(course))
		r = path_watch_go_on(course);
	close(course->at);
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
	struct course course = {.path_watch = path_watch, .links = links};
	struct path_watch_list before = path_watch->entries;
	int r = path_watch_open_events(path_watches);
	if (r < 0)
		return r;
	if (!path_watch->path_watches) {
		path_watch->path_watches = path_watches;
		TAILQ_INSERT_TAIL(&path_watches->all, path_watch, link);
	}
	SLIST_INIT(&path_watch->entries);
	path_watch->stale = false;
	snprintf(course.rest, sizeof(course.rest), "%s", path);
	r = path_watch_lay(&course);
	/* Now, so that folders that are still on the way were watched all the time. */
	path_watch_remove_places(path_watches, &before);
	if (r == 0 && course.count > 0)
		r = path_watch_charge(path_watch, uid, course.count);
	*entries = course.count;
	if (r < 0)
		path_watch_clear(path_watch);
	return r;
}

void path_watch_clear(struct path_watch *path_watch)
{
	if (!path_watch->path_watches)
		return;
	path_watch_remove_places(path_watch->path_watches, &path_watch->entries);
	TAILQ_REMOVE(&path_watch->path_watches->all, path_watch, link);
	charge_refund(&path_watch->charge);
	path_watch->path_watches = NULL;
}
