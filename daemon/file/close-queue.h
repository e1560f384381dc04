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
	CLOSE_QUEUE_FILES_MAX =
		64, /* of one user that are not closed, before no more are received */
	CLOSE_QUEUE_DESCRIPTORS_MAX = 1 << 20, /* that the daemon may have open */
};

/* A user whose files are closed here. Only its owner knows that it is one. */
struct close_queue {
	struct close_list queue; /* first: the queue is the files */
	RB_ENTRY(close_queue) node;
	struct close_queues *close_queues;
	uid_t uid;
	unsigned references;
	uint64_t queued; /* descriptors, ever */
	bool awaited;	 /* somebody waits until they are few */
	bool reported;	 /* that some are not closed */
	bool stuck;	 /* no thread of the user's gets on */
};

RB_HEAD(close_queue_tree, close_queue);

struct close_queues {
	sd_event *event;
	struct close_threads *close_threads;
	struct close_queue_tree close_queue;
	sd_event_source *handing; /* wakes a thread after the replies are sent */
	sd_event_source *bell;
	sd_event_source *watch; /* looks, now and then, how the threads get on */
	bool watching;
	bool reported; /* that there is no thread */
	uint64_t queued;
	uint64_t handed; /* of these, of which a thread knows */
	/* Told when files of somebody have become few, or it is clear that they do not. */
	void (*changed)(void *context);
	void *context;
};

/* Returns 0 or a negative errno. */
int close_queues_init(struct close_queues *close_queues, sd_event *event);

/*
 * Waits until all is closed, but not for what hangs: the process can end all the same, and
 * whatever the next daemon needs must be let go of by other means. No files may be in use.
 */
void close_queues_stop(struct close_queues *close_queues);

/* The files of a user, with one more reference to them; NULL without memory. */
struct close_queue *close_queue_join(struct close_queues *close_queues, uid_t uid);

/* One more reference. */
struct close_queue *close_queue_hold(struct close_queue *close_queue);

/* Gives a reference back. NULL is let pass. */
void close_queue_leave(struct close_queue *close_queue);

/* Takes a descriptor over, and closes it in its time. Neither waits nor fails. */
void close_queue_add(struct close_queue *close_queue, int fd);

/* Closes a descriptor, if there is one, and leaves -1 behind, and errno as it was. */
void close_queue_drop(struct close_queue *close_queue, int *fd);

/* A descriptor that a block owns; at its end it is handed over. take_fd() moves it on. */
struct open_file {
	struct close_queue *close_queue;
	int fd;
};

static inline void cleanup_open_file(struct open_file *file)
{
	close_queue_drop(file->close_queue, &file->fd);
}

#define OWN_FILE __attribute__((cleanup(cleanup_open_file)))

enum close_queue_state {
	CLOSE_QUEUE_FEW,  /* more may come */
	CLOSE_QUEUE_MANY, /* more have to wait: close_queues->changed() will be called */
	CLOSE_QUEUE_STUCK /* they are not closed: no more may come */
};

/* Whether a user may have more files received. */
enum close_queue_state close_queue_check(struct close_queue *close_queue);

/* What is told to whom CLOSE_QUEUE_STUCK is in the way. */
extern const char close_queue_stuck_text[];

/* Files of all users that are not closed. */
uint64_t close_queues_count(struct close_queues *close_queues);

/* Whether the event loop has to run for files to be closed. */
bool close_queues_is_due(const struct close_queues *close_queues);

/* Waits until all is closed, so many microseconds at most. Returns whether it is. */
bool close_queues_finish(struct close_queues *close_queues, uint64_t usec);
