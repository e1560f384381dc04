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

RB_HEAD(place_tree, place);

struct trails {
	sd_event *event;
	struct accounts *accounts;
	sd_event_source *source;
	int fd;			  /* of inotify(7); -1 until the first trail is laid */
	struct place_tree places; /* by what the kernel's events say */
	TAILQ_HEAD(, trail) all;
};

/* What has become of the file at the end of a trail. */
enum trail_change {
	TRAIL_MADE,    /* it was made, and may be being written */
	TRAIL_WRITTEN, /* a writer has closed it, or its attributes were changed */
	TRAIL_PLACED,  /* it was renamed into place, or the way there is another one */
};

/* The caller's, set to zero before it is laid first. */
struct trail {
	TAILQ_ENTRY(trail) link;
	struct trails *trails;
	SLIST_HEAD(place_list, place) places;
	struct charge charge; /* for each place, to the user */
	struct files *files;  /* the caller's: by which what is on the way is closed */
	bool turned;	      /* it no longer shows the way: it has to be laid again */
	/* Called from the event loop; lays and clears no trail from within. */
	void (*changed)(struct trail *trail, enum trail_change change);
};

void trails_init(struct trails *trails, sd_event *event, struct accounts *accounts);

/* No trail may be left. */
void trails_stop(struct trails *trails);

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
int trail_lay(struct trails *trails, struct trail *trail, const char *path, uid_t uid, bool links,
	unsigned *places);

/* Ends it. What was never laid is let pass. */
void trail_clear(struct trail *trail);
