/*
 * The threads that call close(2), and the lists of descriptors from which they take. Times are
 * those of clock_now_usec().
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/base/tiny.h"

enum { CLOSE_THREADS_MAX = TINY(4, 2) /* of one user */ };

/* A user's list: close_list_init(). The lock guards all members but closed. */
struct close_list {
	TAILQ_ENTRY(close_list) link; /* while a thread may take from it */
	bool listed;
	bool rings;	  /* the bell, when a descriptor is closed */
	int first, last;  /* -1: none waits */
	unsigned at_work; /* threads that are closing one */
	_Atomic uint64_t closed;
};

struct close_threads;

/* A thread; close_threads frees it after its end. */
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
	pthread_cond_t work;  /* a descriptor waits, or threads must end */
	pthread_cond_t quiet; /* all are closed, or a thread has ended */
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
 * Makes it for descriptors below size. The table has an entry for each number from the start, so
 * that adding a descriptor never fails for want of memory. Returns 0 or a negative errno.
 */
int close_threads_new(struct close_threads **made, size_t size);

/*
 * Ends it. Threads that hang are detached and keep their memory until the process ends. No list may
 * be in use.
 */
void close_threads_free(struct close_threads *close_threads);

void close_list_init(struct close_list *queue);

/* Adds a descriptor to a list. Returns false when the table has no entry for it. */
bool close_threads_put(struct close_threads *close_threads, struct close_list *queue, int fd);

/*
 * Wakes an idle thread for what waits. Returns whether another thread is needed: all threads have
 * been closing one descriptor since before a time.
 */
bool close_threads_wake(struct close_threads *close_threads, uint64_t before);

/* Starts a thread. Returns 0 or a negative errno. */
int close_threads_start(struct close_threads *close_threads);

/* Joins threads that have ended. */
void close_threads_bury(struct close_threads *close_threads);

/* How many threads have been closing a descriptor of a list since before a time. */
unsigned close_threads_count_late(
	struct close_threads *close_threads, const struct close_list *queue, uint64_t before);

/* Sets whether the bell rings when the next descriptor of a list is closed. */
void close_threads_ring(struct close_threads *close_threads, struct close_list *queue, bool rings);

/* Resets the bell. */
void close_threads_hear(struct close_threads *close_threads);

/*
 * Waits until all descriptors are closed, usec microseconds at most; with at_end also until all
 * threads have ended. Returns whether that is so.
 */
bool close_threads_wait(struct close_threads *close_threads, uint64_t usec, bool at_end);
