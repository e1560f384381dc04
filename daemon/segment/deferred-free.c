/*
 * The last close(2) of a segment frees its pages, which takes milliseconds for a large one. So
 * another process closes it last:
 *
 *   1. The daemon sends the descriptor (JOB_FREE).
 *   2. The daemon closes its own descriptor.
 *   3. The daemon sends JOB_LAST. Only then the process closes the segment.
 *
 * Without JOB_LAST the process could close first, and the daemon would free the pages after all.
 * When the channel is full at step 3, JOB_LAST is sent later, before any other packet.
 */
#include "daemon/segment/deferred-free.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/job/channel.h"
#include "daemon/job/spawn.h"

int deferred_free_init(struct deferred_free *deferred_free, sd_event *event, const char *program)
{
	*deferred_free = (struct deferred_free){.event = event, .program = program};
	deferred_free->channel = -1;
	return unlinked_init(&deferred_free->unlinked, event);
}

static void deferred_free_forget(struct deferred_free *deferred_free)
{
	deferred_free->answers = sd_event_source_disable_unref(deferred_free->answers);
	if (deferred_free->channel >= 0)
		close(deferred_free->channel);
	deferred_free->channel = -1;
	deferred_free->last_is_due = false;
	deferred_free->ready = false;
}

/* The end of the process closes its descriptors. */
static void deferred_free_kill(struct deferred_free *deferred_free)
{
	kill(deferred_free->pid, SIGKILL);
	deferred_free_forget(deferred_free);
}

/* The first pending segment is free. */
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

static void deferred_free_count_all_freed(struct deferred_free *deferred_free)
{
	while (deferred_free->pending > 0)
		deferred_free_count_freed(deferred_free);
}

static int deferred_free_on_exit(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct deferred_free *deferred_free = context;
	(void)source;
	(void)info;
	deferred_free->child = sd_event_source_disable_unref(deferred_free->child);
	deferred_free_forget(deferred_free);
	deferred_free_count_all_freed(deferred_free);
	return 0;
}

static int deferred_free_send(const struct deferred_free *deferred_free, enum job_kind kind, int fd)
{
	const union job_packet packet = {.signal = {kind}};
	return channel_send(deferred_free->channel, &packet, fd);
}

/* Sends JOB_LAST, if it is due. */
static int deferred_free_send_last(struct deferred_free *deferred_free)
{
	int r = deferred_free->last_is_due ? deferred_free_send(deferred_free, JOB_LAST, -1) : 0;
	if (r == 0)
		deferred_free->last_is_due = false;
	return r;
}

/* Sends a segment and closes it here. After a failure it is the caller's. */
static int deferred_free_send_segment(struct deferred_free *deferred_free, int fd)
{
	int r = deferred_free_send_last(deferred_free);
	if (r == 0)
		r = deferred_free_send(deferred_free, JOB_FREE, fd);
	if (r < 0)
		return r;
	close(fd);
	deferred_free->last_is_due = true;
	return 0;
}

/* Sends JOB_LAST now, or when the channel can be written to. */
static void deferred_free_flush(struct deferred_free *deferred_free)
{
	uint32_t events = deferred_free_send_last(deferred_free) < 0 ? EPOLLIN | EPOLLOUT : EPOLLIN;
	if (sd_event_source_set_io_events(deferred_free->answers, events) < 0)
		deferred_free_kill(deferred_free);
}

/* Acts on a packet of a kind that is allowed now. Returns false for any other. */
static bool deferred_free_on_packet(struct deferred_free *deferred_free, uint32_t kind)
{
	if (kind == JOB_READY && !deferred_free->ready) {
		deferred_free->ready = true;
		return true;
	}
	if (kind != JOB_DONE || !deferred_free->ready || deferred_free->pending == 0)
		return false;
	deferred_free_count_freed(deferred_free);
	return true;
}

static int deferred_free_on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct deferred_free *deferred_free = context;
	union job_packet packet;
	(void)source;
	if (events & EPOLLOUT)
		deferred_free_flush(deferred_free);
	if (deferred_free->channel < 0)
		return 0;
	int r = channel_receive_from_decoder(fd, &packet);
	if (r == -EAGAIN)
		return 0;
	if (r <= 0 || !deferred_free_on_packet(deferred_free, packet.kind))
		deferred_free_kill(deferred_free);
	return 0;
}

static int deferred_free_start(struct deferred_free *deferred_free)
{
	if (deferred_free->channel >= 0)
		return 0;
	if (deferred_free->child || deferred_free->stopped)
		return -EBUSY; /* the process before it is not reaped yet, or this is the end */
	int r = spawn_start(deferred_free->program, &deferred_free->channel, &deferred_free->pid);
	if (r < 0)
		return r;
	r = sd_event_add_child(deferred_free->event, &deferred_free->child, deferred_free->pid,
		WEXITED, deferred_free_on_exit, deferred_free);
	if (r >= 0)
		r = sd_event_add_io(deferred_free->event, &deferred_free->answers,
			deferred_free->channel, EPOLLIN, deferred_free_on_answer, deferred_free);
	if (r < 0) {
		kill(deferred_free->pid, SIGKILL);
		if (!deferred_free->child)
			waitpid(deferred_free->pid, NULL, 0);
		deferred_free_forget(deferred_free);
	}
	return r;
}

/* Has the process close fd, or closes it here if that fails. */
static void deferred_free_submit(struct deferred_free *deferred_free, int fd, uint64_t size)
{
	bool sent = deferred_free->pending < DEFERRED_FREE_MAX &&
		    deferred_free_start(deferred_free) == 0 &&
		    deferred_free_send_segment(deferred_free, fd) == 0;
	if (!sent) {
		close(fd);
		deferred_free->unlinked.freed += size;
		return;
	}
	deferred_free->sizes[(deferred_free->first + deferred_free->pending) % DEFERRED_FREE_MAX] =
		size;
	deferred_free->pending++;
	deferred_free->bytes += size;
	deferred_free_flush(deferred_free);
}

void deferred_free_close(struct deferred_free *deferred_free, int fd)
{
	deferred_free_submit(deferred_free, fd, 0);
}

void deferred_free_free(struct deferred_free *deferred_free, int fd, const char *name, uid_t owner)
{
	struct stat status;
	uint64_t size = 0;
	if (fstat(fd, &status) == 0)
		size = (uint64_t)status.st_blocks * 512;
	bool used = unlinked_track(&deferred_free->unlinked, fd, size, name, owner);
	deferred_free_submit(deferred_free, fd, used ? 0 : size);
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
