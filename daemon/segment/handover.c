/*
 * Hands descriptors over in two steps.
 */
#include "daemon/segment/handover.h"

#include <unistd.h>

#include "daemon/job/job.h"
#include "daemon/job/spawn.h"

static int handover_say(const struct handover *handover, enum job_kind kind, int fd)
{
	const struct job_signal word = {kind};
	return process_send(handover->channel, &word, sizeof(word), fd);
}

int handover_settle(struct handover *handover)
{
	int r = handover->due ? handover_say(handover, JOB_LAST, -1) : 0;
	if (r == 0)
		handover->due = false;
	return r;
}

int handover_give(struct handover *handover, int fd)
{
	int r = handover_settle(handover);
	if (r == 0)
		r = handover_say(handover, JOB_FREE, fd);
	if (r < 0)
		return r;
	close(fd);
	handover->due = true;
	handover_settle(handover);
	return 0;
}
