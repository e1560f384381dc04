/*
 * Threads with a table of descriptors of their own.
 */
#include "daemon/job/apart.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

/* On the stack of who starts it, until the thread has posted. */
struct beginning {
	int channel;
	void (*run)(void *context);
	void *context;
	int result;
	sem_t posted;
};

/* Where there is no close_range(2), or it is forbidden, there are other ways to the same. */
static int apart_leave_table(int channel)
{
	unsigned after = (unsigned)channel + 1;
	if (close_range(after, ~0U, CLOSE_RANGE_UNSHARE) < 0 && unshare(CLONE_FILES) < 0)
		return -errno;
	if (channel != APART_CHANNEL && dup3(channel, APART_CHANNEL, O_CLOEXEC) < 0)
		return -errno;
	closefrom(APART_CHANNEL + 1);
	return 0;
}

static void *apart_begin(void *start)
{
	struct beginning *beginning = start;
	void (*run)(void *context) = beginning->run;
	void *context = beginning->context;
	int result = apart_leave_table(beginning->channel);
	beginning->result = result;
	sem_post(&beginning->posted); /* it is gone now */
	if (result == 0)
		run(context);
	return NULL;
}

static int apart_create(struct beginning *beginning)
{
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t all;
	int r = pthread_attr_init(&attributes);
	if (r)
		return -r;
	sigfillset(&all);
	r = pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (r == 0)
		r = pthread_attr_setsigmask_np(&attributes, &all);
	if (r == 0)
		r = pthread_create(&thread, &attributes, apart_begin, beginning);
	pthread_attr_destroy(&attributes);
	return -r;
}

int apart_start(int channel, void (*run)(void *context), void *context)
{
	struct beginning beginning = {.channel = channel, .run = run, .context = context};
	sem_init(&beginning.posted, 0, 0);
	int r = apart_create(&beginning);
	while (r == 0 && sem_wait(&beginning.posted) < 0) {
	}
	sem_destroy(&beginning.posted);
	return r < 0 ? r : beginning.result;
}
