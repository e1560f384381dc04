/*
 * Frees large segments away from the daemon's thread.
 * See releaser.h for what it does and never does.
 */
#include "daemon/segment/deferred-free.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/job/job.h"
#include "daemon/job/spawn.h"

int releaser_init(struct releaser *releaser, sd_event *event, const char *program)
{
	*releaser = (struct releaser){.event = event, .program = program};
	releaser->handover.channel = -1;
	return unlinked_init(&releaser->unlinked, event);
}

static void deferred_free_forget(struct releaser *releaser)
{
	releaser->answers = sd_event_source_disable_unref(releaser->answers);
	if (releaser->handover.channel >= 0)
		close(releaser->handover.channel);
	releaser->handover = (struct handover){.channel = -1};
	releaser->ready = false;
}

/* Its end closes what it has. */
static void deferred_free_end(struct releaser *releaser)
{
	kill(releaser->pid, SIGKILL);
	deferred_free_forget(releaser);
}

/* The first of those that are pending is free. */
static void deferred_free_count_freed(struct releaser *releaser)
{
	uint64_t size = releaser->sizes[releaser->first];
	releaser->first = (releaser->first + 1) % RELEASES_MAX;
	releaser->pending--;
	releaser->bytes -= size;
	releaser->unlinked.freed += size;
	if (releaser->pending == 0 && releaser->freed)
		releaser->freed(releaser->context);
}

/* The end of the process has closed what it had. */
static void deferred_free_count_all_freed(struct releaser *releaser)
{
	while (releaser->pending > 0)
		deferred_free_count_freed(releaser);
}

static int deferred_free_on_exit_of_child(
	sd_event_source *source, const siginfo_t *info, void *context)
{
	struct releaser *releaser = context;
	(void)source;
	(void)info;
	releaser->child = sd_event_source_disable_unref(releaser->child);
	deferred_free_forget(releaser);
	deferred_free_count_all_freed(releaser);
	return 0;
}

/* Says what is due, now or when there is room for it. */
static void deferred_free_settle(struct releaser *releaser)
{
	uint32_t events = handover_settle(&releaser->handover) < 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (sd_event_source_set_io_events(releaser->answers, events) < 0)
		deferred_free_end(releaser);
}

/* Its answers say that a segment is freed. */
static int deferred_free_on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct releaser *releaser = context;
	union job_packet packet;
	(void)source;
	if (events & EPOLLOUT)
		deferred_free_settle(releaser);
	if (releaser->handover.channel < 0)
		return 0;
	ssize_t count = process_receive(fd, &packet, sizeof(packet));
	if (count == -EAGAIN)
		return 0;
	if (count == sizeof(packet.ready) && !releaser->ready && packet.kind == JOB_READY) {
		releaser->ready = true;
	} else if (count != sizeof(packet.signal) || !releaser->ready || packet.kind != JOB_DONE ||
		   releaser->pending == 0) {
		deferred_free_end(releaser);
	} else {
		deferred_free_count_freed(releaser);
	}
	return 0;
}

static int deferred_free_start(struct releaser *releaser)
{
	if (releaser->handover.channel >= 0)
		return 0;
	if (releaser->child || releaser->stopped)
		return -EBUSY; /* the one before is not buried yet, or it was the last */
	int r = process_start(releaser->program, &releaser->handover.channel, &releaser->pid);
	if (r < 0)
		return r;
	r = sd_event_add_child(releaser->event, &releaser->child, releaser->pid, WEXITED,
		deferred_free_on_exit_of_child, releaser);
	if (r >= 0)
		r = sd_event_add_io(releaser->event, &releaser->answers, releaser->handover.channel,
			EPOLLIN, deferred_free_on_answer, releaser);
	if (r < 0) {
		kill(releaser->pid, SIGKILL);
		if (!releaser->child)
			waitpid(releaser->pid, NULL, 0);
		deferred_free_forget(releaser);
	}
	return r;
}

/* Sends it away, or closes it here where that cannot be. */
static void deferred_free_send_away(struct releaser *releaser, int fd, uint64_t size)
{
	bool sent = releaser->pending < RELEASES_MAX && deferred_free_start(releaser) == 0 &&
		    handover_give(&releaser->handover, fd) == 0;
	if (!sent) {
		close(fd);
		releaser->unlinked.freed += size;
		return;
	}
	releaser->sizes[(releaser->first + releaser->pending) % RELEASES_MAX] = size;
	releaser->pending++;
	releaser->bytes += size;
	deferred_free_settle(releaser);
}

void releaser_close(struct releaser *releaser, int fd)
{
	deferred_free_send_away(releaser, fd, 0);
}

void releaser_free(struct releaser *releaser, int fd, const char *name, uid_t owner)
{
	struct stat status;
	uint64_t size = 0;
	if (fstat(fd, &status) == 0)
		size = (uint64_t)status.st_blocks * 512;
	bool used = unlinked_follow(&releaser->unlinked, fd, size, name, owner);
	deferred_free_send_away(releaser, fd, used ? 0 : size);
}

void releaser_stop(struct releaser *releaser)
{
	releaser->stopped = true;
	deferred_free_forget(releaser);
	if (!releaser->child)
		return;
	releaser->child = sd_event_source_disable_unref(releaser->child);
	process_end(releaser->pid);
	deferred_free_count_all_freed(releaser);
}

void releaser_destroy(struct releaser *releaser)
{
	unlinked_destroy(&releaser->unlinked);
}
