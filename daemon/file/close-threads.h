/*
 * Descriptors that wait for close(2), one queue for each user, and the threads that call it: they
 * share the table of descriptors with the daemon's thread, and may wait in the kernel as long as
 * whoever serves a file likes. A user has a few of them at most. Knows neither events nor users.
 * Times are those of clock_now_usec().
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

enum { CLOSE_THREADS_MAX = 4 /* of one user */ };

/* A user's queue; set to zero but for first and last. All but closed is under the lock. */
struct close_list {
	TAILQ_ENTRY(close_list) link; /* while a thread may take from it */
	bool listed;
	bool rings;	  /* the bell, when a descriptor is closed */
	int first, last;  /* -1: none waits */
	unsigned at_work; /* threads that are closing one */
	_Atomic uint64_t closed;
};

struct close_threads;

/* A thread; its owner is the one that has started it. */
struct close_thread {
	LIST_ENTRY(close_thread) link;
	struct close_threads *close_threads;
	struct close_list *queue; /* from which it closes one, or NULL */
	uint64_t since;		  /* when it began to, in microseconds */
	pthread_t id;
	bool ended;
};

struct close_threads {
	pthread_mutex_t lock;
	pthread_cond_t work;  /* there is some, or it is to end */
	pthread_cond_t quiet; /* nothing is left, or a thread has ended */
	TAILQ_HEAD(, close_list) ready;
	LIST_HEAD(close_thread_list, close_thread) threads;
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
int close_threads_new(struct close_threads **made, size_t size);

/*
 * Ends it. What hangs is left alone, with the memory that it needs: for the end of the daemon.
 * No queue may be used any more.
 */
void close_threads_free(struct close_threads *close_threads);

void close_list_init(struct close_list *queue);

/* Puts a descriptor into a queue. Returns false when it has no place in the table. */
bool close_threads_put(struct close_threads *close_threads, struct close_list *queue, int fd);

/*
 * Has an idle thread take what waits. Returns whether another thread is needed: all hang in what
 * they began before a time.
 */
bool close_threads_wake(struct close_threads *close_threads, uint64_t before);

/* Starts a thread. Returns 0 or a negative errno. */
int close_threads_start(struct close_threads *close_threads);

/* Gives back what threads that have ended had. */
void close_threads_bury(struct close_threads *close_threads);

/* How many threads have been at a descriptor of a queue since before a time. */
unsigned close_threads_count_late(
	struct close_threads *close_threads, const struct close_list *queue, uint64_t before);

/* Whether the bell is rung when the next descriptor of a queue is closed. */
void close_threads_ring(struct close_threads *close_threads, struct close_list *queue, bool rings);

/* Hears the bell, which is silent until something is closed again. */
void close_threads_hear(struct close_threads *close_threads);

/*
 * Waits, so many microseconds at most, until all is closed; at_end also until no thread is left,
 * as none is needed any more. Returns whether that is so.
 */
bool close_threads_wait(struct close_threads *close_threads, uint64_t usec, bool at_end);
