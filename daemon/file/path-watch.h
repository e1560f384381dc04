/*
 * Watches paths with inotify(7): the folder of the file, all folders above it, and the folders of
 * symbolic links on the way. Reports when a path leads to another file, or its file was written.
 * Neither opens nor reads the file.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <systemd/sd-event.h>

#include "daemon/file/close-queue.h"
#include "daemon/user/account.h"

RB_HEAD(path_watch_tree, path_watch_entry);

struct path_watches {
	sd_event *event;
	struct accounts *accounts;
	sd_event_source *source;
	int fd;				/* of inotify(7); -1 until the first path is watched */
	struct path_watch_tree entries; /* in the order of the kernel's watches and of names */
	TAILQ_HEAD(, path_watch) all;

	/* The events that were read, and where reporting them goes on. */
	sd_event_source *more; /* reports are left for the next turn */
	_Alignas(8) char data[4096];
	size_t done, size;		     /* bytes of data */
	bool begun;			     /* the event at done */
	struct path_watch_entry *next_entry; /* to report it to; NULL: none is left */
	struct path_watch *next_lost;	     /* to tell that events were lost, or NULL */
};

/* What has happened to the file at the end of a path. */
enum path_watch_change {
	PATH_WATCH_MADE,    /* it was created, and may not be complete */
	PATH_WATCH_WRITTEN, /* a writer has closed it, or its attributes were changed */
	PATH_WATCH_PLACED,  /* it was renamed into place, or the path leads to another file */
};

/* Owned by the caller; zero before the first path_watch_update(). */
struct path_watch {
	TAILQ_ENTRY(path_watch) link;
	struct path_watches *path_watches;
	SLIST_HEAD(path_watch_list, path_watch_entry) entries;
	struct charge charge;		 /* to the user, for each entry */
	struct close_queue *close_queue; /* the caller's; closes files on the way */
	bool stale;			 /* the path may lead elsewhere: call path_watch_update() */
	/* Called from the event loop. Must not update or clear a path watch. */
	void (*changed)(struct path_watch *path_watch, enum path_watch_change change);
};

void path_watches_init(
	struct path_watches *path_watches, sd_event *event, struct accounts *accounts);

/* All path watches must be cleared before. */
void path_watches_stop(struct path_watches *path_watches);

/*
 * Watches an absolute path, or walks it again if it is watched already, and charges the user for
 * each entry, which is a name in a watched folder. If a part of the path is missing, waits for that
 * part. With links, follows symbolic links; else the watch ends at the first one. Check the file
 * after this call, not before.
 *
 * Sets *entries to their number. Returns 0; -EDQUOT when the user may not have so many; -EUSERS
 * when the kernel allows the daemon's user no more watches; -ENAMETOOLONG for a path with too many
 * folders or links; -EREMOTE, only without links, when a program or another machine serves the file
 * system; -EACCES when the folder of the file or of a link cannot be watched; or another negative
 * errno. After a failure, nothing is watched or charged.
 */
int path_watch_update(struct path_watches *path_watches, struct path_watch *path_watch,
	const char *path, uid_t uid, bool links, unsigned *entries);

/* Stops watching, and refunds the charge. Ignores a path watch that was never updated. */
void path_watch_clear(struct path_watch *path_watch);
