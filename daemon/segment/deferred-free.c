/*
 * Frees large segments away from the daemon's thread.
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

int deferred_free_init(struct deferred_free *deferred_free, sd_event *event, const char *program)
{
	*deferred_free = (struct deferred_free){.event = event, .program = program};
	deferred_free->handover.channel = -1;
	return unlinked_init(&deferred_free->unlinked, event);
}

static void deferred_free_forget(struct deferred_free *deferred_free)
{
	deferred_free->answers = sd_event_source_disable_unref(deferred_free->answers);
	if (deferred_free->handover.channel >= 0)
		close(deferred_free->handover.channel);
	deferred_free->handover = (struct handover){.channel = -1};
	deferred_free->ready = false;
}

/* Its end closes what it has. */
static void deferred_free_end(struct deferred_free *deferred_free)
{
	kill(deferred_free->pid, SIGKILL);
	deferred_free_forget(deferred_free);
}

/* The first of those that are pending is free. */
static void deferred_free_count_freed(struct deferred_free *deferred_free)
{
	uint64_t size = deferred_free->sizes[deferred_free->first];
	deferred_free->first = (deferred_free->first + 1) % DEFERRED_FREE_MAX;
	deferred_free->pending--;
	deferred_free->bytes -= size;
	deferred_free->unlinked.freed += size;
	if (deferred_free->pending == 0 && deferred_free->freed)
		deferred_free->freed(deferred_free->context);
}

/* The end of the process has closed what it had. */
static void deferred_free_count_all_freed(struct deferred_free *deferred_free)
{
	while (deferred_free->pending > 0)
		deferred_free_count_freed(deferred_free);
}

static int deferred_free_on_exit_of_child(
	sd_event_source *source, const siginfo_t *info, void *context)
{
	struct deferred_free *deferred_free = context;
	(void)source;
	(void)info;
	deferred_free->child = sd_event_source_disable_unref(deferred_free->child);
	deferred_free_forget(deferred_free);
	deferred_free_count_all_freed(deferred_free);
	return 0;
}

/* Says what is due, now or when there is room for it. */
static void deferred_free_settle(struct deferred_free *deferred_free)
{
	uint32_t events =
		handover_settle(&deferred_free->handover) < 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (sd_event_source_set_io_events(deferred_free->answers, events) < 0)
		deferred_free_end(deferred_free);
}

/* Its answers say that a segment is freed. */
static int deferred_free_on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct deferred_free *deferred_free = context;
	union job_packet packet;
	(void)source;
	if (events & EPOLLOUT)
		deferred_free_settle(deferred_free);
	if (deferred_free->handover.channel < 0)
		return 0;
	ssize_t count = process_receive(fd, &packet, sizeof(packet));
	if (count == -EAGAIN)
		return 0;
	if (count == sizeof(packet.ready) && !deferred_free->ready && packet.kind == JOB_READY) {
		deferred_free->ready = true;
	} else if (count != sizeof(packet.signal) || !deferred_free->ready ||
		   packet.kind != JOB_DONE || deferred_free->pending == 0) {
		deferred_free_end(deferred_free);
	} else {
		deferred_free_count_freed(deferred_free);
	}
	return 0;
}

static int deferred_free_start(struct deferred_free *deferred_free)
{
	if (deferred_free->handover.channel >= 0)
		return 0;
	if (deferred_free->child || deferred_free->stopped)
		return -EBUSY; /* the one before is not buried yet, or it was the last */
	int r = spawn_start(
		deferred_free->program, &deferred_free->handover.channel, &deferred_free->pid);
	if (r < 0)
		return r;
	r = sd_event_add_child(deferred_free->event, &deferred_free->child, deferred_free->pid,
		WEXITED, deferred_free_on_exit_of_child, deferred_free);
	if (r >= 0)
		r = sd_event_add_io(deferred_free->event, &deferred_free->answers,
			deferred_free->handover.channel, EPOLLIN, deferred_free_on_answer,
			deferred_free);
	if (r < 0) {
		kill(deferred_free->pid, SIGKILL);
		if (!deferred_free->child)
			waitpid(deferred_free->pid, NULL, 0);
		deferred_free_forget(deferred_free);
	}
	return r;
}

/* Sends it away, or closes it here where that cannot be. */
static void deferred_free_send_away(struct deferred_free *deferred_free, int fd, uint64_t size)
{
	bool sent = deferred_free->pending < DEFERRED_FREE_MAX &&
		    deferred_free_start(deferred_free) == 0 &&
		    handover_give(&deferred_free->handover, fd) == 0;
	if (!sent) {
		close(fd);
		deferred_free->unlinked.freed += size;
		return;
	}
	deferred_free->sizes[(deferred_free->first + deferred_free->pending) % DEFERRED_FREE_MAX] =
		size;
	deferred_free->pending++;
	deferred_free->bytes += size;
	deferred_free_settle(deferred_free);
}

void deferred_free_close(struct deferred_free *deferred_free, int fd)
{
	deferred_free_send_away(deferred_free, fd, 0);
}

void deferred_free_free(struct deferred_free *deferred_free, int fd, const char *name, uid_t owner)
{
	struct stat status;
	uint64_t size = 0;
	if (fstat(fd, &status) == 0)
		size = (uint64_t)status.st_blocks * 512;
	bool used = unlinked_follow(&deferred_free->unlinked, fd, size, name, owner);
	deferred_free_send_away(deferred_free, fd, used ? 0 : size);
}

void deferred_free_stop(struct deferred_free *deferred_free)
{
	deferred_free->stopped = true;
	deferred_free_forget(deferred_free);
	if (!deferred_free->child)
		return;
	deferred_free->child = sd_event_source_disable_unref(deferred_free->child);
	spawn_end(deferred_free->pid);
	deferred_free_count_all_freed(deferred_free);
}

void deferred_free_destroy(struct deferred_free *deferred_free)
{
	unlinked_destroy(&deferred_free->unlinked);
}
