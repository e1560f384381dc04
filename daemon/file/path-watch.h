/*
 * Trails: the folders on the way to a file, watched by inotify(7), so that whatever changes
 * what the path leads to is noticed: the file's own folder, those above it, and those with
 * the symbolic links on the way. Neither opens nor reads the file.
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
	int fd;				/* of inotify(7); -1 until the first trail is laid */
	struct path_watch_tree entries; /* by what the kernel's events say */
	TAILQ_HEAD(, path_watch) all;
};

/* What has become of the file at the end of a trail. */
enum path_watch_change {
	PATH_WATCH_MADE,    /* it was made, and may be being written */
	PATH_WATCH_WRITTEN, /* a writer has closed it, or its attributes were changed */
	PATH_WATCH_PLACED,  /* it was renamed into place, or the way there is another one */
};

/* The caller's, set to zero before it is laid first. */
struct path_watch {
	TAILQ_ENTRY(path_watch) link;
	struct path_watches *path_watches;
	SLIST_HEAD(path_watch_list, path_watch_entry) entries;
	struct charge charge;		 /* for each place, to the user */
	struct close_queue *close_queue; /* the caller's: by which what is on the way is closed */
	bool stale;			 /* it no longer shows the way: it has to be laid again */
	/* Called from the event loop; lays and clears no trail from within. */
	void (*changed)(struct path_watch *path_watch, enum path_watch_change change);
};

void path_watches_init(
	struct path_watches *path_watches, sd_event *event, struct accounts *accounts);

/* No trail may be left. */
void path_watches_stop(struct path_watches *path_watches);

/*
 * Lays a trail along an absolute path, anew if it is laid already, and charges the user for
 * its folders. What is missing of the path is waited for. links: whether symbolic links are
 * gone after; else the trail ends there. Look at the file after this, not before.
 *
 * Returns 0; -EDQUOT when the user may not have so many folders watched, *places; -EUSERS
 * when the kernel watches no more for the daemon's user; -ENAMETOOLONG for a path with too
 * many folders or links; -EREMOTE without links when the path leads to a file system that a
 * program or another machine serves; -EACCES when the folder of the file or of a link cannot be
 * watched; or a negative errno of inotify(7). After a failure nothing is watched and charged.
 */
int path_watch_update(struct path_watches *path_watches, struct path_watch *path_watch,
	const char *path, uid_t uid, bool links, unsigned *entries);

/* Ends it. What was never laid is let pass. */
void path_watch_clear(struct path_watch *path_watch);
