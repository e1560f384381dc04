/*
 * Frees large segments away from the daemon's thread.
 * See releaser.h for what it does and never does.
 */
#include "daemon/releaser.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/cleanup.h"
#include "daemon/decoder/job.h"
#include "daemon/process.h"

void releaser_init(struct releaser *releaser, sd_event *event, const char *program)
{
	*releaser = (struct releaser){.event = event, .program = program, .channel = -1};
}

static void forget(struct releaser *releaser)
{
	releaser->answers = sd_event_source_disable_unref(releaser->answers);
	if (releaser->channel >= 0)
		close(releaser->channel);
	releaser->channel = -1;
	releaser->ready = false;
}

static void all_freed(struct releaser *releaser)
{
	releaser->pending = 0;
	if (releaser->freed)
		releaser->freed(releaser->context);
}

static int on_exit_of_child(sd_event_source *source, const siginfo_t *info, void *context)
{
	struct releaser *releaser = context;
	(void)source;
	(void)info;
	releaser->child = sd_event_source_disable_unref(releaser->child);
	forget(releaser);
	all_freed(releaser);
	return 0;
}

/* Its answers say that a segment is freed. */
static int on_answer(sd_event_source *source, int fd, uint32_t events, void *context)
{
	struct releaser *releaser = context;
	union job_packet packet;
	(void)source;
	(void)events;
	ssize_t count = process_receive(fd, &packet, sizeof(packet));
	if (count == -EAGAIN)
		return 0;
	if (count > 0 && !releaser->ready && packet.kind == JOB_READY) {
		releaser->ready = true;
	} else if (count <= 0 || !releaser->ready || packet.kind != JOB_DONE ||
		   releaser->pending == 0) {
		kill(releaser->pid, SIGKILL);
		forget(releaser);
	} else if (--releaser->pending == 0) {
		all_freed(releaser);
	}
	return 0;
}

static int start(struct releaser *releaser)
{
	if (releaser->channel >= 0)
		return 0;
	if (releaser->child || releaser->stopped)
		return -EBUSY; /* the one before is not buried yet, or it was the last */
	int r = process_start(releaser->program, &releaser->channel, &releaser->pid);
	if (r < 0)
		return r;
	r = sd_event_add_child(releaser->event, &releaser->child, releaser->pid, WEXITED,
		on_exit_of_child, releaser);
	if (r >= 0)
		r = sd_event_add_io(releaser->event, &releaser->answers, releaser->channel, EPOLLIN,
			on_answer, releaser);
	if (r < 0) {
		kill(releaser->pid, SIGKILL);
		if (!releaser->child)
			waitpid(releaser->pid, NULL, 0);
		forget(releaser);
	}
	return r;
}

void releaser_close(struct releaser *releaser, int fd)
{
	OWN_FD int mine = fd;
	if (start(releaser) < 0)
		return;
	const struct job_signal order = {JOB_FREE};
	if (process_send(releaser->channel, &order, sizeof(order), mine) == 0)
		releaser->pending++;
}

void releaser_stop(struct releaser *releaser)
{
	releaser->stopped = true;
	forget(releaser);
	if (!releaser->child)
		return;
	releaser->child = sd_event_source_disable_unref(releaser->child);
	process_end(releaser->pid);
}
