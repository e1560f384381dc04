/*
 * Descriptors that wait for close(2), one queue for each user, and the threads that call it: they
 * share the table of descriptors with the daemon's thread, and may wait in the kernel as long as
 * whoever serves a file likes. A user has a few of them at most. Knows neither events nor users.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { CLOSING_THREADS_MAX = 4 /* of one user */ };

/* A user's queue; set to zero but for first and last. All but closed is under the lock. */
struct closing_queue {
	TAILQ_ENTRY(closing_queue) link; /* while a thread may take from it */
	bool listed;
	bool rings;	  /* the bell, when a descriptor is closed */
	int first, last;  /* -1: none waits */
	unsigned at_work; /* threads that are closing one */
	_Atomic uint64_t closed;
};

struct closing;

/* A thread; its owner is the one that has started it. */
struct closing_thread {
	LIST_ENTRY(closing_thread) link;
	struct closing *closing;
	struct closing_queue *queue; /* from which it closes one, or NULL */
	uint64_t since;		     /* when it began to, in microseconds */
	pthread_t id;
	bool ended;
};

struct closing {
	pthread_mutex_t lock;
	pthread_cond_t work;  /* there is some, or it is to end */
	pthread_cond_t quiet; /* nothing is left, or a thread has ended */
	TAILQ_HEAD(, closing_queue) ready;
	LIST_HEAD(closing_threads, closing_thread) threads;
	unsigned thread_count; /* that have not ended */
	unsigned idle;
	uint64_t left; /* descriptors that are not closed */
	bool ending;   /* threads without work end */
	bool left_alone;
	bool rung;
	int bell;    /* an eventfd(2), for queues that ring */
	size_t size; /* of the table */
	int next[];  /* of each descriptor that waits: the one after it, or -1 */
};

/*
 * Makes it, for descriptors below a number: their places are there before they are, so that none
 * is ever without. Returns 0 or a negative errno.
 */
int closing_new(struct closing **made, size_t size);

/*
 * Ends it. What hangs is left alone, with the memory that it needs: for the end of the daemon.
 * No queue may be used any more.
 */
void closing_free(struct closing *closing);

void closing_queue_init(struct closing_queue *queue);

/* Puts a descriptor into a queue. Returns false when it has no place in the table. */
bool closing_put(struct closing *closing, struct closing_queue *queue, int fd);

/*
 * Has an idle thread take what waits. Returns whether another thread is needed: all hang in what
 * they began before a time.
 */
bool closing_wake(struct closing *closing, uint64_t before);

/* Starts a thread. Returns 0 or a negative errno. */
int closing_start(struct closing *closing);

/* Gives back what threads that have ended had. */
void closing_bury(struct closing *closing);

/* How many threads have been at a descriptor of a queue since before a time. */
unsigned closing_count_late(
	struct closing *closing, const struct closing_queue *queue, uint64_t before);

/* Whether the bell is rung when the next descriptor of a queue is closed. */
void closing_ring(struct closing *closing, struct closing_queue *queue, bool rings);

/* Hears the bell, which is silent until something is closed again. */
void closing_hear(struct closing *closing);

/*
 * Waits, so many microseconds at most, until all is closed; at_end also until no thread is left,
 * as none is needed any more. Returns whether that is so.
 */
bool closing_wait(struct closing *closing, uint64_t usec, bool at_end);

/* The time that all these times are of: microseconds of CLOCK_MONOTONIC. */
uint64_t closing_now(void);
