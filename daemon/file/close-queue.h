/*
 * Clients' files that wait to be closed: a queue for each user, and the limit of files in it.
 */
#pragma once

#include <bsd/sys/tree.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "daemon/base/tiny.h"
#include "daemon/file/close-threads.h"

enum {
	CLOSE_QUEUE_FILES_MAX = TINY(64, 4), /* in one user's queue, before no more are received */
	CLOSE_QUEUE_DESCRIPTORS_MAX = 1 << 20, /* that the daemon may have open */
};

/* A user's queue. */
struct close_queue {
	struct close_list queue; /* the part that the threads share */
	RB_ENTRY(close_queue) node;
	struct close_queues *close_queues;
	uid_t uid;
	unsigned references;
	uint64_t queued;   /* descriptors, ever */
	uint64_t received; /* descriptors that no request has yet */
	bool awaited;	   /* a connection waits until few are left */
	bool reported;	   /* that some hang */
	bool stuck;	   /* all threads of this user hang */
};

RB_HEAD(close_queue_tree, close_queue);

struct close_queues {
	sd_event *event;
	struct close_threads *close_threads;
	struct close_queue_tree close_queue;
	sd_event_source *handing; /* wakes a thread after the replies are sent */
	sd_event_source *bell;
	sd_event_source *watch; /* checks for threads that hang */
	bool watching;
	bool reported;	   /* that there is no thread */
	uint64_t received; /* of all users */
	uint64_t queued;
	uint64_t handed; /* of queued: those that a thread was woken for */
	/* Called when a user's state changes that close_queue_check() reported as MANY. */
	void (*changed)(void *context);
	void *context;
};

/* Returns 0 or a negative errno. */
int close_queues_init(struct close_queues *close_queues, sd_event *event);

/*
 * Waits until all files are closed, except those that hang: the end of the process closes them. No
 * queue may be in use.
 */
void close_queues_stop(struct close_queues *close_queues);

/* Returns a user's queue with one more reference; NULL without memory. */
struct close_queue *close_queue_join(struct close_queues *close_queues, uid_t uid);

/* One more reference. */
struct close_queue *close_queue_hold(struct close_queue *close_queue);

/* Gives a reference back. NULL is ignored. */
void close_queue_leave(struct close_queue *close_queue);

/* Takes over a descriptor, to be closed by a thread. Neither waits nor fails. */
void close_queue_add(struct close_queue *close_queue, int fd);

/* Adds *fd unless it is -1, and sets it to -1. Preserves errno. */
void close_queue_drop(struct close_queue *close_queue, int *fd);

/* A descriptor that a block owns and adds to a queue at its end; take_fd() moves it out. */
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
	CLOSE_QUEUE_FEW,  /* more may be received */
	CLOSE_QUEUE_MANY, /* wait: close_queues->changed() will be called */
	CLOSE_QUEUE_STUCK /* all threads of the user hang: end the connection */
};

/* Whether a user may have more files received. */
enum close_queue_state close_queue_check(struct close_queue *close_queue);

/*
 * Counts descriptors that were received for a user, until a request has them or they are queued.
 * The difference is negative when there are fewer.
 */
void close_queue_count_received(struct close_queue *close_queue, int difference);

/*
 * Whether more descriptors may be received for a user: less than a share of all that the process
 * may have, of which one user gets a quarter at most, and all users half.
 */
bool close_queue_has_share(const struct close_queue *close_queue);

/* The error message for CLOSE_QUEUE_STUCK. */
extern const char close_queue_stuck_text[];

/* Files in all queues. */
uint64_t close_queues_count(struct close_queues *close_queues);

/* Whether the event loop has to run for files to be closed. */
bool close_queues_is_due(const struct close_queues *close_queues);

/* Waits until all files are closed, usec microseconds at most. Returns whether they are. */
bool close_queues_finish(struct close_queues *close_queues, uint64_t usec);
