/*
 * Closes the files that clients have sent, or that were opened for them, away from the daemon's
 * thread: close(2) of one lasts as long as whoever serves it likes. Counts, for each user, those
 * that are not closed yet, and says when they are too many. Looks at no file.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/file/close-threads.h"

enum {
	CLOSER_FILES_MAX = 64, /* of one user that are not closed, before no more are received */
	CLOSER_DESCRIPTORS_MAX = 1 << 20, /* that the daemon may have open */
};

/* A user whose files are closed here. Only its owner knows that it is one. */
struct files {
	struct closing_queue queue; /* first: the queue is the files */
	RB_ENTRY(files) node;
	struct closer *closer;
	uid_t uid;
	unsigned references;
	uint64_t given;	 /* descriptors, ever */
	bool awaited;	 /* somebody waits until they are few */
	bool complained; /* that some are not closed */
	bool stuck;	 /* no thread of the user's gets on */
};

RB_HEAD(files_tree, files);

struct closer {
	sd_event *event;
	struct closing *closing;
	struct files_tree files;
	sd_event_source *handing; /* wakes a thread after the replies are sent */
	sd_event_source *bell;
	sd_event_source *watch; /* looks, now and then, how the threads get on */
	bool watching;
	bool complained; /* that there is no thread */
	uint64_t given;
	uint64_t handed; /* of these, of which a thread knows */
	/* Told when files of somebody have become few, or it is clear that they do not. */
	void (*changed)(void *context);
	void *context;
};

/* Returns 0 or a negative errno. */
int closer_init(struct closer *closer, sd_event *event);

/*
 * Waits until all is closed, but not for what hangs: the process can end all the same, and
 * whatever the next daemon needs must be let go of by other means. No files may be in use.
 */
void closer_stop(struct closer *closer);

/* The files of a user, with one more reference to them; NULL without memory. */
struct files *closer_join(struct closer *closer, uid_t uid);

/* One more reference. */
struct files *files_hold(struct files *files);

/* Gives a reference back. NULL is let pass. */
void files_leave(struct files *files);

/* Takes a descriptor over, and closes it in its time. Neither waits nor fails. */
void files_close(struct files *files, int fd);

/* Closes a descriptor, if there is one, and leaves -1 behind, and errno as it was. */
void files_drop(struct files *files, int *fd);

/* A descriptor that a block owns; at its end it is handed over. take_fd() moves it on. */
struct open_file {
	struct files *files;
	int fd;
};

static inline void cleanup_open_file(struct open_file *file)
{
	files_drop(file->files, &file->fd);
}

#define OWN_FILE __attribute__((cleanup(cleanup_open_file)))

enum files_state {
	FILES_FEW,  /* more may come */
	FILES_MANY, /* more have to wait: closer->changed() will be called */
	FILES_STUCK /* they are not closed: no more may come */
};

/* Whether a user may have more files received. */
enum files_state files_look(struct files *files);

/* What is told to whom FILES_STUCK is in the way. */
extern const char files_stuck_text[];

/* Files of all users that are not closed. */
uint64_t closer_count(struct closer *closer);

/* Whether the event loop has to run for files to be closed. */
bool closer_is_due(const struct closer *closer);

/* Waits until all is closed, so many microseconds at most. Returns whether it is. */
bool closer_finish(struct closer *closer, uint64_t usec);
