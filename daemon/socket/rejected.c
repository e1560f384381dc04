/*
 * Sockets of those who were turned away.
 * See refusal.h for what it does and never does.
 */
#include "daemon/socket/rejected.h"

#include <errno.h>
#include <stdlib.h>

enum { REFUSALS_MAX = 256 };

struct refusal {
	struct purge purge; /* first: the purge is the refusal */
	struct refusals *refusals;
};

void refusals_init(struct refusals *refusals, struct purger *purger)
{
	*refusals = (struct refusals){.purger = purger};
}

void refusals_destroy(struct refusals *refusals)
{
	free(refusals->next);
	refusals->next = NULL;
}

int refusals_prepare(struct refusals *refusals)
{
	if (refusals->count >= REFUSALS_MAX)
		return -EBUSY;
	if (!refusals->next)
		refusals->next = malloc(sizeof(*refusals->next));
	return refusals->next ? 0 : -ENOMEM;
}

static void rejected_on_closed(struct purge *purge)
{
	struct refusal *refusal = (struct refusal *)purge;
	refusal->refusals->count--;
	free(refusal);
}

void refusals_close(struct refusals *refusals, int fd)
{
	struct refusal *refusal = refusals->next;
	refusals->next = NULL;
	refusals->count++;
	*refusal = (struct refusal){{.fd = fd, .closed = rejected_on_closed}, refusals};
	purger_close(refusals->purger, &refusal->purge);
}
